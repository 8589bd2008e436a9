using System.Collections.Immutable;

namespace Pilotfish.Capture.Rules;

/// <summary>Collects rules in order for one or both families; IPv6 ones are dropped when IPv6 is off.</summary>
internal sealed class RulePlanBuilder(bool ipv6)
{
    private readonly ImmutableArray<CaptureRule>.Builder _v4 = ImmutableArray.CreateBuilder<CaptureRule>();
    private readonly ImmutableArray<CaptureRule>.Builder _v6 = ImmutableArray.CreateBuilder<CaptureRule>();

    public void Append(RuleTable table, string chain, RuleTarget target, params ReadOnlySpan<RuleMatch> matches)
    {
        AppendV4(table, chain, target, matches);
        AppendV6(table, chain, target, matches);
    }

    public void AppendV4(RuleTable table, string chain, RuleTarget target, params ReadOnlySpan<RuleMatch> matches) =>
        _v4.Add(new CaptureRule(table, chain, [.. matches], target));

    public void AppendV6(RuleTable table, string chain, RuleTarget target, params ReadOnlySpan<RuleMatch> matches)
    {
        if (ipv6)
        {
            _v6.Add(new CaptureRule(table, chain, [.. matches], target));
        }
    }

    public void Insert(RuleTable table, string chain, int at, RuleTarget target, params ReadOnlySpan<RuleMatch> matches)
    {
        InsertV4(table, chain, at, target, matches);
        InsertV6(table, chain, at, target, matches);
    }

    public void InsertV4(RuleTable table, string chain, int at, RuleTarget target, params ReadOnlySpan<RuleMatch> matches) =>
        _v4.Add(new CaptureRule(table, chain, [.. matches], target, at));

    public void InsertV6(RuleTable table, string chain, int at, RuleTarget target, params ReadOnlySpan<RuleMatch> matches)
    {
        if (ipv6)
        {
            _v6.Add(new CaptureRule(table, chain, [.. matches], target, at));
        }
    }

    public RulePlan Build() => new(_v4.ToImmutable(), _v6.ToImmutable());
}
