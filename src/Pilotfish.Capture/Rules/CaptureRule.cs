using System.Collections.Immutable;

namespace Pilotfish.Capture.Rules;

/// <summary>One rule: appended to its chain, or inserted at a 1-based position.</summary>
internal sealed record CaptureRule(
    RuleTable Table,
    string Chain,
    ImmutableArray<RuleMatch> Matches,
    RuleTarget Target,
    int? InsertAt = null);
