using Envoy.Config.Cluster.V3;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Translation.Clusters;

/// <summary>
/// CDS. Depends on services, DestinationRules, the mesh and the proxy's own services; not on VirtualServices, and on endpoints
/// only where they are inline (DNS).
/// </summary>
public static class ClusterGenerator
{
    /// <summary>Outbound clusters, the special ones, inbound clusters.</summary>
    public static List<Cluster> Generate(PushContext push, ProxyView proxy)
    {
        var clusters = new List<Cluster>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var outbound = new OutboundClusters(push, proxy);
        foreach (var service in proxy.Scope.Services)
        {
            foreach (var cluster in outbound.Build(service))
            {
                Add(cluster);
            }
        }

        Add(SpecialClusters.BlackHole(push));
        if (proxy.Node.Type != ProxyType.Sidecar)
        {
            return clusters;
        }

        Add(SpecialClusters.Passthrough(push, proxy));
        foreach (var cluster in new InboundClusters(push, proxy).Build())
        {
            Add(cluster);
        }

        Add(SpecialClusters.InboundPassthrough(push, proxy));
        return clusters;

        void Add(Cluster cluster)
        {
            // Two services may share a hostname; the first keeps it.
            if (names.Add(cluster.Name))
            {
                clusters.Add(cluster);
            }
        }
    }

    /// <summary>Names of the clusters whose hosts come by EDS, in their order.</summary>
    public static List<string> EdsNames(IEnumerable<Cluster> clusters) =>
        [.. clusters.Where(static c => c.Type == Cluster.Types.DiscoveryType.Eds).Select(static c => c.Name)];
}
