using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Filters.Alpn;

/// <summary>
/// The filter in a chain: takes part in requests whose cluster encrypts and whose metadata does not forbid it. A plaintext upstream has no
/// handshake to offer anything in, so its requests pay nothing.
/// </summary>
public sealed class AlpnModel(UpstreamProtocols? http10, UpstreamProtocols? http11, UpstreamProtocols? http2) : HttpFilterModel
{
    private const string HttpProtocolOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

    public override HttpFilter? Create(HttpStream stream, string name)
    {
        ClusterReference? reference = stream.WeightedCluster is { } weighted ? weighted.Cluster : stream.Route?.Forward?.Cluster;
        return reference?.Current is { } cluster && cluster.Config.Transport.MayEncrypt && !IsOff(cluster.Config.Metadata)
            ? new AlpnFilter(this, cluster)
            : null;
    }

    /// <summary>The list for the protocol that the cluster will speak for this request; null = leave the cluster's own.</summary>
    internal UpstreamProtocols? For(ClusterState cluster, HttpProtocol downstream) => UpstreamProtocolOf(cluster, downstream) switch
    {
        HttpProtocol.Http10 => http10,
        HttpProtocol.Http2 => http2,
        _ => http11,
    };

    private static HttpProtocol UpstreamProtocolOf(ClusterState cluster, HttpProtocol downstream)
    {
        if (!cluster.Config.ProtocolOptions.TryGetValue(HttpProtocolOptions, out Google.Protobuf.ByteString? bytes))
        {
            return HttpProtocol.Http11;
        }

        var options = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions.Parser.ParseFrom(bytes);
        if (options.UseDownstreamProtocolConfig is not null)
        {
            return downstream;
        }

        return options.ExplicitHttpConfig?.Http2ProtocolOptions is not null ? HttpProtocol.Http2 : HttpProtocol.Http11;
    }

    // Set by a DestinationRule with TLS of its own: the peer is no sidecar.
    private static bool IsOff(DynamicMetadata? metadata) =>
        metadata?.Get("istio")?.Field("alpn_override") is { Kind: MetadataKind.Text, Text: "false" };
}
