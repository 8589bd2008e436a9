using System.Text;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Matching;

/// <summary>exact_match_map, or prefix_match_map: the longest prefix first. One look-up per length in use, however many entries there are.</summary>
internal sealed class MatchMap<TFacts, TAction> : MatchNode<TFacts, TAction>
    where TAction : class
{
    private readonly MatchInput<TFacts> _input;
    private readonly Dictionary<ByteKey, MatchOutcome<TFacts, TAction>> _entries = new(ByteKeyComparer.Instance);

    // Null for exact matches; else the lengths of the prefixes in bytes, longest first.
    private readonly int[]? _lengths;

    public MatchMap(MatchInput<TFacts> input, Dictionary<string, MatchOutcome<TFacts, TAction>> entries, bool isPrefix)
    {
        _input = input;
        SortedSet<int> lengths = [];
        foreach ((string text, MatchOutcome<TFacts, TAction> outcome) in entries)
        {
            byte[] key = Encoding.UTF8.GetBytes(text);
            _entries.Add(new ByteKey(key), outcome);
            lengths.Add(key.Length);
        }

        _lengths = isPrefix ? [.. lengths.Reverse()] : null;
    }

    protected override TAction? Search(TFacts facts)
    {
        if (!_input.TryBytes(facts, out ReadOnlySpan<byte> text))
        {
            return null;
        }

        Dictionary<ByteKey, MatchOutcome<TFacts, TAction>>.AlternateLookup<ReadOnlySpan<byte>> lookup =
            _entries.GetAlternateLookup<ReadOnlySpan<byte>>();
        if (_lengths is null)
        {
            return lookup.TryGetValue(text, out MatchOutcome<TFacts, TAction>? exact) ? exact.Find(facts) : null;
        }

        foreach (int length in _lengths)
        {
            if (length <= text.Length && lookup.TryGetValue(text[..length], out MatchOutcome<TFacts, TAction>? outcome)
                && outcome.Find(facts) is { } action)
            {
                return action;
            }
        }

        return null;
    }
}
