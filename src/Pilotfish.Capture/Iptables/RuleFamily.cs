using System.Collections.Immutable;
using Pilotfish.Capture.Rules;

namespace Pilotfish.Capture.Iptables;

/// <summary>One address family's rules with the tool that sets them.</summary>
internal sealed record RuleFamily(string Label, IptablesTool Tool, ImmutableArray<CaptureRule> Rules);
