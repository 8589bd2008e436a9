using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Filters.Alpn;

/// <summary>
/// The filter in a chain: takes part in requests whose cluster encrypts and whose metadata does not forbid it. A plaintext upstream has no
/// handshake to offer anything in, so its requests pay nothing.
/// </summary>
public sealed class AlpnModel(UpstreamProtocols? http10, UpstreamProtocols? http11, UpstreamProtocols? http2) : HttpFilterModel
{
    public override HttpFilter? Create(HttpStream stream, string name)
    {
        ClusterReference? reference = stream.WeightedCluster is { } weighted ? weighted.Cluster : stream.Route?.Forward?.Cluster;
        return reference?.Current is { } cluster && cluster.Config.Transport.MayEncrypt && !IsOff(cluster.Config.Metadata)
            ? new AlpnFilter(this, cluster)
            : null;
    }

    /// <summary>The list for the protocol that the cluster will speak for this request; null = leave the cluster's own.</summary>
    internal UpstreamProtocols? For(ClusterState cluster, HttpProtocol downstream) => ClusterHttp.Of(cluster).ProtocolFor(downstream) switch
    {
        HttpProtocol.Http10 => http10,
        HttpProtocol.Http2 => http2,
        _ => http11,
    };

    // Set by a DestinationRule with TLS of its own: the peer is no sidecar.
    private static bool IsOff(DynamicMetadata? metadata) =>
        metadata?.Get("istio")?.Field("alpn_override") is { Kind: MetadataKind.Text, Text: "false" };
}
