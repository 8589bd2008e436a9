using Envoy.Config.Accesslog.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.AccessLoggers.File.V3;
using Envoy.Extensions.AccessLoggers.Filters.Cel.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Istio.Mesh.V1Alpha1;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;

namespace Pilotfish.ControlPlane.Translation.Shared;

/// <summary>Access logs as Telemetry objects, default providers or the mesh's file ask for them; none unless one of them does.</summary>
internal static class AccessLogs
{
    // One line per request or connection; the fields that log parsers expect, in their order.
    private const string DefaultText =
        "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% "
        + "%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% \"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% "
        + "%BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" "
        + "\"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% "
        + "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n";

    private static readonly (string Key, string Operator)[] s_defaultJson =
    [
        ("start_time", "%START_TIME%"),
        ("route_name", "%ROUTE_NAME%"),
        ("method", "%REQ(:METHOD)%"),
        ("path", "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"),
        ("protocol", "%PROTOCOL%"),
        ("response_code", "%RESPONSE_CODE%"),
        ("response_flags", "%RESPONSE_FLAGS%"),
        ("response_code_details", "%RESPONSE_CODE_DETAILS%"),
        ("connection_termination_details", "%CONNECTION_TERMINATION_DETAILS%"),
        ("bytes_received", "%BYTES_RECEIVED%"),
        ("bytes_sent", "%BYTES_SENT%"),
        ("duration", "%DURATION%"),
        ("upstream_service_time", "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%"),
        ("x_forwarded_for", "%REQ(X-FORWARDED-FOR)%"),
        ("user_agent", "%REQ(USER-AGENT)%"),
        ("request_id", "%REQ(X-REQUEST-ID)%"),
        ("authority", "%REQ(:AUTHORITY)%"),
        ("upstream_host", "%UPSTREAM_HOST%"),
        ("upstream_cluster", "%UPSTREAM_CLUSTER_RAW%"),
        ("upstream_local_address", "%UPSTREAM_LOCAL_ADDRESS%"),
        ("downstream_local_address", "%DOWNSTREAM_LOCAL_ADDRESS%"),
        ("downstream_remote_address", "%DOWNSTREAM_REMOTE_ADDRESS%"),
        ("requested_server_name", "%REQUESTED_SERVER_NAME%"),
        ("upstream_transport_failure_reason", "%UPSTREAM_TRANSPORT_FAILURE_REASON%"),
    ];

    /// <summary>
    /// The logs of requests and connections. What the Telemetry API or the mesh's default providers say of a provider that exists
    /// replaces the mesh's accessLogFile, even when it is turned off; where they reach no provider, the file stays in force.
    /// </summary>
    public static IEnumerable<AccessLog> ForTraffic(PushContext push, ProxyView proxy, TrafficClass traffic) =>
        Logs(push, proxy, traffic, ofListener: false);

    /// <summary>The logs of connections that match no filter chain.</summary>
    public static IEnumerable<AccessLog> ForListener(PushContext push, ProxyView proxy, TrafficClass traffic) =>
        push.Mesh.DisableEnvoyListenerLog ? [] : Logs(push, proxy, traffic, ofListener: true);

    /// <summary>A text format ends its line: records of a format without one would run together.</summary>
    public static string TextFormat(string given) =>
        given.Length == 0 ? DefaultText : given.EndsWith('\n') ? given : given + "\n";

    /// <summary>The default keys where none are given.</summary>
    public static Struct JsonLabels(Struct? given) => given is { Fields.Count: > 0 } ? given : DefaultJson();

    private static List<AccessLog> Logs(PushContext push, ProxyView proxy, TrafficClass traffic, bool ofListener)
    {
        List<AccessLog> logs = [];
        var decided = false;
        foreach (var (name, expression) in AccessLogSelection.Of(push, proxy, traffic))
        {
            if (AccessLogProviders.Build(push, proxy, name) is { } log)
            {
                decided = true;
                if (expression is not null)
                {
                    logs.Add(Filtered(log, ofListener, expression));
                }
            }
        }

        return decided || push.Mesh.AccessLogFile.Length == 0 ? logs : [Filtered(Build(push.Mesh), ofListener, "")];
    }

    private static AccessLog Filtered(AccessLog log, bool ofListener, string expression)
    {
        var noChain = new AccessLogFilter { ResponseFlagFilter = new ResponseFlagFilter { Flags = { "NR" } } };
        var condition = new AccessLogFilter
        {
            ExtensionFilter = new ExtensionFilter
            {
                Name = ExtensionNames.ExpressionFilter,
                TypedConfig = Messages.Pack(new ExpressionFilter { Expression = expression }),
            },
        };
        log.Filter = (ofListener, expression.Length > 0) switch
        {
            (true, true) => new AccessLogFilter { AndFilter = new AndFilter { Filters = { noChain, condition } } },
            (true, false) => noChain,
            (false, true) => condition,
            _ => null,
        };
        return log;
    }

    private static AccessLog Build(MeshConfig mesh)
    {
        var format = new SubstitutionFormatString();
        if (mesh.AccessLogEncoding == MeshConfig.Types.AccessLogEncoding.Json)
        {
            format.JsonFormat = JsonFields(mesh.AccessLogFormat);
            format.JsonFormatOptions = new JsonFormatOptions();
        }
        else
        {
            format.TextFormatSource = new DataSource { InlineString = TextFormat(mesh.AccessLogFormat) };
        }

        return new AccessLog
        {
            Name = ExtensionNames.FileAccessLog,
            TypedConfig = Messages.Pack(new FileAccessLog { Path = mesh.AccessLogFile, LogFormat = format }),
        };
    }

    private static Struct JsonFields(string given)
    {
        if (given.Length > 0)
        {
            try
            {
                return JsonParser.Default.Parse<Struct>(given);
            }
            catch (Exception e) when (e is InvalidProtocolBufferException or InvalidJsonException)
            {
                // A format that is no JSON object must not stop logging: the default applies, as under istiod.
            }
        }

        return DefaultJson();
    }

    private static Struct DefaultJson()
    {
        var fields = new Struct();
        foreach (var (key, value) in s_defaultJson)
        {
            fields.Fields[key] = Value.ForString(value);
        }

        return fields;
    }
}
