using Envoy.Config.Accesslog.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.AccessLoggers.File.V3;
using Envoy.Extensions.AccessLoggers.Filters.Cel.V3;
using Envoy.Extensions.AccessLoggers.Grpc.V3;
using Envoy.Extensions.AccessLoggers.OpenTelemetry.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using OpenTelemetry.Proto.Common.V1;

namespace Pilotfish.Bench.Inproc;

/// <summary>The access_log of the connection manager.</summary>
internal static class LogConfig
{
    public const string CollectorCluster = "collector";

    /// <summary>Records per request where a request is to write many.</summary>
    public const int Many = 20;

    // As istiod writes them.
    private const string Text =
        "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% "
        + "%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% \"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% "
        + "%BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" "
        + "\"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% "
        + "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n";

    private static readonly (string Key, string Operator)[] s_json =
    [
        ("start_time", "%START_TIME%"), ("route_name", "%ROUTE_NAME%"), ("method", "%REQ(:METHOD)%"),
        ("path", "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"), ("protocol", "%PROTOCOL%"), ("response_code", "%RESPONSE_CODE%"),
        ("response_flags", "%RESPONSE_FLAGS%"), ("response_code_details", "%RESPONSE_CODE_DETAILS%"),
        ("connection_termination_details", "%CONNECTION_TERMINATION_DETAILS%"), ("bytes_received", "%BYTES_RECEIVED%"),
        ("bytes_sent", "%BYTES_SENT%"), ("duration", "%DURATION%"), ("upstream_service_time", "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%"),
        ("x_forwarded_for", "%REQ(X-FORWARDED-FOR)%"), ("user_agent", "%REQ(USER-AGENT)%"), ("request_id", "%REQ(X-REQUEST-ID)%"),
        ("authority", "%REQ(:AUTHORITY)%"), ("upstream_host", "%UPSTREAM_HOST%"), ("upstream_cluster", "%UPSTREAM_CLUSTER_RAW%"),
        ("upstream_local_address", "%UPSTREAM_LOCAL_ADDRESS%"), ("downstream_local_address", "%DOWNSTREAM_LOCAL_ADDRESS%"),
        ("downstream_remote_address", "%DOWNSTREAM_REMOTE_ADDRESS%"), ("requested_server_name", "%REQUESTED_SERVER_NAME%"),
        ("upstream_transport_failure_reason", "%UPSTREAM_TRANSPORT_FAILURE_REASON%"),
    ];

    public static IEnumerable<AccessLog> Of(LogKind kind, string pipe) => kind switch
    {
        LogKind.None => [],
        LogKind.Text => [File("/dev/null", TextFormat())],
        LogKind.Json => [File("/dev/null", JsonFormat())],
        LogKind.Never => [Never(File("/dev/null", TextFormat()))],
        LogKind.Service => [Log(new HttpGrpcAccessLogConfig { CommonConfig = Common() })],
        LogKind.Otlp => [Log(new OpenTelemetryAccessLogConfig { CommonConfig = Common(), Body = new AnyValue { StringValue = Text } })],
        LogKind.Many => Enumerable.Range(0, Many).Select(static _ => File("/dev/null", TextFormat())),
        LogKind.Blocked => Enumerable.Range(0, Many).Select(_ => File(pipe, TextFormat())),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    private static AccessLog File(string path, SubstitutionFormatString format) => Log(new FileAccessLog { Path = path, LogFormat = format });

    private static AccessLog Log(IMessage config) => new() { Name = "log", TypedConfig = Any.Pack(config) };

    private static SubstitutionFormatString TextFormat() => new() { TextFormatSource = new DataSource { InlineString = Text } };

    private static SubstitutionFormatString JsonFormat()
    {
        var fields = new Struct();
        foreach ((string key, string value) in s_json)
        {
            fields.Fields.Add(key, Value.ForString(value));
        }

        return new SubstitutionFormatString { JsonFormat = fields };
    }

    private static CommonGrpcAccessLogConfig Common() => new()
    {
        LogName = "bench", GrpcService = new GrpcService { EnvoyGrpc = new() { ClusterName = CollectorCluster } },
    };

    private static AccessLog Never(AccessLog log)
    {
        log.Filter = new AccessLogFilter
        {
            ExtensionFilter = new ExtensionFilter
            {
                Name = "cel",
                TypedConfig = Any.Pack(new ExpressionFilter { Expression = "response.code >= 500 || request.url_path.startsWith('/never')" }),
            },
        };
        return log;
    }
}
