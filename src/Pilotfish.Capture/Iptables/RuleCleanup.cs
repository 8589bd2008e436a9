using Pilotfish.Capture.Rules;

namespace Pilotfish.Capture.Iptables;

/// <summary>
/// Removes rules of ours: those that the given configuration would set, and, from what is really there, every jump to
/// a chain of ours and the chains themselves, so that rules of another configuration leave no trace either.
/// </summary>
internal static class RuleCleanup
{
    /// <summary>The same rule set twice (a forced run) needs as many removals; more than this means something else adds them.</summary>
    private const int CopiesMax = 16;

    public static void Run(RuleFamily family, RuleTable? onlyTable = null)
    {
        foreach (CaptureRule rule in family.Rules.Reverse().Where(rule => !ChainNames.IsOurs(rule.Chain)))
        {
            List<string> delete = IptablesFormat.Command("-D", rule);
            for (int copy = 0; copy < CopiesMax && family.Tool.TryRun(delete); copy++)
            {
            }
        }

        SavedState left = family.Tool.Save(out _);
        foreach (string table in left.Tables)
        {
            if (onlyTable is RuleTable only && IptablesFormat.TableName(only) != table)
            {
                continue;
            }

            RemoveJumps(family.Tool, table, left.Chains(table));
            string[] ours = [.. left.Chains(table).Keys.Where(ChainNames.IsOurs)];

            // All are emptied before any is removed: chains jump to one another.
            foreach (string chain in ours)
            {
                family.Tool.TryRun(["-t", table, "-F", chain]);
            }

            foreach (string chain in ours)
            {
                family.Tool.TryRun(["-t", table, "-X", chain]);
            }
        }
    }

    private static void RemoveJumps(IptablesTool tool, string table, IReadOnlyDictionary<string, List<string>> chains)
    {
        foreach ((string chain, List<string> rules) in chains)
        {
            if (ChainNames.IsOurs(chain))
            {
                continue;
            }

            foreach (string line in rules)
            {
                // iptables-save quotes only comments, which a jump of ours has not.
                string[] words = line.Split(' ');
                int jump = Array.FindIndex(words, word => word is "-j" or "-g");
                if (jump > 0 && jump + 1 < words.Length && ChainNames.IsOurs(words[jump + 1]))
                {
                    tool.TryRun(["-t", table, "-D", .. words[1..]]);
                }
            }
        }
    }
}
