using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Network;

namespace Pilotfish.Proxy.Filters.SniCluster;

/// <summary>envoy.filters.network.sni_cluster: TLS connections go to the cluster that has the name which the client asked for.</summary>
internal sealed class SniClusterFactory : INetworkFilterFactory
{
    public IReadOnlyList<string> MessageNames => ["envoy.extensions.filters.network.sni_cluster.v3.SniCluster"];

    public NetworkFilter Compile(in ExtensionConfig config, NetworkFilterContext context)
    {
        config.Parse(Envoy.Extensions.Filters.Network.SniCluster.V3.SniCluster.Parser);
        context.Config.Clusters.EnableLookup();
        return new SniClusterFilter();
    }
}
