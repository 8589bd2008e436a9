using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Agent.Bootstrap;
using Xunit;

namespace Pilotfish.Agent.Tests.Bootstrap;

public sealed class TypedConfigTests
{
    public static TheoryData<IMessage> Extensions =>
    [
        new Envoy.Extensions.Compression.Brotli.Compressor.V3.Brotli(),
        new Envoy.Extensions.Compression.Gzip.Compressor.V3.Gzip(),
        new Envoy.Extensions.Compression.Zstd.Compressor.V3.Zstd(),
        new Envoy.Extensions.Filters.Http.Compressor.V3.Compressor(),
        new Envoy.Config.Trace.V3.DatadogConfig(),
        new Envoy.Extensions.ResourceMonitors.DownstreamConnections.V3.DownstreamConnectionsConfig(),
        new Envoy.Extensions.TransportSockets.Tls.V3.DownstreamTlsContext(),
        new Envoy.Extensions.AccessLoggers.File.V3.FileAccessLog { Path = "/dev/null" },
        new Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager(),
        new Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions(),
        new Envoy.Extensions.LoadBalancingPolicies.LeastRequest.V3.LeastRequest(),
        new Envoy.Config.Trace.V3.LightstepConfig(),
        new Envoy.Config.Metrics.V3.MetricsServiceConfig(),
        new Envoy.Extensions.Filters.Listener.ProxyProtocol.V3.ProxyProtocol(),
        new Envoy.Extensions.Filters.Http.Router.V3.Router(),
        new Envoy.Config.Metrics.V3.StatsdSink(),
        new Envoy.Extensions.Filters.Listener.TlsInspector.V3.TlsInspector(),
        new Udpa.Type.V1.TypedStruct(),
        new Envoy.Extensions.TransportSockets.Tls.V3.UpstreamTlsContext(),
        new Envoy.Config.Trace.V3.ZipkinConfig(),
    ];

    [Theory]
    [MemberData(nameof(Extensions))]
    public void Pack_EveryExtensionOfABootstrap_IsWhatItsDescriptorSays(IMessage extension) =>
        Assert.Equal(Any.Pack(extension), TypedConfig.Pack(extension));
}
