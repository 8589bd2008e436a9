using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Google.Protobuf.WellKnownTypes;
using Istio.Mesh.V1Alpha1;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Registry;
using Pilotfish.ControlPlane.Translation.Names;
using Pilotfish.ControlPlane.Translation.Shared;
using Endpoint = Envoy.Config.Endpoint.V3.Endpoint;

namespace Pilotfish.ControlPlane.Translation.Clusters;

/// <summary>One cluster per port on which the proxy's own workload serves.</summary>
internal sealed class InboundClusters(PushContext push, ProxyView proxy)
{
    // Never: the workload's own address does not go away while the proxy runs. The largest duration that the proxy takes.
    private static readonly Duration s_noCleanup = new() { Seconds = 9223372035 };

    public IEnumerable<Cluster> Build()
    {
        if (proxy.Node.Interception == InterceptionMode.None)
        {
            yield break;
        }

        foreach (var group in proxy.Targets.GroupBy(static target => target.TargetPort).OrderBy(static group => group.Key))
        {
            yield return Build(group.Key, [.. group]);
        }
    }

    private Cluster Build(int port, List<ServiceTarget> targets)
    {
        var first = targets[0];
        var name = ClusterNames.Inbound(port);
        var cluster = new Cluster
        {
            Name = name,
            AltStatName = name + ListenerNames.StatDelimiter,
            CommonLbConfig = new Cluster.Types.CommonLbConfig(),
        };
        ApplyDestination(cluster, port);
        var draft = new ClusterDraft(cluster);
        OutboundClusters.ApplyProtocol(push, proxy, draft, first.Port.Protocol);
        var services = targets.Where(target => target.Port.Number == first.Port.Number)
            .Select(static target => target.Service).DistinctBy(static service => service.Hostname);
        cluster.Metadata = new Metadata();
        IstioMetadata.SetServices(cluster.Metadata, services);

        // Of a client's rule only the connection pool makes sense on the server's side.
        var rule = proxy.DestinationRule(push, first.Service);
        var policy = TrafficPolicies.ForPort(rule?.Spec.TrafficPolicy, first.Port.Number);
        if (policy is not null)
        {
            IstioMetadata.SetConfig(cluster.Metadata, rule!.Meta);
        }

        policy = TrafficPolicies.WithMeshDefaults(push.Mesh, policy);
        ConnectionPools.Apply(push.Mesh, draft, policy?.ConnectionPool, policy?.RetryBudget);
        return draft.Finish();
    }

    private void ApplyDestination(Cluster cluster, int port)
    {
        var toLocalhost = push.Mesh.InboundTrafficPolicy?.Mode == MeshConfig.Types.InboundTrafficPolicy.Types.Mode.Localhost;
        if (!toLocalhost)
        {
            cluster.Type = Cluster.Types.DiscoveryType.OriginalDst;
            cluster.LbPolicy = Cluster.Types.LbPolicy.ClusterProvided;
            cluster.CleanupInterval = s_noCleanup;
            cluster.UpstreamBindConfig = SpecialClusters.SourceBind(
                proxy, both: push.Features.DualStack && proxy.Node.SupportsIpv4 && proxy.Node.SupportsIpv6);
            return;
        }

        cluster.Type = Cluster.Types.DiscoveryType.Static;
        cluster.LoadAssignment = new ClusterLoadAssignment
        {
            ClusterName = cluster.Name,
            Endpoints =
            {
                new LocalityLbEndpoints
                {
                    LbEndpoints =
                    {
                        new LbEndpoint
                        {
                            Endpoint = new Endpoint
                            {
                                Address = Messages.Address(proxy.Node.SupportsIpv4 ? "127.0.0.1" : "::1", port),
                            },
                        },
                    },
                },
            },
        };
    }
}
