namespace Pilotfish.Proxy.Routing;

/// <summary>
/// Byte strings, sorted, each with the longest other one that it begins with: a binary search finds the longest of them that a text
/// begins with, and its ancestors are all the others. Immutable.
/// </summary>
/// <remarks>
/// Why one search is enough: let s be the greatest entry that is not greater than the text. An entry p that the text begins with is not
/// greater than s, and nothing between p and the text can lack the beginning p; so p is s or one of its ancestors.
/// </remarks>
internal sealed class PrefixTable
{
    private readonly byte[][] _prefixes;
    private readonly int[] _parents;
    private readonly int[][] _positions;

    /// <param name="byPrefix">For each prefix the places in the caller's list, ascending.</param>
    public PrefixTable(Dictionary<ByteKey, List<int>> byPrefix)
    {
        _prefixes = new byte[byPrefix.Count][];
        _positions = new int[byPrefix.Count][];
        _parents = new int[byPrefix.Count];
        int count = 0;
        foreach ((ByteKey prefix, List<int> positions) in byPrefix)
        {
            _prefixes[count] = prefix.Bytes.ToArray();
            _positions[count++] = [.. positions];
        }

        Array.Sort(_prefixes, _positions, Comparer<byte[]>.Create(static (a, b) => a.AsSpan().SequenceCompareTo(b)));
        for (int i = 0; i < count; i++)
        {
            int parent = i - 1;
            while (parent >= 0 && !_prefixes[i].AsSpan().StartsWith(_prefixes[parent]))
            {
                parent = _parents[parent];
            }

            _parents[i] = parent;
        }
    }

    /// <summary>The longest entry that the text begins with; -1 when there is none.</summary>
    public int FindLongest(ReadOnlySpan<byte> text)
    {
        int low = 0;
        int high = _prefixes.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (text.SequenceCompareTo(_prefixes[middle]) >= 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        int entry = low - 1;
        while (entry >= 0 && !text.StartsWith(_prefixes[entry]))
        {
            entry = _parents[entry];
        }

        return entry;
    }

    /// <summary>The next shorter entry that every text with this one begins with; -1 when there is none.</summary>
    public int ShorterThan(int entry) => _parents[entry];

    public int[] PositionsOf(int entry) => _positions[entry];
}
