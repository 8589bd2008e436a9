namespace Pilotfish.EndToEnd.Faults;

/// <summary>A bootstrap whose listener `http` answers every request by itself, so that only the connections of clients count.</summary>
internal static class AnsweringBootstrap
{
    private const string Text = """
        static_resources:
          listeners:
          - name: http
            address: {socket_address: {address: 127.0.0.1, port_value: 0}}
            filter_chains:
            - filters:
              - name: hcm
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: h
                  access_log: [LOGGERS]
                  http_filters:
                  - name: router
                    typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
                  route_config:
                    virtual_hosts:
                    - name: v
                      domains: ["*"]
                      routes:
                      - match: {prefix: /}
                        direct_response: {status: 200, body: {inline_string: BODY}}
        """;

    public static string With(string body, string loggers = "") =>
        Text.Replace("BODY", $"'{body}'", StringComparison.Ordinal).Replace("LOGGERS", loggers, StringComparison.Ordinal);

    /// <summary>An access log of a file.</summary>
    /// <param name="path">The file's.</param>
    /// <param name="format">More fields of its config, as YAML.</param>
    public static string FileLogger(string path, string format = "") =>
        $"{{name: log, typed_config: {{\"@type\": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: {path}{format}}}}}";
}
