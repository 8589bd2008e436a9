using System.Collections.Frozen;
using System.Globalization;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// Clusters whose requests are refused, or a share of them: the runtime keys <c>upstream.maintenance_mode.NAME</c>, in percent (envoy
/// docs/root/configuration/http/http_filters/router_filter.rst). Set on the main loop, read by any thread, once per request: while no key is set
/// that is one load.
/// </summary>
public sealed class MaintenanceModes
{
    public const string KeyPrefix = "upstream.maintenance_mode.";
    private const uint PercentMax = 100;

    private volatile FrozenDictionary<string, uint>? _percents;

    /// <summary>How many of a hundred requests to a cluster are refused, 0 to 100.</summary>
    public uint PercentOf(string cluster) => _percents is { } set && set.TryGetValue(cluster, out uint percent) ? percent : 0;

    /// <summary>Whether a runtime key is one of these.</summary>
    public static bool IsKey(string key) => key.StartsWith(KeyPrefix, StringComparison.Ordinal) && key.Length > KeyPrefix.Length;

    /// <summary>Whether a value of such a key is a percentage.</summary>
    public static bool TryParse(string value, out uint percent) =>
        uint.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out percent) && percent <= PercentMax;

    /// <summary>Takes over what the runtime says now; values that are no percentage count as 0, as they do in Envoy. Main loop.</summary>
    public void Replace(IEnumerable<KeyValuePair<string, string>> values)
    {
        var set = new Dictionary<string, uint>(StringComparer.Ordinal);
        foreach ((string key, string value) in values)
        {
            if (IsKey(key) && TryParse(value, out uint percent) && percent > 0)
            {
                set[key[KeyPrefix.Length..]] = percent;
            }
        }

        _percents = set.Count == 0 ? null : set.ToFrozenDictionary(StringComparer.Ordinal);
    }
}
