using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Extensions.Network.DnsResolver.Cares.V3;
using Google.Protobuf.WellKnownTypes;
using Istio.Networking.V1Alpha3;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Registry;
using Pilotfish.ControlPlane.Translation.Endpoints;
using Pilotfish.ControlPlane.Translation.Names;
using Pilotfish.ControlPlane.Translation.Shared;
using ServicePort = Pilotfish.ControlPlane.Registry.ServicePort;

namespace Pilotfish.ControlPlane.Translation.Clusters;

/// <summary>Clusters of one service: one per port, and one per port and subset of its DestinationRule.</summary>
internal sealed class OutboundClusters(PushContext push, ProxyView proxy)
{
    // A resolver's socket is replaced after so many queries, so that source ports do not become guessable.
    private const uint DnsQueriesPerSocket = 100;

    private static readonly Duration s_dnsJitter = new() { Nanos = 100_000_000 };

    private static readonly Any s_dnsResolver =
        Messages.Pack(new CaresDnsResolverConfig { UdpMaxQueries = DnsQueriesPerSocket });

    public IEnumerable<Cluster> Build(MeshService service)
    {
        if (service.Resolution == ServiceResolution.Alias)
        {
            yield break;
        }

        var rule = proxy.DestinationRule(push, service);
        foreach (var port in service.Ports)
        {
            if (port.Protocol == PortProtocol.Udp)
            {
                continue;
            }

            var policy = TrafficPolicies.ForPort(rule?.Spec.TrafficPolicy, port.Number);
            policy = TrafficPolicies.WithMeshDefaults(push.Mesh, policy);
            if (Build(service, port, rule, policy, subset: null) is { } cluster)
            {
                yield return cluster;
            }

            foreach (var subset in rule?.Spec.Subsets ?? [])
            {
                var own = TrafficPolicies.ForSubset(policy, subset.TrafficPolicy, port.Number);
                if (Build(service, port, rule, own, subset) is { } subsetCluster)
                {
                    yield return subsetCluster;
                }
            }
        }
    }

    /// <summary>The protocol towards hosts, by what the port declares.</summary>
    public static void ApplyProtocol(PushContext push, ProxyView proxy, ClusterDraft draft, PortProtocol protocol)
    {
        if (protocol.IsHttp2())
        {
            draft.UseHttp2();
            return;
        }

        if (protocol.IsHttpOrSniffed() && ProxyHeaders.Of(push, proxy, TrafficClass.Outbound).PreserveCase)
        {
            draft.UseHttp1(new Http1ProtocolOptions { HeaderKeyFormat = HeaderCase.Preserve() });
        }

        if (protocol.IsSniffed())
        {
            draft.UseDownstreamProtocol();
        }
    }

    private Cluster? Build(
        MeshService service, ServicePort port, MergedDestinationRule? rule, TrafficPolicy? policy, Subset? subset)
    {
        var name = ClusterNames.Outbound(port.Number, subset?.Name ?? "", service.Hostname);
        var cluster = new Cluster
        {
            Name = name,
            Type = DiscoveryType(service),
            AltStatName = name + ListenerNames.StatDelimiter,
            CommonLbConfig = new Cluster.Types.CommonLbConfig(),
        };
        if (!ApplyDiscovery(cluster, service, port, rule, subset))
        {
            return null;
        }

        var draft = new ClusterDraft(cluster);
        ApplyProtocol(push, proxy, draft, port.Protocol);
        ConnectionPools.ApplyHttp2Upgrade(push.Mesh, draft, port.Protocol, policy?.ConnectionPool);
        ConnectionPools.Apply(push.Mesh, draft, policy?.ConnectionPool, policy?.RetryBudget);
        OutlierDetections.Apply(draft, policy?.OutlierDetection);
        LoadBalancers.Apply(cluster, policy?.LoadBalancer, push.Mesh.LocalityLbSetting);
        if (cluster.Type == Cluster.Types.DiscoveryType.OriginalDst)
        {
            cluster.LbPolicy = Cluster.Types.LbPolicy.ClusterProvided;
        }

        if (cluster.Type == Cluster.Types.DiscoveryType.Eds)
        {
            cluster.EdsClusterConfig = new Cluster.Types.EdsClusterConfig { ServiceName = name, EdsConfig = Messages.AdsSource() };
        }

        UpstreamTls.Apply(push, draft, service, port, subset?.Name ?? "", policy?.Tls);
        cluster.Filters.Add(MetadataExchange.OnCluster());
        cluster.Metadata = BuildMetadata(service, rule, subset, policy);
        return draft.Finish();
    }

    private static Metadata BuildMetadata(MeshService service, MergedDestinationRule? rule, Subset? subset, TrafficPolicy? policy)
    {
        var metadata = new Metadata();
        IstioMetadata.SetServices(metadata, [service]);
        if (service.MeshExternal && subset is null)
        {
            IstioMetadata.Set(metadata, "external", Value.ForBool(true));
        }

        if (rule is not null)
        {
            IstioMetadata.SetConfig(metadata, rule.Meta);
            if (policy?.Tls?.Mode is ClientTLSSettings.Types.TLSmode.Simple or ClientTLSSettings.Types.TLSmode.Mutual)
            {
                // Hosts with TLS of their own expect their own protocol names, not the mesh's.
                IstioMetadata.Set(metadata, "alpn_override", Value.ForString("false"));
            }
        }

        if (subset is not null)
        {
            IstioMetadata.Set(metadata, "subset", Value.ForString(subset.Name));
        }

        return metadata;
    }

    private static Cluster.Types.DiscoveryType DiscoveryType(MeshService service) => service.Resolution switch
    {
        ServiceResolution.DnsLb => Cluster.Types.DiscoveryType.StrictDns,
        ServiceResolution.DnsRoundRobin => Cluster.Types.DiscoveryType.LogicalDns,
        ServiceResolution.Passthrough => Cluster.Types.DiscoveryType.OriginalDst,
        _ => Cluster.Types.DiscoveryType.Eds,
    };

    /// <summary>False when the cluster would have no host for ever.</summary>
    private bool ApplyDiscovery(Cluster cluster, MeshService service, ServicePort port, MergedDestinationRule? rule, Subset? subset)
    {
        switch (cluster.Type)
        {
            case Cluster.Types.DiscoveryType.StrictDns or Cluster.Types.DiscoveryType.LogicalDns:
                cluster.DnsLookupFamily = LookupFamily();
                cluster.TypedDnsResolverConfig = new TypedExtensionConfig
                {
                    Name = "envoy.network.dns_resolver.cares",
                    TypedConfig = s_dnsResolver,
                };
                cluster.DnsJitter = s_dnsJitter;
                cluster.DnsRefreshRate = push.Mesh.DnsRefreshRate;
                cluster.RespectDnsTtl = true;
                cluster.LoadAssignment = EndpointGenerator.Build(push, proxy, cluster.Name, service, port, rule, subset);
                return cluster.LoadAssignment.Endpoints.Count > 0;

            // Clients dial the service's port; a headless service's pods may listen on another.
            case Cluster.Types.DiscoveryType.OriginalDst
                when port.TargetPort.ContainerPortName is null && port.TargetPort.Number != port.Number:
                cluster.OriginalDstLbConfig = new Cluster.Types.OriginalDstLbConfig { UpstreamPortOverride = (uint)port.TargetPort.Number };
                return true;
            default:
                return true;
        }
    }

    private Cluster.Types.DnsLookupFamily LookupFamily() => (proxy.Node.SupportsIpv4, proxy.Node.SupportsIpv6) switch
    {
        (true, true) => push.Features.DualStack ? Cluster.Types.DnsLookupFamily.All : Cluster.Types.DnsLookupFamily.V4Only,
        (false, true) => Cluster.Types.DnsLookupFamily.V6Only,
        _ => Cluster.Types.DnsLookupFamily.V4Only,
    };
}
