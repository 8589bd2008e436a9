using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Network.MongoProxy.V3;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Envoy.Type.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Istio.Networking.V1Alpha3;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Registry;
using Pilotfish.ControlPlane.Translation.Routes;
using Pilotfish.ControlPlane.Translation.Shared;
using TcpSettings = Istio.Networking.V1Alpha3.ConnectionPoolSettings.Types.TCPSettings;

namespace Pilotfish.ControlPlane.Translation.Listeners;

/// <summary>Network filters that end in a TCP proxy: metadata exchange (inbound), stats, protocol filters, proxy.</summary>
internal sealed class NetworkFilters(PushContext push, ProxyView proxy)
{
    /// <summary>To one special cluster, without an access log: connections here were refused by configuration.</summary>
    public List<Filter> BlackHole(TrafficClass traffic)
    {
        var filters = new List<Filter>();
        if (traffic == TrafficClass.Inbound)
        {
            filters.Add(MetadataExchange.OnListener());
        }

        StatsFilters.AddNetworkFilter(push, traffic, filters);
        filters.Add(Proxy(new TcpProxy { StatPrefix = Names.ClusterNames.BlackHole, Cluster = Names.ClusterNames.BlackHole }));
        return filters;
    }

    /// <summary>Where outbound connections go that match no service.</summary>
    public List<Filter> CatchAllOutbound()
    {
        var cluster = OutboundPolicy.Cluster(push);
        var filters = new List<Filter>();
        StatsFilters.AddNetworkFilter(push, TrafficClass.Outbound, filters);
        var tcp = new TcpProxy { StatPrefix = cluster, Cluster = cluster, IdleTimeout = NodeIdleTimeout() };
        AddLog(tcp, TrafficClass.Outbound);
        filters.Add(Proxy(tcp));
        return filters;
    }

    public List<Filter> Inbound(string cluster, PortProtocol protocol)
    {
        var tcp = new TcpProxy { StatPrefix = cluster, Cluster = cluster, IdleTimeout = NodeIdleTimeout() };
        AddLog(tcp, TrafficClass.Inbound);
        return Complete(TrafficClass.Inbound, tcp, protocol, cluster);
    }

    public List<Filter> OutboundToCluster(string cluster, string subset, PortProtocol protocol, DestinationRule? rule)
    {
        var tcp = new TcpProxy { StatPrefix = cluster, Cluster = cluster };
        ApplyRule(tcp, rule, subset);
        AddLog(tcp, TrafficClass.Outbound);
        return Complete(TrafficClass.Outbound, tcp, protocol, cluster);
    }

    /// <summary>To the destinations of a VirtualService's TCP or TLS route.</summary>
    public List<Filter> OutboundToRoute(
        IReadOnlyList<RouteDestination> routes, Registry.ServicePort port, VirtualServiceRule rule)
    {
        var destinationRule = FindRule(routes[0].Destination);
        if (routes.Count == 1)
        {
            var target = Destinations.Cluster(proxy, routes[0].Destination, port.Number);
            return OutboundToCluster(target, routes[0].Destination?.Subset ?? "", port.Protocol, destinationRule);
        }

        var weighted = new TcpProxy.Types.WeightedCluster();
        foreach (var route in routes)
        {
            if (route.Weight > 0)
            {
                weighted.Clusters.Add(new TcpProxy.Types.WeightedCluster.Types.ClusterWeight
                {
                    Name = Destinations.Cluster(proxy, route.Destination, port.Number),
                    Weight = (uint)route.Weight,
                });
            }
        }

        var prefix = $"{rule.Meta.Name}.{rule.Meta.Namespace}";
        var tcp = new TcpProxy { StatPrefix = prefix, WeightedClusters = weighted };
        ApplyRule(tcp, destinationRule, "");
        AddLog(tcp, TrafficClass.Outbound);
        return Complete(TrafficClass.Outbound, tcp, port.Protocol, prefix);
    }

    private DestinationRule? FindRule(Destination? destination) =>
        destination is not null && proxy.Scope.Find(destination.Host) is { } service
            ? proxy.DestinationRule(push, service)?.Spec : null;

    private List<Filter> Complete(TrafficClass traffic, TcpProxy tcp, PortProtocol protocol, string statPrefix)
    {
        var filters = new List<Filter>();
        if (traffic == TrafficClass.Inbound)
        {
            filters.Add(MetadataExchange.OnListener());
        }

        StatsFilters.AddNetworkFilter(push, traffic, filters);
        if (protocol == PortProtocol.Mongo)
        {
            filters.Add(Typed(ExtensionNames.MongoProxy, new MongoProxy { StatPrefix = statPrefix }));
        }

        filters.Add(Proxy(tcp));
        return filters;
    }

    private void ApplyRule(TcpProxy tcp, DestinationRule? rule, string subset)
    {
        TcpSettings? settings = rule?.TrafficPolicy?.ConnectionPool?.Tcp;
        tcp.IdleTimeout = settings?.IdleTimeout ?? NodeIdleTimeout();
        tcp.MaxDownstreamConnectionDuration = settings?.MaxConnectionDuration;
        if (HashesSourceAddress(rule, subset))
        {
            tcp.HashPolicy.Add(new HashPolicy { SourceIp = new HashPolicy.Types.SourceIp() });
        }
    }

    private static bool HashesSourceAddress(DestinationRule? rule, string subset)
    {
        var use = rule?.TrafficPolicy?.LoadBalancer?.ConsistentHash?.UseSourceIp == true;
        foreach (var candidate in rule?.Subsets ?? [])
        {
            if (candidate.Name == subset && candidate.TrafficPolicy?.LoadBalancer is { } own)
            {
                return own.ConsistentHash?.UseSourceIp == true;
            }
        }

        return use;
    }

    private Duration? NodeIdleTimeout() => proxy.Node.IdleTimeout is { } idle ? Duration.FromTimeSpan(idle) : null;

    private void AddLog(TcpProxy tcp, TrafficClass traffic) =>
        tcp.AccessLog.AddRange(AccessLogs.ForTraffic(push, proxy, traffic, isHttp: false));

    private static Filter Proxy(TcpProxy tcp) => Typed(ExtensionNames.TcpProxy, tcp);

    private static Filter Typed(string name, IMessage config) => new() { Name = name, TypedConfig = Messages.Pack(config) };
}
