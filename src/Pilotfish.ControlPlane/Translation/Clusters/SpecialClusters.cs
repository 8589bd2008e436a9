using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Translation.Names;
using Pilotfish.ControlPlane.Translation.Shared;
using HttpProtocolOptions = Envoy.Config.Core.V3.HttpProtocolOptions;

namespace Pilotfish.ControlPlane.Translation.Clusters;

/// <summary>Clusters that every sidecar has: refuse, pass through outbound, pass through inbound.</summary>
internal static class SpecialClusters
{
    public const string InboundSourceIpv4 = "127.0.0.6";
    public const string InboundSourceIpv6 = "::6";

    // Connections to arbitrary hosts are not worth keeping as long as those to services.
    private static readonly Duration s_passthroughIdle = new() { Seconds = 300 };

    public static Cluster BlackHole(PushContext push) => new()
    {
        Name = ClusterNames.BlackHole,
        Type = Cluster.Types.DiscoveryType.Static,
        ConnectTimeout = push.Mesh.ConnectTimeout,
        LbPolicy = Cluster.Types.LbPolicy.RoundRobin,
        AltStatName = ClusterNames.BlackHole + ListenerNames.StatDelimiter,
    };

    public static Cluster Passthrough(PushContext push, ProxyView proxy)
    {
        var cluster = Build(push, proxy, ClusterNames.Passthrough);
        cluster.Filters.Add(MetadataExchange.OnCluster());
        return cluster;
    }

    public static Cluster InboundPassthrough(PushContext push, ProxyView proxy)
    {
        var cluster = Build(push, proxy, ClusterNames.InboundPassthrough);

        // The source marks connections that come from the proxy, so that capture lets them reach the application.
        cluster.UpstreamBindConfig = SourceBind(proxy, both: proxy.Node.SupportsIpv4 && proxy.Node.SupportsIpv6);
        return cluster;
    }

    public static BindConfig SourceBind(ProxyView proxy, bool both)
    {
        var bind = new BindConfig { SourceAddress = Source(proxy.Node.SupportsIpv4 ? InboundSourceIpv4 : InboundSourceIpv6) };
        if (both)
        {
            bind.ExtraSourceAddresses.Add(new ExtraSourceAddress { Address = Source(InboundSourceIpv6) });
        }

        return bind;
    }

    private static SocketAddress Source(string address) => new() { Address = address, PortValue = 0 };

    private static Cluster Build(PushContext push, ProxyView proxy, string name)
    {
        var draft = new ClusterDraft(new Cluster
        {
            Name = name,
            Type = Cluster.Types.DiscoveryType.OriginalDst,
            LbPolicy = Cluster.Types.LbPolicy.ClusterProvided,

            // istiod names both after the outbound one, and dashboards know it so.
            AltStatName = ClusterNames.Passthrough + ListenerNames.StatDelimiter,
        });
        draft.UseDownstreamProtocol();
        var options = draft.OptionsOrNew();
        options.CommonHttpProtocolOptions = new HttpProtocolOptions { IdleTimeout = s_passthroughIdle };
        if (ProxyHeaders.Of(push, proxy, TrafficClass.Outbound).PreserveCase)
        {
            options.UseDownstreamProtocolConfig.HttpProtocolOptions.HeaderKeyFormat = HeaderCase.Preserve();
        }

        ConnectionPools.Apply(push.Mesh, draft, push.Mesh.DefaultTrafficPolicy?.ConnectionPool, null);
        return draft.Finish();
    }
}
