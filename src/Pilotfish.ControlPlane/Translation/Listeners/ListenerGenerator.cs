using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;

namespace Pilotfish.ControlPlane.Translation.Listeners;

/// <summary>
/// LDS. Depends on services, VirtualServices (TCP and TLS routes), DestinationRules (TCP settings), the mesh and the proxy's own
/// services; on endpoints only for headless services.
/// </summary>
public static class ListenerGenerator
{
    /// <summary>Outbound listeners, virtualOutbound, virtualInbound.</summary>
    public static List<Listener> Generate(PushContext push, ProxyView proxy)
    {
        if (proxy.Node.Type != ProxyType.Sidecar)
        {
            return [];
        }

        var listeners = new OutboundListeners(push, proxy).Build();
        if (VirtualOutboundListener.Build(push, proxy) is { } outbound)
        {
            listeners.Add(outbound);
        }

        if (new InboundListener(push, proxy).Build() is { } inbound)
        {
            listeners.Add(inbound);
        }

        return listeners;
    }

    /// <summary>The route configurations that the listeners fetch by name, sorted.</summary>
    public static List<string> RouteNames(IEnumerable<Listener> listeners)
    {
        var names = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var listener in listeners)
        {
            foreach (var chain in listener.FilterChains)
            {
                Collect(chain, names);
            }

            if (listener.DefaultFilterChain is { } last)
            {
                Collect(last, names);
            }
        }

        return [.. names];
    }

    private static void Collect(FilterChain chain, SortedSet<string> names)
    {
        foreach (var filter in chain.Filters)
        {
            if (filter.TypedConfig is { } config && config.Is(HttpConnectionManager.Descriptor)
                && config.Unpack<HttpConnectionManager>().Rds is { } rds)
            {
                names.Add(rds.RouteConfigName);
            }
        }
    }
}
