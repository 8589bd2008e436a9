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

    /// <summary>What metadata says under <c>envoy.lb</c>; null when it says nothing.</summary>
    internal static SubsetMatch? From(Envoy.Config.Core.V3.Metadata? metadata)
    {
        if (metadata is null || !metadata.FilterMetadata.TryGetValue(EndpointMetadata.SubsetNamespace, out Struct? fields))
        {
            return null;
        }

        var pairs = new List<KeyValuePair<string, string>>();
        foreach ((string key, Value value) in fields.Fields)
        {
            pairs.Add(new KeyValuePair<string, string>(key, MetadataText.Of(value)));
        }

        return Create(pairs);
    }

    /// <summary>What a weighted cluster asks for, over what its route asks for where both name a key; null for nothing.</summary>
    internal static SubsetMatch? Merge(SubsetMatch? route, SubsetMatch? cluster)
    {
        if (route is null || cluster is null)
        {
            return cluster ?? route;
        }

        var pairs = new Dictionary<string, string>(route.Pairs, StringComparer.Ordinal);
        foreach ((string key, string value) in cluster.Pairs)
        {
            pairs[key] = value;
        }

        return Create(pairs);
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
