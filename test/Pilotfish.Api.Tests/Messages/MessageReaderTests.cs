using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Istio.Mesh.V1Alpha1;
using Istio.Networking.V1Alpha3;
using Pilotfish.Api.Messages;
using Pilotfish.Testing;
using HttpRoute = Istio.Networking.V1Alpha3.HTTPRoute;

namespace Pilotfish.Api.Tests.Messages;

public sealed class MessageReaderTests
{
    [Fact]
    public void Cluster_InYaml_IsRead()
    {
        Cluster cluster = Read<Cluster>(
            """
            name: a
            connect_timeout: 0.25s
            lbPolicy: LEAST_REQUEST
            circuit_breakers:
              thresholds:
              - priority: 1
                max_connections: 7
            ignore_health_on_host_removal: true
            metadata:
              filter_metadata:
                istio: {n: 1.5, s: x, b: true, z: null, l: [1, {k: v}]}
            """);

        Assert.Equal(TimeSpan.FromMilliseconds(250), cluster.ConnectTimeout.ToTimeSpan());
        Assert.Equal(Cluster.Types.LbPolicy.LeastRequest, cluster.LbPolicy);
        Assert.Equal(RoutingPriority.High, cluster.CircuitBreakers.Thresholds[0].Priority);
        Assert.Equal(7u, cluster.CircuitBreakers.Thresholds[0].MaxConnections);
        Struct istio = cluster.Metadata.FilterMetadata["istio"];
        Assert.Equal(1.5, istio.Fields["n"].NumberValue);
        Assert.Equal(Value.KindOneofCase.NullValue, istio.Fields["z"].KindCase);
        Assert.Equal("v", istio.Fields["l"].ListValue.Values[1].StructValue.Fields["k"].StringValue);
    }

    [Fact]
    public void Any_WithItsTypeInline_IsPacked()
    {
        TypedExtensionConfig config = Read<TypedExtensionConfig>(
            """
            name: router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
              suppress_envoy_headers: true
            """);

        Assert.True(config.TypedConfig.Unpack<Router>().SuppressEnvoyHeaders);
    }

    [Fact]
    public void Any_OfATypeWithItsOwnJson_TakesItUnderValue()
    {
        TypedExtensionConfig config = Read<TypedExtensionConfig>(
            "{name: a, typedConfig: {'@type': type.googleapis.com/google.protobuf.Duration, value: 2s}}");

        Assert.Equal(2, config.TypedConfig.Unpack<Duration>().Seconds);
    }

    [Theory]
    [InlineData("name: a\nconect_timeout: 1s\n", "f:2:1: The field 'conect_timeout' is unknown in 'envoy.config.cluster.v3.Cluster'. Did you mean 'connect_timeout'?")]
    [InlineData("conectTimeout: 1s\n", "f:1:1: The field 'conectTimeout' is unknown in 'envoy.config.cluster.v3.Cluster'. Did you mean 'connectTimeout'?")]
    [InlineData("connect_timeout: 1s\nconnectTimeout: 1s\n", "f:2:1: The field 'connectTimeout' is given twice; the first is 'connect_timeout' in line 1.")]
    [InlineData("type: EDS\ncluster_type: {name: x}\n", "f:2:1: 'cluster_type' and 'type' (line 1) are alternatives; give one of them.")]
    [InlineData("connect_timeout: 1m\n", "f:1:18: A duration such as 1.5s is expected, but this is the string '1m'.")]
    [InlineData("connect_timeout: 5\n", "f:1:18: A duration such as 1.5s is expected, but this is '5'.")]
    [InlineData("lb_policy: ROUND_ROBBIN\n", "f:1:12: The field 'lbPolicy' has no value 'ROUND_ROBBIN'. Did you mean 'ROUND_ROBIN'?")]
    [InlineData("name: 12\n", "f:1:7: The field 'name' takes a string, but this is '12'. Put it in quotes: \"12\".")]
    [InlineData("name: [a]\n", "f:1:7: The field 'name' takes a string, but this is a list.")]
    [InlineData("respect_dns_ttl: 'true'\n", "f:1:18: The field 'respectDnsTtl' takes true or false, but this is the string 'true'.")]
    [InlineData("per_connection_buffer_limit_bytes: -1\n", "f:1:36: The field takes a whole number from 0 to 4294967295, but this is '-1'.")]
    [InlineData("filters: {name: x}\n", "f:1:10: The field 'filters' takes a list, but this is a mapping.")]
    [InlineData("filters: [{name: x, typed_config: {}}, null]\n", "f:1:40: The list 'filters' has an empty item; remove it or give it a value.")]
    [InlineData("circuit_breakers: on\n", "f:1:19: A mapping with the fields of 'envoy.config.cluster.v3.CircuitBreakers' is expected, but this is a string.")]
    [InlineData("filters: [{typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Ruoter}}]\n", "f:1:36: The type 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Ruoter' is unknown. Did you mean 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router'?")]
    [InlineData("filters: [{typed_config: {name: x}}]\n", "f:1:26: '@type' is missing: it names the type, as in type.googleapis.com/package.Message.")]
    public void WrongField_IsAnErrorWithItsPlace(string text, string error)
    {
        ReadResult<Cluster> result = MessageReader.Parse<Cluster>(text, "f");

        Assert.Null(result.Message);
        Assert.Equal(error, Assert.Single(result.Errors).ToString());
    }

    [Fact]
    public void EveryError_IsReported()
    {
        ReadResult<Cluster> result = MessageReader.Parse<Cluster>("a1: 1\nb2: 2\nname: 3\n", "f");

        Assert.Equal([1, 2, 3], result.Errors.Select(e => e.Position.Line));
    }

    [Fact]
    public void UnknownField_WhenLenient_IsAWarning()
    {
        var lenient = ReadOptions.Envoy with { UnknownFields = UnknownFields.Warn };

        ReadResult<Cluster> result = MessageReader.Parse<Cluster>("name: a\nnew_field: {x: 1}\n", "f", lenient);

        Assert.Equal("a", result.Message!.Name);
        Assert.Equal(2, Assert.Single(result.Warnings).Position.Line);
    }

    [Fact]
    public void Null_MeansUnset()
    {
        Cluster cluster = Read<Cluster>("name: ~\nconnect_timeout: null\nfilters:\n");

        Assert.Equal(new Cluster(), cluster);
    }

    [Theory]
    [InlineData("1h30m", 5400, 0)]
    [InlineData("15ms", 0, 15_000_000)]
    [InlineData("1.5s", 1, 500_000_000)]
    [InlineData("-2s", -2, 0)]
    public void Duration_AsIstioWritesIt_IsRead(string text, long seconds, int nanos)
    {
        ReadResult<HttpRoute> route = MessageReader.Parse<HttpRoute>($"timeout: {text}\n", "f", ReadOptions.Istio);

        Assert.Equal(new Duration { Seconds = seconds, Nanos = nanos }, route.Message!.Timeout);
    }

    [Fact]
    public void VirtualService_IsRead()
    {
        ReadResult<VirtualService> result = MessageReader.Parse<VirtualService>(
            """
            hosts: [reviews]
            http:
            - match:
              - headers: {end-user: {exact: jason}}
                uri: {prefix: /api}
              route:
              - destination: {host: reviews, subset: v2, port: {number: 9080}}
                weight: 90
              - destination: {host: reviews, subset: v3}
                weight: 10
              fault: {delay: {percentage: {value: 0.1}, fixedDelay: 5s}}
              retries: {attempts: 3, perTryTimeout: 2s, retryOn: "5xx,reset"}
            """,
            "f",
            ReadOptions.Istio);

        VirtualService service = result.Message!;
        Assert.Equal("jason", service.Http[0].Match[0].Headers["end-user"].Exact);
        Assert.Equal(90, service.Http[0].Route[0].Weight);
        Assert.Equal(0.1, service.Http[0].Fault.Delay.Percentage.Value);
    }

    [Fact]
    public void Numbers_InTheirForms_AreRead()
    {
        MeshConfig mesh = Read<MeshConfig>("proxyListenPort: 1.5e4\n");
        Assert.Equal(15000, mesh.ProxyListenPort);
        Assert.Equal(9u, Read<SocketAddress>("portValue: '9'\n").PortValue);
        Assert.Equal(-3, Read<Int64Value>("'-3'\n").Value);
        Assert.True(double.IsNaN(Read<DoubleValue>("NaN\n").Value));
    }

    [Theory]
    [InlineData("AP-_", new byte[] { 0x00, 0xFF, 0xBF })]
    [InlineData("AP+/", new byte[] { 0x00, 0xFF, 0xBF })]
    [InlineData("AA", new byte[] { 0x00 })]
    [InlineData("AA==", new byte[] { 0x00 })]
    public void Bytes_InBothAlphabets_AreRead(string text, byte[] expected)
    {
        DataSource source = Read<DataSource>($"inline_bytes: {text}\n");

        Assert.Equal(expected, source.InlineBytes.ToByteArray());
    }

    [Fact]
    public void TimestampAndFieldMask_AreRead()
    {
        Timestamp time = Read<Timestamp>("'2026-01-02T03:04:05.25+01:00'\n");
        Assert.Equal("2026-01-02T02:04:05.250Z", TimestampText.Format(time.Seconds, time.Nanos));
        Assert.Equal(["foo_bar", "a.b_c"], Read<FieldMask>("fooBar,a.bC\n").Paths);
    }

    [Fact]
    public void DeepStruct_WithinTheBound_IsRead()
    {
        string json = string.Concat(Enumerable.Repeat("{\"a\":", 100)) + "1" + new string('}', 100);

        Assert.NotNull(Read<Struct>(json));
    }

    [Theory]
    [MemberData(nameof(Bootstraps))]
    public void RecordedBootstrap_IsReadWhole(string file)
    {
        ReadResult<Bootstrap> result = MessageReader.Parse<Bootstrap>(
            File.ReadAllText(Path.Combine(ConformanceData.Folder("bootstrap"), file)), file);

        Assert.Empty(result.Errors);
        Assert.NotEmpty(result.Message!.Node.Id);
        Assert.NotEmpty(result.Message.StaticResources.Clusters);
    }

    [Fact]
    public void RecordedConfigDump_IsReadWhole()
    {
        string file = Path.Combine(ConformanceData.Folder("xds"), "sidecar-config-dump.yaml");

        ReadResult<Envoy.Admin.V3.ConfigDump> result =
            MessageReader.Parse<Envoy.Admin.V3.ConfigDump>(File.ReadAllText(file), "dump");

        Assert.Empty(result.Errors);
        Assert.NotEmpty(result.Message!.Configs[0].Unpack<Envoy.Admin.V3.ListenersConfigDump>().DynamicListeners);
    }

    public static TheoryData<string> Bootstraps() =>
        [.. Directory.GetFiles(ConformanceData.Folder("bootstrap"), "*.json").Select(f => Path.GetFileName(f)!).Order()];

    private static T Read<T>(string text)
        where T : class, IMessage<T>, new()
    {
        ReadResult<T> result = MessageReader.Parse<T>(text, "f");
        Assert.Empty(result.Errors);
        return result.Message!;
    }
}
