using System.Text;
using Pilotfish.Capture.Rules;

namespace Pilotfish.Capture.Iptables;

/// <summary>The input of iptables-restore for one table: chains, then rules, then COMMIT (which makes it atomic).</summary>
internal sealed record RestoreText(RuleTable Table, string Text)
{
    /// <summary>One text per table that has rules, in table order.</summary>
    public static IReadOnlyList<RestoreText> Build(IReadOnlyList<CaptureRule> rules)
    {
        var texts = new List<RestoreText>();
        foreach (RuleTable table in Enum.GetValues<RuleTable>())
        {
            CaptureRule[] own = [.. rules.Where(rule => rule.Table == table)];
            if (own.Length > 0)
            {
                texts.Add(new RestoreText(table, BuildTable(table, own)));
            }
        }

        return texts;
    }

    /// <summary>Chains of ours that the rules stand in or jump to: first those with rules, in order, then the empty ones.</summary>
    public static IReadOnlyList<string> ChainsOf(IEnumerable<CaptureRule> tableRules)
    {
        var chains = new List<string>();
        foreach (string chain in tableRules.Select(rule => rule.Chain)
            .Concat(tableRules.Select(rule => rule.Target).OfType<RuleTarget.Jump>().Select(jump => jump.Chain)))
        {
            if (ChainNames.IsOurs(chain) && !chains.Contains(chain))
            {
                chains.Add(chain);
            }
        }

        return chains;
    }

    private static string BuildTable(RuleTable table, CaptureRule[] rules)
    {
        var text = new StringBuilder();
        text.Append("* ").Append(IptablesFormat.TableName(table)).Append('\n');
        foreach (string chain in ChainsOf(rules))
        {
            text.Append("-N ").Append(chain).Append('\n');
        }

        foreach (CaptureRule rule in rules)
        {
            text.AppendJoin(' ', IptablesFormat.Restore(rule)).Append('\n');
        }

        text.Append("COMMIT\n");
        return text.ToString();
    }
}
