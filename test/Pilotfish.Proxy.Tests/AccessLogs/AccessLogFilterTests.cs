using Envoy.Config.Accesslog.V3;
using Pilotfish.Api.Messages;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Streams;
using FilterMessage = Envoy.Config.Accesslog.V3.AccessLogFilter;

namespace Pilotfish.Proxy.Tests.AccessLogs;

public sealed class AccessLogFilterTests
{
    [Theory]
    [InlineData("{status_code_filter: {comparison: {op: GE, value: {default_value: 200}}}}", true)]
    [InlineData("{status_code_filter: {comparison: {op: GE, value: {default_value: 201}}}}", false)]
    [InlineData("{duration_filter: {comparison: {op: LE, value: {default_value: 15}}}}", true)]
    [InlineData("{duration_filter: {comparison: {op: EQ, value: {default_value: 14}}}}", false)]
    [InlineData("{not_health_check_filter: {}}", true)]
    [InlineData("{response_flag_filter: {}}", false)]
    [InlineData("{response_flag_filter: {flags: [NR, UF]}}", false)]
    [InlineData("{log_type_filter: {types: [DownstreamEnd]}}", true)]
    [InlineData("{log_type_filter: {types: [DownstreamEnd], exclude: true}}", false)]
    [InlineData("{and_filter: {filters: [{not_health_check_filter: {}}, {response_flag_filter: {}}]}}", false)]
    [InlineData("{or_filter: {filters: [{not_health_check_filter: {}}, {response_flag_filter: {}}]}}", true)]
    [InlineData("{header_filter: {header: {name: user-agent, string_match: {prefix: curl}}}}", true)]
    [InlineData("{header_filter: {header: {name: user-agent, string_match: {exact: curl}}}}", false)]
    [InlineData("{runtime_filter: {runtime_key: x}}", false)]
    [InlineData("{runtime_filter: {runtime_key: x, percent_sampled: {numerator: 100}}}", true)]
    [InlineData("{metadata_filter: {matcher: {filter: a, path: [{key: b}], value: {bool_match: true}}}}", true)]
    [InlineData("{metadata_filter: {matcher: {filter: a, path: [{key: b}], value: {bool_match: true}}, match_if_key_not_found: false}}", false)]
    [InlineData("{metadata_filter: {matcher: {filter: jwt, path: [{key: iss}], value: {string_match: {prefix: me}}}}}", true)]
    [InlineData("{metadata_filter: {matcher: {filter: jwt, path: [{key: iss}], value: {string_match: {exact: you}}}}}", false)]
    [InlineData("{metadata_filter: {matcher: {filter: jwt, path: [{key: n}], value: {double_match: {range: {start: 1, end: 8}}}, invert: true}}}", false)]
    [InlineData("{status_code_filter: {comparison: {op: NE, value: {default_value: 200}}}}", false)]
    [InlineData("{grpc_status_filter: {statuses: [UNKNOWN]}}", true)]
    [InlineData("{grpc_status_filter: {statuses: [OK]}}", false)]
    [InlineData("{grpc_status_filter: {statuses: [OK], exclude: true}}", true)]
    [InlineData("{traceable_filter: {}}", false)]
    [InlineData("{runtime_filter: {runtime_key: x, percent_sampled: {numerator: 100}, use_independent_randomness: true}}", true)]
    [InlineData("{extension_filter: {name: c, typed_config: {'@type': type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter, expression: 'response.code == 200'}}}", true)]
    [InlineData("{extension_filter: {name: c, typed_config: {'@type': type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter, expression: 'response.code == 201'}}}", false)]
    public void Passes_FinishedRequest_ByItsFacts(string filter, bool passes)
    {
        StreamInfo info = StreamSample.Create();
        info.EnsureMetadata().Set("jwt", MetadataValue.Of(new Dictionary<string, MetadataValue>
        {
            ["iss"] = MetadataValue.Of("me@x"),
            ["n"] = MetadataValue.Of(7),
        }));
        FormatSource source = new(info, Pilotfish.Proxy.AccessLogs.AccessLogType.DownstreamEnd);

        Assert.Equal(passes, AccessLogFilterCompiler.Compile(Parse(filter), "filter").Passes(in source));
    }

    [Theory]
    [InlineData("{status_code_filter: {comparison: {op: GE, value: {default_value: 200, runtime_key: least}}}}", false)]
    [InlineData("{status_code_filter: {comparison: {op: GE, value: {default_value: 200, runtime_key: unset}}}}", true)]
    [InlineData("{duration_filter: {comparison: {op: GE, value: {default_value: 5000, runtime_key: none}}}}", true)]
    [InlineData("{runtime_filter: {runtime_key: all}}", true)]
    [InlineData("{runtime_filter: {runtime_key: none, percent_sampled: {numerator: 10000, denominator: TEN_THOUSAND}}}", false)]
    [InlineData("{runtime_filter: {runtime_key: words, percent_sampled: {numerator: 100}}}", true)]
    [InlineData("{and_filter: {filters: [{not_health_check_filter: {}}, {runtime_filter: {runtime_key: all}}]}}", true)]
    public void Passes_RuntimeKeyOfTheFilter_OverridesItsDefault(string filter, bool passes)
    {
        var runtime = new RuntimeValues();
        runtime.Replace(new Dictionary<string, string> { ["least"] = "500", ["none"] = "0", ["all"] = "100", ["words"] = "many" });
        FormatSource source = new(StreamSample.Create(), Pilotfish.Proxy.AccessLogs.AccessLogType.DownstreamEnd);

        Assert.Equal(passes, AccessLogFilterCompiler.Compile(Parse(filter), "filter", runtime).Passes(in source));
    }

    [Theory]
    [InlineData("{response_flag_filter: {flags: [XX]}}", "filter.response_flag_filter.flags[0]")]
    [InlineData("{and_filter: {filters: [{not_health_check_filter: {}}]}}", "filter.and_filter")]
    [InlineData("{}", "filter")]
    public void Compile_Bad_NamesTheField(string filter, string field) =>
        Assert.Equal(
            field,
            Assert.Throws<ConfigRejectedException>(() => AccessLogFilterCompiler.Compile(Parse(filter), "filter")).Field);

    private static FilterMessage Parse(string yaml) => 
        MessageReader.Parse<FilterMessage>(yaml, "test", ReadOptions.Envoy with { Types = PilotfishTypes.All }).Message!;
}
