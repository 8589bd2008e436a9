using System.Text;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;

namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>
/// Metadata that a route asks of its endpoints (`metadata_match`), sorted by key and joined once when the route compiles,
/// so that a pick looks it up with one string comparison.
/// </summary>
public sealed class SubsetMatch
{
    // The key whose list holds what is tried in turn (FALLBACK_LIST).
    private const string ListKey = "fallback_list";

    // Each is tried by each pick that fails.
    private const int AlternativesMax = 64;

    private readonly List<List<KeyValuePair<string, string>>> _listed;

    private SubsetMatch(KeyValuePair<string, string>[] pairs, List<List<KeyValuePair<string, string>>> listed)
    {
        Pairs = pairs;
        CanonicalKey = Join(pairs);
        _listed = listed;
        Alternatives = new SubsetMatch?[listed.Count];
        for (int i = 0; i < listed.Count; i++)
        {
            Alternatives[i] = Create(Over(Array.FindAll(pairs, static pair => pair.Key != ListKey), listed[i]));
        }
    }

    public IReadOnlyList<KeyValuePair<string, string>> Pairs { get; }

    /// <summary>What fallback_list makes of the rest, in its order; a null asks for nothing. Empty without such a list.</summary>
    internal SubsetMatch?[] Alternatives { get; }

    internal string CanonicalKey { get; }

    public static SubsetMatch? Create(IEnumerable<KeyValuePair<string, string>> pairs) => Create(pairs, []);

    private static SubsetMatch? Create(IEnumerable<KeyValuePair<string, string>> pairs, List<List<KeyValuePair<string, string>>> listed)
    {
        var sorted = new List<KeyValuePair<string, string>>(pairs);
        sorted.Sort((a, b) => string.CompareOrdinal(a.Key, b.Key));
        return sorted.Count == 0 ? null : new SubsetMatch([.. sorted], listed);
    }

    /// <summary>What metadata says under <c>envoy.lb</c>; null when it says nothing.</summary>
    internal static SubsetMatch? From(Envoy.Config.Core.V3.Metadata? metadata)
    {
        if (metadata is null || !metadata.FilterMetadata.TryGetValue(EndpointMetadata.SubsetNamespace, out Struct? fields))
        {
            return null;
        }

        var listed = new List<List<KeyValuePair<string, string>>>();
        if (fields.Fields.TryGetValue(ListKey, out Value? list))
        {
            IReadOnlyList<Value> values = list.ListValue is { } alternatives ? alternatives.Values : [];
            for (int i = 0; i < Math.Min(AlternativesMax, values.Count); i++)
            {
                listed.Add(PairsOf(values[i].StructValue ?? new Struct()));
            }

            if (listed.Count == 0)
            {
                // A list of nothing leaves what else is asked for.
                listed.Add([]);
            }
        }

        return Create(PairsOf(fields), listed);
    }

    private static List<KeyValuePair<string, string>> PairsOf(Struct fields)
    {
        var pairs = new List<KeyValuePair<string, string>>();
        foreach ((string key, Value value) in fields.Fields)
        {
            pairs.Add(new KeyValuePair<string, string>(key, MetadataText.Of(value)));
        }

        return pairs;
    }

    private static Dictionary<string, string> Over(IEnumerable<KeyValuePair<string, string>> below, IEnumerable<KeyValuePair<string, string>> above)
    {
        var pairs = new Dictionary<string, string>(below, StringComparer.Ordinal);
        foreach ((string key, string value) in above)
        {
            pairs[key] = value;
        }

        return pairs;
    }

    /// <summary>What a weighted cluster asks for, over what its route asks for where both name a key; null for nothing.</summary>
    internal static SubsetMatch? Merge(SubsetMatch? route, SubsetMatch? cluster)
    {
        if (route is null || cluster is null)
        {
            return cluster ?? route;
        }

        return Create(Over(route.Pairs, cluster.Pairs), cluster._listed.Count > 0 ? cluster._listed : route._listed);
    }

    /// <summary>Whether a host's metadata has every pair. Parses it: for the few picks that no index answers.</summary>
    internal bool Holds(Host host)
    {
        if (host.Config.Metadata.Namespace(EndpointMetadata.SubsetNamespace) is not { } fields)
        {
            return false;
        }

        foreach ((string key, string wanted) in Pairs)
        {
            if (!fields.Fields.TryGetValue(key, out Value? value) || MetadataText.Of(value) != wanted)
            {
                return false;
            }
        }

        return true;
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
