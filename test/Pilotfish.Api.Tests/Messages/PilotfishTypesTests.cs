using Pilotfish.Api.Messages;

namespace Pilotfish.Api.Tests.Messages;

public sealed class PilotfishTypesTests
{
    [Fact]
    public void List_HoldsEveryProtoFile()
    {
        string root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "Pilotfish.slnx")))
        {
            root = Path.GetDirectoryName(root)!;
        }

        string protos = Path.Combine(root, "src", "Pilotfish.Api", "protos");
        IEnumerable<string> files = Directory.EnumerateFiles(protos, "*.proto", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(protos, f));

        Assert.Equal(files.Order(StringComparer.Ordinal), PilotfishFiles.All().Select(f => f.Name).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager")]
    [InlineData("envoy.tcp.metadataexchange.config.MetadataExchange")]
    [InlineData("io.istio.http.peer_metadata.Config")]
    [InlineData("stats.PluginConfig")]
    [InlineData("istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig")]
    [InlineData("envoy.extensions.filters.http.grpc_stats.v3.FilterConfig")]
    [InlineData("envoy.extensions.filters.http.fault.v3.HTTPFault")]
    [InlineData("envoy.extensions.filters.http.cors.v3.Cors")]
    [InlineData("envoy.extensions.filters.http.router.v3.Router")]
    [InlineData("envoy.extensions.filters.listener.original_dst.v3.OriginalDst")]
    [InlineData("envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer")]
    [InlineData("envoy.extensions.upstreams.http.v3.HttpProtocolOptions")]
    [InlineData("envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig")]
    [InlineData("envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate")]
    [InlineData("envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig")]
    [InlineData("envoy.extensions.access_loggers.file.v3.FileAccessLog")]
    [InlineData("istio.workload.BootstrapExtension")]
    [InlineData("google.protobuf.Struct")]
    public void Type_ThatIstioSends_IsKnown(string name)
    {
        Assert.NotNull(PilotfishTypes.All.FindByUrl("type.googleapis.com/" + name));
        Assert.NotNull(PilotfishTypes.Registry.Find(name));
    }
}
