using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Registry;
using Pilotfish.ControlPlane.Translation.Names;
using Pilotfish.ControlPlane.Translation.Routes;
using Pilotfish.ControlPlane.Translation.Secrets;
using Pilotfish.ControlPlane.Translation.Shared;
using HttpConnectionManager = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager;

namespace Pilotfish.ControlPlane.Translation.Listeners;

/// <summary>
/// virtualInbound: everything that capture redirects arrives here. Chains in order: the loop guard, passthrough for ports that
/// no service claims, then per target port.
/// </summary>
internal sealed class InboundListener(PushContext push, ProxyView proxy)
{
    private readonly NetworkFilters _filters = new(push, proxy);

    public Listener? Build()
    {
        if (proxy.Node.Interception == InterceptionMode.None)
        {
            return null;
        }

        var listener = new Listener
        {
            Name = ListenerNames.VirtualInbound,
            Address = Messages.Address(proxy.Wildcards[0], push.Mesh.ProxyInboundListenPort),
            TrafficDirection = TrafficDirection.Inbound,
            ContinueOnListenerFiltersTimeout = true,
            MaxConnectionsToAcceptPerSocketEvent = VirtualOutboundListener.AcceptsPerEvent,
            ListenerFiltersTimeout = push.Mesh.ProtocolDetectionTimeout,
        };
        VirtualOutboundListener.AddOtherFamily(push, proxy, listener, push.Mesh.ProxyInboundListenPort);
        if (proxy.Node.InboundExactBalance)
        {
            listener.ConnectionBalanceConfig = OutboundListenerEntry.ExactBalance();
        }

        if (proxy.Node.Interception == InterceptionMode.Tproxy)
        {
            listener.Transparent = true;
        }

        listener.AccessLog.AddRange(AccessLogs.ForListener(push, proxy, TrafficClass.Inbound));

        listener.FilterChains.Add(BlackHole());
        listener.FilterChains.AddRange(Chains(InboundPort.Passthrough));
        foreach (var port in Ports())
        {
            listener.FilterChains.AddRange(Chains(port));
        }

        listener.ListenerFilters.AddRange(ListenerFilters.ForInbound(
            listener.FilterChains, capturing: true, proxy.Node.Interception == InterceptionMode.Tproxy));
        return listener;
    }

    private MtlsMode Mode => push.IdentityEnabled ? MtlsMode.Permissive : MtlsMode.Disable;

    // One entry per target port; when several services share one, the oldest decides.
    private SortedDictionary<int, InboundPort>.ValueCollection Ports()
    {
        var ports = new SortedDictionary<int, InboundPort>();
        foreach (var target in proxy.Targets)
        {
            if (IsReserved(target.TargetPort))
            {
                continue;
            }

            ports.TryAdd(target.TargetPort, new InboundPort(
                ClusterNames.Inbound(target.TargetPort), target.TargetPort, target.Port.Number, target.Port.Protocol,
                target.Service.Hostname));
        }

        return ports.Values;
    }

    private bool IsReserved(int port) => proxy.Node.ReservedPorts.Contains(port)
        || port == push.Mesh.ProxyListenPort || port == push.Mesh.ProxyInboundListenPort;

    private FilterChain BlackHole() => new()
    {
        Name = ListenerNames.VirtualInboundBlackhole,
        FilterChainMatch = new FilterChainMatch { DestinationPort = (uint)push.Mesh.ProxyInboundListenPort },
        Filters = { _filters.BlackHole(TrafficClass.Inbound) },
    };

    private IEnumerable<FilterChain> Chains(InboundPort port)
    {
        var http10 = push.Features.Http10;
        foreach (var way in InboundMatches.For(Mode, ListenerProtocols.Of(port.Protocol), http10))
        {
            var http = way.Protocol == ListenerProtocol.Http;
            var match = new FilterChainMatch { TransportProtocol = way.Transport };
            match.ApplicationProtocols.AddRange(way.ApplicationProtocols);
            if (port.TargetPort > 0)
            {
                match.DestinationPort = (uint)port.TargetPort;
            }

            var chain = new FilterChain { Name = ChainName(port, http), FilterChainMatch = match };
            chain.Filters.AddRange(http ? HttpFilters(port) : _filters.Inbound(port.Cluster, port.Protocol));
            if (way.Terminate)
            {
                chain.TransportSocket = MutualTls.Downstream(push, http);
            }

            yield return chain;
        }
    }

    private string ChainName(InboundPort port, bool http)
    {
        if (port.TargetPort == 0)
        {
            return http ? ListenerNames.VirtualInboundCatchAllHttp : ListenerNames.VirtualInbound;
        }

        return ListenerNames.Of(proxy.Wildcards[0], port.TargetPort);
    }

    private List<Filter> HttpFilters(InboundPort port)
    {
        var prefix = port.TargetPort == 0 ? port.Cluster : "inbound_" + ListenerNames.Of(proxy.Wildcards[0], port.TargetPort);
        var routes = RouteGenerator.Inbound(port.Cluster, port.Hostname, port.ServicePort, port.Protocol.IsGrpc());
        HttpConnectionManager manager = ConnectionManagers.Inbound(
            push, proxy, prefix + ListenerNames.StatDelimiter, routes, port.Protocol);
        return
        [
            MetadataExchange.OnListener(),
            new Filter { Name = ExtensionNames.HttpConnectionManager, TypedConfig = Messages.Pack(manager) },
        ];
    }

    private sealed record InboundPort(string Cluster, int TargetPort, int ServicePort, PortProtocol Protocol, string Hostname)
    {
        public static readonly InboundPort Passthrough =
            new(ClusterNames.InboundPassthrough, 0, 0, PortProtocol.Unsupported, "");
    }
}
