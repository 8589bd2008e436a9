namespace Pilotfish.Capture.Iptables;

/// <summary>
/// What iptables-save printed, as far as we need it: per table the chains of ours and, per chain, its rule lines.
/// </summary>
internal sealed class SavedState
{
    private readonly Dictionary<string, Dictionary<string, List<string>>> _tables = new(StringComparer.Ordinal);

    private SavedState()
    {
    }

    public IEnumerable<string> Tables => _tables.Keys;

    /// <summary>Whether an earlier run left any chain of ours.</summary>
    public bool HasResidue => _tables.Values.Any(chains => chains.Keys.Any(Rules.ChainNames.IsOurs));

    /// <summary>Whether anyone set rules with this backend; an empty table that merely exists does not count.</summary>
    public bool HasRules => _tables.Values.Any(chains => chains.Values.Any(rules => rules.Count > 0)) || HasResidue;

    public IReadOnlyDictionary<string, List<string>> Chains(string table) =>
        _tables.TryGetValue(table, out Dictionary<string, List<string>>? chains)
            ? chains
            : new Dictionary<string, List<string>>();

    public static SavedState Parse(string saved)
    {
        var state = new SavedState();
        Dictionary<string, List<string>>? chains = null;
        foreach (string raw in saved.Split('\n'))
        {
            string line = raw.Trim();
            if (line.StartsWith('*'))
            {
                chains = [];
                state._tables[line[1..].Trim()] = chains;
            }
            else if (line.StartsWith(':') && chains is not null)
            {
                string chain = line[1..].Split(' ')[0];
                if (Rules.ChainNames.IsOurs(chain))
                {
                    chains.TryAdd(chain, []);
                }
            }
            else if (line.StartsWith("-A ", StringComparison.Ordinal) && chains is not null)
            {
                string chain = line.Split(' ')[1];
                chains.TryAdd(chain, []);
                chains[chain].Add(line);
            }
        }

        return state;
    }
}
