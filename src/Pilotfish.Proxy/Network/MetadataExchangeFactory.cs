using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Network;

/// <summary>Istio's TCP metadata exchange (on listeners and clusters). It acts only on mutual TLS with its own ALPN name.</summary>
internal sealed class MetadataExchangeFactory : INetworkFilterFactory
{
    public IReadOnlyList<string> MessageNames => ["envoy.tcp.metadataexchange.config.MetadataExchange"];

    public string NotActiveNote =>
        "istio.metadata_exchange (TCP): accepted; peers do not exchange metadata on TCP connections yet.";

    public NetworkFilter Compile(in ExtensionConfig config, NetworkFilterContext context) => AcceptedNetworkFilter.Instance;
}
