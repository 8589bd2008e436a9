using Envoy.Config.Accesslog.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.AccessLoggers.File.V3;
using Envoy.Extensions.Formatter.ReqWithoutQuery.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Istio.Mesh.V1Alpha1;

namespace Pilotfish.ControlPlane.Translation.Shared;

/// <summary>What access logs print, and the file loggers that print it.</summary>
internal static class AccessLogFormats
{
    private const string DefaultPath = "/dev/stdout";
    private const string WithoutQuery = "%REQ_WITHOUT_QUERY";

    // One line per request or connection; the fields that log parsers expect, in their order.
    public const string DefaultText =
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

    /// <summary>A text format ends its line: records of a format without one would run together.</summary>
    public static string Text(string given) =>
        given.Length == 0 ? DefaultText : given.EndsWith('\n') ? given : given + "\n";

    /// <summary>The file logger of the mesh's own settings.</summary>
    public static AccessLog FromMesh(string path, MeshConfig mesh) => mesh.AccessLogEncoding == MeshConfig.Types.AccessLogEncoding.Json
        ? Json(path, Fields(mesh.AccessLogFormat), omitsEmpty: false)
        : Text(path, mesh.AccessLogFormat, omitsEmpty: false);

    /// <summary>The file logger of an extension provider.</summary>
    public static AccessLog FromProvider(MeshConfig.Types.ExtensionProvider.Types.EnvoyFileAccessLogProvider provider) =>
        provider.LogFormat?.Labels is { } labels
            ? Json(provider.Path, labels.Fields.Count > 0 ? labels : DefaultJson(), provider.OmitEmptyValues)
            : Text(provider.Path, provider.LogFormat?.Text ?? "", provider.OmitEmptyValues);

    /// <summary>What Envoy needs to be told to understand operators that are extensions there.</summary>
    public static IEnumerable<TypedExtensionConfig> Formatters(string text, Struct? fields = null)
    {
        if (text.Contains(WithoutQuery, StringComparison.Ordinal)
            || (fields?.Fields.Values.Any(static value => value.StringValue.Contains(WithoutQuery, StringComparison.Ordinal)) ?? false))
        {
            yield return new TypedExtensionConfig
            {
                Name = ExtensionNames.WithoutQueryFormatter,
                TypedConfig = Messages.Pack(new ReqWithoutQuery()),
            };
        }
    }

    private static AccessLog Text(string path, string given, bool omitsEmpty)
    {
        var text = Text(given);
        var format = new SubstitutionFormatString
        {
            TextFormatSource = new DataSource { InlineString = text },
            OmitEmptyValues = omitsEmpty,
        };
        format.Formatters.Add(Formatters(text));
        return File(path, format);
    }

    private static AccessLog Json(string path, Struct fields, bool omitsEmpty)
    {
        var format = new SubstitutionFormatString
        {
            JsonFormat = fields,
            JsonFormatOptions = new JsonFormatOptions(),
            OmitEmptyValues = omitsEmpty,
        };
        format.Formatters.Add(Formatters("", fields));
        return File(path, format);
    }

    private static AccessLog File(string path, SubstitutionFormatString format) => new()
    {
        Name = ExtensionNames.FileAccessLog,
        TypedConfig = Messages.Pack(new FileAccessLog { Path = path.Length == 0 ? DefaultPath : path, LogFormat = format }),
    };

    private static Struct Fields(string given)
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
