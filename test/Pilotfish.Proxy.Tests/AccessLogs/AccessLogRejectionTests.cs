using Envoy.Config.Accesslog.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.AccessLoggers.File.V3;
using Envoy.Extensions.AccessLoggers.Filters.Cel.V3;
using Envoy.Extensions.AccessLoggers.OpenTelemetry.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Xds;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Reasons;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.AccessLogs;

/// <summary>What a control plane hears of a listener whose log is wrong, and what stays in force.</summary>
public sealed class AccessLogRejectionTests
{
    private const string Log = "filter_chains[0].filters[0].typed_config.access_log[0]";

    public static TheoryData<string, string> Bad => new()
    {
        { "text", $"{Log}.typed_config.log_format.text_format_source: operator %NO_SUCH% is not known (at character 4 of the format)" },
        { "old text", $"{Log}.typed_config.format: operator %DURATION% takes no arguments, but has '(x)' (at character 1 of the format)" },
        { "json", $"{Log}.typed_config.log_format.json_format.a.b[1]: operator %START_TIME% is wrong: the time format has the specifier '%Q'" },
        { "expression", $"{Log}.filter.extension_filter.typed_config.expression: the expression 'response.kode > 1' cannot be used: 'response.kode'" },
        { "flag", $"{Log}.filter.response_flag_filter.flags[1]: 'XX' is not a response flag" },
        { "otlp", $"{Log}.typed_config.body: operator %NO_SUCH% is not known" },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void Listener_WithABadLog_IsRefusedByNameAndFieldAndTheFormerLogGoesOn(string kind, string reason)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var bench = new CauseBench(loop, clock);
            bench.Answers("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            bench.Http();

            RejectedResource rejected = Assert.Single(bench.Fixture.Apply(Listener(kind)));
            Assert.Equal("l", rejected.Name);
            Assert.StartsWith(reason, rejected.Reason, StringComparison.Ordinal);

            await bench.GetAsync();
            await bench.UntilAsync(() => bench.Records.Count > 0);
            Assert.Equal("200 - - via_upstream", bench.Records[0]);
        });
    }

    private static Listener Listener(string kind)
    {
        var hcm = new HttpConnectionManager
        {
            StatPrefix = "h",
            AccessLog = { Entry(kind) },
            RouteConfig = new RouteConfiguration(),
            HttpFilters =
            {
                new Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpFilter
                {
                    Name = "router", TypedConfig = Any.Pack(new Envoy.Extensions.Filters.Http.Router.V3.Router()),
                },
            },
        };
        return new Listener
        {
            Name = "l",
            StatPrefix = "l",
            Address = Transport.TransportFixture.Socket(NetAddress.Loopback(0)),
            FilterChains = { new FilterChain { Filters = { new Filter { Name = "hcm", TypedConfig = Any.Pack(hcm) } } } },
        };
    }

    private static AccessLog Entry(string kind) => kind switch
    {
        "text" => File(new SubstitutionFormatString { TextFormatSource = new DataSource { InlineString = "is %NO_SUCH%" } }),
        "old text" => Of(new FileAccessLog { Path = "/dev/null", Format = "%DURATION(x)%" }),
        "json" => File(new SubstitutionFormatString { JsonFormat = Struct.Parser.ParseJson("""{"a": {"b": [1, "%START_TIME(%Q)%"]}}""") }),
        "expression" => Filtered(new AccessLogFilter
        {
            ExtensionFilter = new ExtensionFilter { Name = "cel", TypedConfig = Any.Pack(new ExpressionFilter { Expression = "response.kode > 1" }) },
        }),
        "flag" => Filtered(new AccessLogFilter { ResponseFlagFilter = new ResponseFlagFilter { Flags = { "NR", "XX" } } }),
        _ => Of(new OpenTelemetryAccessLogConfig
        {
            LogName = "log",
            GrpcService = new GrpcService { EnvoyGrpc = new() { ClusterName = "c" } },
            Body = new OpenTelemetry.Proto.Common.V1.AnyValue { StringValue = "%NO_SUCH%" },
        }),
    };

    private static AccessLog File(SubstitutionFormatString format) => Of(new FileAccessLog { Path = "/dev/null", LogFormat = format });

    private static AccessLog Filtered(AccessLogFilter filter)
    {
        AccessLog log = Of(new FileAccessLog { Path = "/dev/null" });
        log.Filter = filter;
        return log;
    }

    private static AccessLog Of(IMessage config) => new() { Name = "log", TypedConfig = Any.Pack(config) };
}
