using System.Text;
using Pilotfish.Capture.Iptables;
using Pilotfish.Capture.Rules;

namespace Pilotfish.Capture.Nftables;

/// <summary>
/// The input of `nft -f -`: one transaction that replaces all tables of ours, so running it again changes nothing.
/// </summary>
internal static class NftablesScript
{
    private static readonly RuleTable[] s_tables = [RuleTable.Nat, RuleTable.Mangle, RuleTable.Raw];

    public static string Apply(RulePlan plan)
    {
        var script = new StringBuilder();
        foreach (RuleTable table in s_tables)
        {
            AppendRemoval(script, table);
            if (plan.V4.Any(rule => rule.Table == table))
            {
                AppendTable(script, table, plan);
            }
        }

        return script.ToString();
    }

    public static string Remove()
    {
        var script = new StringBuilder();
        foreach (RuleTable table in s_tables)
        {
            AppendRemoval(script, table);
        }

        return script.ToString();
    }

    private static void AppendRemoval(StringBuilder script, RuleTable table)
    {
        // Deleting what is not there would fail the transaction, so it is made first.
        script.Append("add table inet ").Append(TableName(table)).Append('\n');
        script.Append("delete table inet ").Append(TableName(table)).Append('\n');
    }

    private static void AppendTable(StringBuilder script, RuleTable table, RulePlan plan)
    {
        string name = TableName(table);
        CaptureRule[] rules = [.. plan.V4.Concat(plan.V6).Where(rule => rule.Table == table)];
        string[] own = [.. RestoreText.ChainsOf(rules)];
        script.Append("add table inet ").Append(name).Append('\n');
        foreach ((string chain, string hook) in BaseChains(table))
        {
            script.Append("add chain inet ").Append(name).Append(' ')
                .Append(NftablesFormat.ChainName(chain)).Append(" { ").Append(hook).Append(" }\n");
        }

        foreach (string chain in own)
        {
            script.Append("add chain inet ").Append(name).Append(' ').Append(NftablesFormat.ChainName(chain)).Append('\n');
        }

        // These tables see both families: without IPv6 rules, IPv6 packets must not enter our chains at all.
        bool v4Only = plan.V6.IsEmpty;
        foreach (string chain in BaseChains(table).Select(b => b.Chain).Concat(own))
        {
            bool guard = v4Only && !ChainNames.IsOurs(chain);
            foreach ((CaptureRule rule, AddressFamilies families) in FamilyMerge.Chain(plan, table, chain))
            {
                AddressFamilies shown = families == AddressFamilies.V4 && v4Only && !guard ? AddressFamilies.Both : families;
                script.Append("add rule inet ").Append(name).Append(' ').Append(NftablesFormat.ChainName(chain)).Append(' ')
                    .Append(NftablesFormat.Rule(rule, shown)).Append('\n');
            }
        }
    }

    private static (string Chain, string Hook)[] BaseChains(RuleTable table) => table switch
    {
        RuleTable.Nat =>
        [
            (ChainNames.Prerouting, "type nat hook prerouting priority -100 ;"),
            (ChainNames.Output, "type nat hook output priority -100 ;"),
        ],
        RuleTable.Mangle =>
        [
            (ChainNames.Prerouting, "type filter hook prerouting priority -150 ;"),

            // A changed mark must choose the route anew.
            (ChainNames.Output, "type route hook output priority -150 ;"),
        ],
        RuleTable.Raw =>
        [
            (ChainNames.Prerouting, "type filter hook prerouting priority -300 ;"),
            (ChainNames.Output, "type filter hook output priority -300 ;"),
        ],
        _ => throw new ArgumentOutOfRangeException(nameof(table), table, "No rule of ours stands there."),
    };

    private static string TableName(RuleTable table) => "istio-proxy-" + IptablesFormat.TableName(table);
}
