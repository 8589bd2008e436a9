using System.Collections.Immutable;
using Pilotfish.Capture.Iptables;
using Pilotfish.Capture.Rules;

namespace Pilotfish.Capture.Nftables;

/// <summary>
/// Joins the rules of both families for tables that hold both (`inet`): what is alike stands once, the rest says its
/// family. Inserted rules are put where they would end up, so that the result is a plain list.
/// </summary>
internal static class FamilyMerge
{
    /// <summary>The rules of one chain in their final order.</summary>
    public static IReadOnlyList<(CaptureRule Rule, AddressFamilies Families)> Chain(
        RulePlan plan, RuleTable table, string chain)
    {
        List<CaptureRule> v4 = InFinalOrder(plan.V4, table, chain);
        List<CaptureRule> v6 = InFinalOrder(plan.V6, table, chain);
        List<string> v6Keys = [.. v6.Select(Key)];
        var merged = new List<(CaptureRule, AddressFamilies)>();
        int second = 0;
        foreach (CaptureRule rule in v4)
        {
            int match = v6Keys.IndexOf(Key(rule), second);
            if (match < 0)
            {
                merged.Add((rule, AddressFamilies.V4));
                continue;
            }

            // Rules that IPv6 alone has before the common one keep their place before it.
            while (second < match)
            {
                merged.Add((v6[second++], AddressFamilies.V6));
            }

            merged.Add((rule, AddressFamilies.Both));
            second++;
        }

        while (second < v6.Count)
        {
            merged.Add((v6[second++], AddressFamilies.V6));
        }

        return merged;
    }

    private static List<CaptureRule> InFinalOrder(ImmutableArray<CaptureRule> rules, RuleTable table, string chain)
    {
        var ordered = new List<CaptureRule>();
        foreach (CaptureRule rule in rules.Where(r => r.Table == table && r.Chain == chain))
        {
            if (rule.InsertAt is int position)
            {
                ordered.Insert(Math.Min(position - 1, ordered.Count), rule);
            }
            else
            {
                ordered.Add(rule);
            }
        }

        return ordered;
    }

    /// <summary>Two rules are alike when they print alike; their lists of matches compare by reference.</summary>
    private static string Key(CaptureRule rule) => string.Join(' ', IptablesFormat.Restore(rule with { InsertAt = null }));
}
