using Google.Protobuf.WellKnownTypes;
using Pilotfish.ControlPlane.Push;
using Stats;
using NetworkFilter = Envoy.Config.Listener.V3.Filter;

namespace Pilotfish.ControlPlane.Translation.Shared;

/// <summary>The metrics filter, present while a metrics provider is the mesh's default.</summary>
internal static class StatsFilters
{
    // Inbound, a Host header is the client's word: it must not name services in metrics.
    private static readonly Any s_inbound = Messages.Pack(new PluginConfig { DisableHostHeaderFallback = true });
    private static readonly Any s_outbound = Messages.Pack(new PluginConfig());

    public static Any? Config(PushContext push, TrafficClass traffic)
    {
        if (push.Mesh.DefaultProviders?.Metrics is not { Count: > 0 })
        {
            return null;
        }

        return traffic == TrafficClass.Inbound ? s_inbound : s_outbound;
    }

    public static void AddNetworkFilter(PushContext push, TrafficClass traffic, ICollection<NetworkFilter> into)
    {
        if (Config(push, traffic) is { } config)
        {
            into.Add(new NetworkFilter { Name = ExtensionNames.Stats, TypedConfig = config });
        }
    }
}
