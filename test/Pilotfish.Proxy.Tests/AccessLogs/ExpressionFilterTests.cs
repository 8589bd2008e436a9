using Envoy.Config.Accesslog.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Language.Cel;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.AccessLogs.Expressions;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Streams;
using Pilotfish.Testing;
using CelMessage = Envoy.Extensions.AccessLoggers.Filters.Cel.V3.ExpressionFilter;
using FilterMessage = Envoy.Config.Accesslog.V3.AccessLogFilter;

namespace Pilotfish.Proxy.Tests.AccessLogs;

public sealed class ExpressionFilterTests
{
    [Theory]
    [InlineData("response.code >= 400", false)]
    [InlineData("response.code >= 200 && response.code < 300", true)]
    [InlineData("response.code == 200 || response.grpc_status > 0", true)]
    [InlineData("response.grpc_status > 0", false)]
    [InlineData("request.headers['user-agent'] == 'curl/8'", true)]
    [InlineData("request.headers['USER-AGENT'].contains('url')", true)]
    [InlineData("'x-request-id' in request.headers && size(request.headers['x-request-id']) == 36", true)]
    [InlineData("has(request.headers.nothing)", false)]
    [InlineData("!has(request.headers.nothing)", true)]
    [InlineData("request.headers['nothing'] == 'x'", false)]
    [InlineData("!(request.headers['nothing'] == 'x')", false)]
    [InlineData("request.url_path.matches('^/reviews/[0-9]+$')", true)]
    [InlineData("request.duration > duration('15ms') && request.duration < duration('16ms')", true)]
    [InlineData("request.time > timestamp('2026-01-01T00:00:00Z')", true)]
    [InlineData("request.time.getHours() == 23", true)]
    [InlineData("response.flags == 0 && response.code_details == 'via_upstream'", true)]
    [InlineData("connection.mtls == false", true)]
    [InlineData("has(connection.tls_version)", false)]
    [InlineData("connection.requested_server_name.startsWith('outbound_.9080_')", true)]
    [InlineData("source.address == '10.244.0.9:51234' && source.port == 51234", true)]
    [InlineData("destination.port in [80, 9080]", true)]
    [InlineData("upstream.address == '10.244.0.12:9080' && upstream.port == 9080", true)]
    [InlineData("xds.cluster_name.startsWith('outbound|9080|') && xds.route_name == 'default'", true)]
    [InlineData("metadata.filter_metadata['jwt']['iss'] == 'me'", true)]
    [InlineData("metadata.filter_metadata.jwt.level > 2", true)]
    [InlineData("'admin' in metadata.filter_metadata['jwt']['roles']", true)]
    [InlineData("metadata.filter_metadata['other']['iss'] == 'me'", false)]
    [InlineData("filter_state['who'] == 'peer'", true)]
    [InlineData("'who' in filter_state && !('nobody' in filter_state)", true)]
    [InlineData("request.query.contains('x=1') && request.total_size > request.size", true)]
    public void Passes_FinishedRequest_ByExpression(string expression, bool passes)
    {
        FormatSource source = new(Sample(), Pilotfish.Proxy.AccessLogs.AccessLogType.DownstreamEnd);

        Assert.Equal(passes, Compile(expression).Passes(in source));
    }

    [Theory]
    [InlineData("12", "request.size == 12 && request.total_size > 7", true)]
    [InlineData("much", "request.size == 7", false)]
    public void RequestSize_IsTheAnnouncedLength(string length, string expression, bool passes)
    {
        StreamInfo info = Sample();
        info.RequestHeaders = StreamSample.Headers((":method", "POST"), ("content-length", length));
        FormatSource source = new(info, Pilotfish.Proxy.AccessLogs.AccessLogType.DownstreamEnd);
        Assert.Equal(7, info.BytesReceived);

        Assert.Equal(passes, Compile(expression).Passes(in source));
    }

    [Fact]
    public void Passes_Steady_AllocatesNothing()
    {
        Pilotfish.Proxy.AccessLogs.AccessLogFilter filter = Compile(
            "response.code >= 500 || (request.headers['user-agent'].startsWith('x') && xds.route_name == 'y') "
            + "|| metadata.filter_metadata['jwt']['iss'] in ['a', 'b'] || source.address == 'z' || request.duration > duration('1h')");
        StreamInfo info = Sample();

        long allocated = AllocationMeter.Of(() =>
        {
            FormatSource source = new(info, Pilotfish.Proxy.AccessLogs.AccessLogType.DownstreamEnd);
            for (int i = 0; i < 1000; i++)
            {
                Assert.False(filter.Passes(in source));
            }
        });

        Assert.Equal(0, allocated);
    }

    [Fact]
    public void Bind_EveryAttribute_HasAReader()
    {
        CelActivation activation = new();
        foreach ((string root, CelType type) in CelAttributes.Roots)
        {
            Read(root, type);
        }

        void Read(string path, CelType type)
        {
            if (type.Kind != CelKind.Message)
            {
                activation.Begin(Sample());
                CelValue value = StreamAttributes.Instance.Bind(path)(activation);
                Assert.True(value.IsError || value.Kind == type.Kind, path);
                return;
            }

            foreach ((string field, CelType inner) in type.Fields!)
            {
                Read($"{path}.{field}", inner);
            }
        }
    }

    [Theory]
    [InlineData("response.code >=", "column 17")]
    [InlineData("response.kode > 1", "column 10")]
    [InlineData("response.code == '200'", "column 15")]
    [InlineData("response.code", "must give bool")]
    public void Compile_Bad_NamesFieldAndColumn(string expression, string named)
    {
        ConfigRejectedException error = Assert.Throws<ConfigRejectedException>(() => Compile(expression));

        Assert.Equal("filter.extension_filter.typed_config.expression", error.Field);
        Assert.Contains(named, error.Message);
    }

    [Theory]
    [InlineData("xds.node.id == 'sidecar~1' && xds.node.cluster == 'web.default'", true)]
    [InlineData("xds.node.metadata.NAMESPACE == 'default' && xds.node.locality.zone == 'z'", true)]
    [InlineData("xds.node.locality.region == ''", true)]
    [InlineData("has(xds.node.metadata.LABELS)", false)]
    [InlineData("xds.listener_direction == 2", true)]
    public void Node_AndDirection_AreThoseOfTheListener(string expression, bool passes)
    {
        StreamInfo info = Sample();
        info.Connection.ListenerDirection = Network.TrafficDirection.Outbound;
        info.Connection.Node = new LocalNode
        {
            Id = "sidecar~1", Cluster = "web.default", Zone = "z",
            Message = new Envoy.Config.Core.V3.Node { Metadata = Struct.Parser.ParseJson("""{"NAMESPACE": "default"}""") }.ToByteArray(),
        };
        FormatSource source = new(info, AccessLogType.DownstreamEnd);

        Assert.Equal(passes, Compile(expression).Passes(in source));
    }

    private static Pilotfish.Proxy.AccessLogs.AccessLogFilter Compile(string expression)
    {
        FilterMessage message = new()
        {
            ExtensionFilter = new ExtensionFilter
            {
                Name = "envoy.access_loggers.extension_filters.cel",
                TypedConfig = new Any
                {
                    TypeUrl = "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
                    Value = new CelMessage { Expression = expression }.ToByteString(),
                },
            },
        };
        return AccessLogFilterCompiler.Compile(message, "filter");
    }

    private static StreamInfo Sample()
    {
        StreamInfo info = StreamSample.Create();
        info.EnsureMetadata().Set("jwt", MetadataValue.Of(Struct.Parser.ParseJson(
            """{"iss": "me", "level": 3, "roles": ["user", "admin"]}""")));
        info.EnsureFilterState().Set("who", new FilterStateText("peer"));
        return info;
    }
}
