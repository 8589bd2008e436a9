using System.Text.Json.Nodes;

namespace Pilotfish.Bench.Peers.Peers;

/// <summary>The access_log of our bootstrap.</summary>
internal static class AccessLogConfig
{
    /// <summary>Records per request of <see cref="LogKind.ManyRecords"/> and <see cref="LogKind.BlockedPipe"/>: a twentieth of the wanted records per second is a rate far from saturation.</summary>
    public const int RecordsPerRequest = 20;

    private const string Extensions = "type.googleapis.com/envoy.extensions.";

    // Istio's default, as istiod writes it.
    private const string IstioText =
        """
        [%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%

        """;

    private static readonly (string Key, string Value)[] s_istioJson =
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

    /// <summary>Null when nothing is logged.</summary>
    public static JsonArray? Of(PeerSetup setup) => setup.Log switch
    {
        LogKind.None => null,
        LogKind.Text => [Logger(setup, null)],
        LogKind.IstioText => [Logger(setup, Text())],
        LogKind.IstioJson => [Logger(setup, Json())],
        LogKind.NeverMatching => [Never(Logger(setup, Text()))],
        _ => [.. Enumerable.Range(0, RecordsPerRequest).Select(_ => Logger(setup, Text()))],
    };

    /// <summary>Where the records go.</summary>
    public static string PathOf(PeerSetup setup) =>
        setup.Log == LogKind.ManyRecords ? "/dev/null" : setup.PathOf($"pilotfish-{setup.Log}.access");

    private static JsonObject Logger(PeerSetup setup, JsonObject? format)
    {
        var config = new JsonObject { ["@type"] = Extensions + "access_loggers.file.v3.FileAccessLog", ["path"] = PathOf(setup) };
        if (format is not null)
        {
            config["log_format"] = format;
        }

        return new JsonObject { ["name"] = "envoy.access_loggers.file", ["typed_config"] = config };
    }

    private static JsonObject Text() => new() { ["text_format_source"] = new JsonObject { ["inline_string"] = IstioText } };

    private static JsonObject Json() => new()
    {
        ["json_format"] = new JsonObject(s_istioJson.Select(static pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value))),
    };

    private static JsonObject Never(JsonObject logger)
    {
        logger["filter"] = new JsonObject
        {
            ["extension_filter"] = new JsonObject
            {
                ["name"] = "envoy.access_loggers.extension_filters.cel",
                ["typed_config"] = new JsonObject
                {
                    ["@type"] = Extensions + "access_loggers.filters.cel.v3.ExpressionFilter",
                    ["expression"] = "response.code >= 500 || request.url_path.startsWith('/never')",
                },
            },
        };
        return logger;
    }
}
