namespace Pilotfish.Proxy.Matching;

/// <summary>exact_match_map, or prefix_match_map: the longest prefix first. One look-up per length in use, however many entries there are.</summary>
internal sealed class MatchMap<TFacts, TAction> : MatchNode<TFacts, TAction>
    where TAction : class
{
    private readonly MatchInput<TFacts> _input;
    private readonly Dictionary<string, MatchOutcome<TFacts, TAction>> _entries;

    // Null for exact matches; else the lengths of the prefixes, longest first.
    private readonly int[]? _lengths;

    public MatchMap(MatchInput<TFacts> input, Dictionary<string, MatchOutcome<TFacts, TAction>> entries, bool isPrefix)
    {
        (_input, _entries) = (input, entries);
        if (isPrefix)
        {
            SortedSet<int> lengths = [];
            foreach (string prefix in entries.Keys)
            {
                lengths.Add(prefix.Length);
            }

            _lengths = [.. lengths.Reverse()];
        }
    }

    protected override TAction? Search(TFacts facts)
    {
        if (_input.Text(facts) is not { } text)
        {
            return null;
        }

        if (_lengths is null)
        {
            return _entries.GetValueOrDefault(text)?.Find(facts);
        }

        Dictionary<string, MatchOutcome<TFacts, TAction>>.AlternateLookup<ReadOnlySpan<char>> lookup =
            _entries.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (int length in _lengths)
        {
            if (length <= text.Length && lookup.TryGetValue(text.AsSpan(0, length), out MatchOutcome<TFacts, TAction>? outcome)
                && outcome.Find(facts) is { } action)
            {
                return action;
            }
        }

        return null;
    }
}
