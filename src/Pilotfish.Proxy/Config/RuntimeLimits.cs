using System.Globalization;
using Envoy.Config.Bootstrap.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Listeners;

namespace Pilotfish.Proxy.Config;

/// <summary>What this proxy heeds of layered_runtime: connection limits and how it takes a fragment in a path. Later layers win.</summary>
internal static class RuntimeLimits
{
    private const string FragmentKey = "envoy.reloadable_features.http_reject_path_with_fragment";
    private const string GlobalKey = "overload.global_downstream_max_connections";
    private const string ListenerPrefix = "envoy.resource_limits.listener.";
    private const string ListenerSuffix = ".connection_limit";

    public static ConnectionLimits Connections(Bootstrap bootstrap)
    {
        long global = ConnectionLimit.None;
        Dictionary<string, long> byListener = new(StringComparer.Ordinal);
        foreach (RuntimeLayer layer in bootstrap.LayeredRuntime?.Layers ?? [])
        {
            foreach ((string key, Value value) in layer.StaticLayer?.Fields ?? [])
            {
                if (!TryNumber(value, out long number))
                {
                    continue;
                }

                if (key == GlobalKey)
                {
                    global = number;
                }
                else if (key.StartsWith(ListenerPrefix, StringComparison.Ordinal)
                    && key.EndsWith(ListenerSuffix, StringComparison.Ordinal)
                    && key.Length > ListenerPrefix.Length + ListenerSuffix.Length)
                {
                    byListener[key[ListenerPrefix.Length..^ListenerSuffix.Length]] = number;
                }
            }
        }

        return new ConnectionLimits(global, byListener);
    }

    /// <summary>Envoy's default is to refuse a path with a fragment; Istio turns that off, and the fragment is cut.</summary>
    public static bool RejectsPathsWithFragment(Bootstrap bootstrap)
    {
        bool rejects = true;
        foreach (RuntimeLayer layer in bootstrap.LayeredRuntime?.Layers ?? [])
        {
            if (layer.StaticLayer is { } fields && fields.Fields.TryGetValue(FragmentKey, out Value? value))
            {
                rejects = value.KindCase == Value.KindOneofCase.StringValue ? value.StringValue != "false" : value.BoolValue;
            }
        }

        return rejects;
    }

    private static bool TryNumber(Value value, out long number)
    {
        number = (long)value.NumberValue;
        return value.KindCase == Value.KindOneofCase.NumberValue
            || (value.KindCase == Value.KindOneofCase.StringValue
                && long.TryParse(value.StringValue, NumberStyles.None, CultureInfo.InvariantCulture, out number));
    }
}
