using System.Diagnostics;
using Envoy.Config.Metrics.V3;
using Envoy.Config.Trace.V3;
using Envoy.Extensions.AccessLoggers.File.V3;
using Envoy.Extensions.Compression.Brotli.Compressor.V3;
using Envoy.Extensions.Compression.Gzip.Compressor.V3;
using Envoy.Extensions.Compression.Zstd.Compressor.V3;
using Envoy.Extensions.Filters.Http.Compressor.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Envoy.Extensions.Filters.Listener.ProxyProtocol.V3;
using Envoy.Extensions.Filters.Listener.TlsInspector.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.LoadBalancingPolicies.LeastRequest.V3;
using Envoy.Extensions.ResourceMonitors.DownstreamConnections.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Envoy.Extensions.Upstreams.Http.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Api.Names;
using Udpa.Type.V1;

namespace Pilotfish.Agent.Bootstrap;

/// <summary>
/// Packs the extensions of a bootstrap into <see cref="Any"/>. Google's own Pack asks the message's descriptor for its name, and
/// the first descriptor builds those of every file it imports: megabytes that a running sidecar has no use for.
/// </summary>
internal static class TypedConfig
{
    public static Any Pack(IMessage message) => new()
    {
        TypeUrl = TypeUrls.Prefix + NameOf(message),
        Value = message.ToByteString(),
    };

    private static string NameOf(IMessage message) => message switch
    {
        Brotli => "envoy.extensions.compression.brotli.compressor.v3.Brotli",
        Gzip => "envoy.extensions.compression.gzip.compressor.v3.Gzip",
        Zstd => "envoy.extensions.compression.zstd.compressor.v3.Zstd",
        Compressor => "envoy.extensions.filters.http.compressor.v3.Compressor",
        DatadogConfig => "envoy.config.trace.v3.DatadogConfig",
        DownstreamConnectionsConfig =>
            "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        DownstreamTlsContext => "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        FileAccessLog => "envoy.extensions.access_loggers.file.v3.FileAccessLog",
        HttpConnectionManager => "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        HttpProtocolOptions => "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        LeastRequest => "envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest",
        LightstepConfig => "envoy.config.trace.v3.LightstepConfig",
        MetricsServiceConfig => "envoy.config.metrics.v3.MetricsServiceConfig",
        ProxyProtocol => "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
        Router => "envoy.extensions.filters.http.router.v3.Router",
        StatsdSink => "envoy.config.metrics.v3.StatsdSink",
        TlsInspector => "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
        TypedStruct => "udpa.type.v1.TypedStruct",
        UpstreamTlsContext => "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        ZipkinConfig => "envoy.config.trace.v3.ZipkinConfig",
        _ => throw new UnreachableException($"A bootstrap holds no extension of type '{message.GetType().Name}'."),
    };
}
