using System.Text;

namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>
/// Metadata that a route asks of its endpoints (`metadata_match`), sorted by key and joined once when the route compiles,
/// so that a pick looks it up with one string comparison.
/// </summary>
public sealed class SubsetMatch
{
    private SubsetMatch(KeyValuePair<string, string>[] pairs)
    {
        Pairs = pairs;
        CanonicalKey = Join(pairs);
    }

    public IReadOnlyList<KeyValuePair<string, string>> Pairs { get; }

    internal string CanonicalKey { get; }

    public static SubsetMatch? Create(IEnumerable<KeyValuePair<string, string>> pairs)
    {
        var sorted = new List<KeyValuePair<string, string>>(pairs);
        sorted.Sort((a, b) => string.CompareOrdinal(a.Key, b.Key));
        return sorted.Count == 0 ? null : new SubsetMatch([.. sorted]);
    }

    internal static string Join(IReadOnlyList<KeyValuePair<string, string>> sortedPairs)
    {
        var text = new StringBuilder();
        foreach ((string key, string value) in sortedPairs)
        {
            // Lengths keep `a=b,c` + `d` apart from `a` + `b,c=d`.
            text.Append(key.Length).Append(':').Append(key).Append('=').Append(value.Length).Append(':').Append(value).Append(';');
        }

        return text.ToString();
    }
}
