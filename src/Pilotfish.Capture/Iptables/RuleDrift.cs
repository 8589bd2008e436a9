using Pilotfish.Capture.Rules;

namespace Pilotfish.Capture.Iptables;

/// <summary>Compares what is set with what is wanted. Chains and counts first, as they cost one call; then each rule.</summary>
internal static class RuleDrift
{
    /// <summary>Null when nothing differs, else the first difference in words.</summary>
    public static string? Find(SavedState current, RuleFamily wanted)
    {
        foreach (IGrouping<RuleTable, CaptureRule> table in wanted.Rules.GroupBy(rule => rule.Table))
        {
            string name = IptablesFormat.TableName(table.Key);
            IReadOnlyDictionary<string, List<string>> chains = current.Chains(name);
            foreach (string chain in RestoreText.ChainsOf(table))
            {
                int expected = table.Count(rule => rule.Chain == chain);
                int found = chains.TryGetValue(chain, out List<string>? rules) ? rules.Count : -1;
                if (found != expected)
                {
                    return found < 0
                        ? $"chain {chain} is missing in table {name}"
                        : $"chain {chain} of table {name} has {found} rules instead of {expected}";
                }
            }
        }

        foreach (string table in current.Tables)
        {
            HashSet<string> known = [.. RestoreText.ChainsOf(
                wanted.Rules.Where(rule => IptablesFormat.TableName(rule.Table) == table).ToArray())];
            string? unknown = current.Chains(table).Keys.FirstOrDefault(c => ChainNames.IsOurs(c) && !known.Contains(c));
            if (unknown is not null)
            {
                return $"chain {unknown} of table {table} is not wanted";
            }
        }

        CaptureRule? missing = wanted.Rules.FirstOrDefault(rule => !wanted.Tool.Has(rule));
        return missing is null ? null : $"rule missing: {string.Join(' ', IptablesFormat.Restore(missing))}";
    }
}
