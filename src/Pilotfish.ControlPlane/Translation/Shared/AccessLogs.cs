using Envoy.Config.Accesslog.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.AccessLoggers.File.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Istio.Mesh.V1Alpha1;

namespace Pilotfish.ControlPlane.Translation.Shared;

/// <summary>Access logs as the mesh configuration asks for them; none unless a file is set.</summary>
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

    /// <summary>The log of requests and connections, or null.</summary>
    public static AccessLog? ForTraffic(MeshConfig mesh) =>
        mesh.AccessLogFile.Length == 0 ? null : Build(mesh);

    /// <summary>The log of connections that match no filter chain, or null.</summary>
    public static AccessLog? ForListener(MeshConfig mesh)
    {
        if (mesh.DisableEnvoyListenerLog || ForTraffic(mesh) is not { } log)
        {
            return null;
        }

        log.Filter = new AccessLogFilter { ResponseFlagFilter = new ResponseFlagFilter { Flags = { "NR" } } };
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

    private static string TextFormat(string given) =>
        given.Length == 0 ? DefaultText : given.EndsWith('\n') ? given : given + "\n";

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

        var fields = new Struct();
        foreach (var (key, value) in s_defaultJson)
        {
            fields.Fields[key] = Value.ForString(value);
        }

        return fields;
    }
}
