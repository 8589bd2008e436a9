using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Network;

/// <summary>istio.stats on TCP chains.</summary>
internal sealed class NetworkStatsFactory : INetworkFilterFactory
{
    public IReadOnlyList<string> MessageNames => ["stats.PluginConfig"];

    public string NotActiveNote => "istio.stats (TCP): accepted; istio_tcp_* metrics are not recorded yet.";

    public NetworkFilter Compile(in ExtensionConfig config, NetworkFilterContext context) => AcceptedNetworkFilter.Instance;
}
