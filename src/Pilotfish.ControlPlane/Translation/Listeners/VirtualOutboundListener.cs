using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Translation.Names;
using Pilotfish.ControlPlane.Translation.Shared;

namespace Pilotfish.ControlPlane.Translation.Listeners;

/// <summary>virtualOutbound: accepts all captured connections, hands them to the listener of their original destination, keeps the rest.</summary>
internal static class VirtualOutboundListener
{
    /// <summary>Accepting one connection per event spreads bursts over workers.</summary>
    public const uint AcceptsPerEvent = 1;

    public static Listener? Build(PushContext push, ProxyView proxy)
    {
        if (proxy.Node.Interception == InterceptionMode.None)
        {
            return null;
        }

        var filters = new NetworkFilters(push, proxy);
        var listener = new Listener
        {
            Name = ListenerNames.VirtualOutbound,
            Address = Messages.Address(proxy.Wildcards[0], push.Mesh.ProxyListenPort),
            UseOriginalDst = true,
            TrafficDirection = TrafficDirection.Outbound,
            MaxConnectionsToAcceptPerSocketEvent = AcceptsPerEvent,
            FilterChains =
            {
                // A connection to the port itself would come back here for ever.
                new FilterChain
                {
                    Name = ListenerNames.VirtualOutboundBlackhole,
                    FilterChainMatch = new FilterChainMatch { DestinationPort = (uint)push.Mesh.ProxyListenPort },
                    Filters = { filters.BlackHole(TrafficClass.Outbound) },
                },
                new FilterChain { Name = ListenerNames.VirtualOutboundCatchAllTcp, Filters = { filters.CatchAllOutbound() } },
            },
        };
        AddOtherFamily(push, proxy, listener, push.Mesh.ProxyListenPort);
        if (proxy.Node.Interception == InterceptionMode.Tproxy)
        {
            listener.Transparent = true;
        }

        listener.AccessLog.AddRange(AccessLogs.ForListener(push, proxy, TrafficClass.Outbound));

        return listener;
    }

    /// <summary>Binds the second address family too when dual stack is on.</summary>
    public static void AddOtherFamily(PushContext push, ProxyView proxy, Listener listener, int port)
    {
        if (push.Features.DualStack && proxy.Wildcards.Count > 1)
        {
            listener.AdditionalAddresses.Add(new AdditionalAddress { Address = Messages.Address(proxy.Wildcards[1], port) });
        }
    }
}
