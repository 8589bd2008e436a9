using System.Collections.Immutable;

namespace Pilotfish.Capture.Rules;

/// <summary>Every rule of one run, in order, by address family. V6 is empty when IPv6 is off.</summary>
internal sealed record RulePlan(ImmutableArray<CaptureRule> V4, ImmutableArray<CaptureRule> V6);
