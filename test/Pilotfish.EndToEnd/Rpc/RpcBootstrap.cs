using System.Globalization;
using System.Text;

namespace Pilotfish.EndToEnd.Rpc;

/// <summary>The bootstrap of <see cref="RpcPlace"/>: Istio's filters of a gRPC port, a route that retries, a cluster without hosts.</summary>
internal static class RpcBootstrap
{
    private const string Listener = """
          - name: NAME
            address: {socket_address: {address: 127.0.0.1, port_value: 0}}
            filter_chains:
            - name: chain
              transport_socket: DOWNSTREAM
              filters:
              - name: hcm
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: NAME
                  access_log:
                  - name: file
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
                      path: LOG
                      log_format: {text_format_source: {inline_string: "%REQ(X-ID)% %GRPC_STATUS% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %UPSTREAM_REQUEST_ATTEMPT_COUNT%\n"}}
                  http_filters:
                  - name: envoy.filters.http.grpc_web
                    typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.grpc_web.v3.GrpcWeb}
                  - name: envoy.filters.http.grpc_stats
                    typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.grpc_stats.v3.FilterConfig, stats_for_all_methods: false}
                  - name: envoy.filters.http.router
                    typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
                  route_config:
                    virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes:
                      - match: {prefix: /, headers: [{name: x-to, string_match: {exact: nowhere}}]}
                        route: {cluster: empty}
                      - match: {prefix: /, headers: [{name: x-retry, present_match: true}]}
                        route:
                          cluster: NAME
                          timeout: 0s
                          max_grpc_timeout: 0s
                          retry_policy: {retry_on: "cancelled,deadline-exceeded,internal,resource-exhausted,unavailable", num_retries: 3}
                      - match: {prefix: /, headers: [{name: x-client-keeps-time, present_match: true}]}
                        route: {cluster: NAME, timeout: 0s}
                      - match: {prefix: /, headers: [{name: x-proxy-keeps-time, present_match: true}]}
                        route: {cluster: NAME, timeout: 0s, max_grpc_timeout: 0s}
                        request_headers_to_remove: [grpc-timeout]
                      - match: {prefix: /pilotfish.test.Echo/}
                        route: {cluster: NAME, timeout: 0s, max_grpc_timeout: 0s}

        """;

    private const string Cluster = """
          - name: NAME
            type: STATIC
            load_assignment:
              cluster_name: NAME
              endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: PORT}}}}]}]
            typed_extension_protocol_options:
              envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
                "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
                explicit_http_config: {http2_protocol_options: {}}
            transport_socket: UPSTREAM

        """;

    private const string Plain = """
        {name: raw, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer}}
        """;

    private const string DownstreamTls = """
        {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext,
                common_tls_context: {alpn_protocols: [h2, http/1.1],
                tls_certificates: [{certificate_chain: {filename: FOLDER/chain.pem}, private_key: {filename: FOLDER/key.pem}}]}}}
        """;

    private const string UpstreamTls = """
        {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: localhost,
                common_tls_context: {alpn_protocols: [h2], validation_context: {trusted_ca: {filename: FOLDER/ca.pem}}}}}
        """;

    /// <param name="folder">Where chain.pem, key.pem and ca.pem are.</param>
    /// <param name="accessLog">A file.</param>
    /// <param name="ports">Of each server, by the name of the listener that leads to it; those that begin with <c>tls</c> speak TLS.</param>
    public static string Write(string folder, string accessLog, IReadOnlyDictionary<string, int> ports)
    {
        var listeners = new StringBuilder("static_resources:\n  listeners:\n");
        var clusters = new StringBuilder("  clusters:\n  - {name: empty, type: STATIC}\n");
        foreach ((string name, int port) in ports)
        {
            bool tls = name.StartsWith("tls", StringComparison.Ordinal);
            listeners.Append(Listener.Replace("DOWNSTREAM", tls ? DownstreamTls : Plain, StringComparison.Ordinal)
                .Replace("NAME", name, StringComparison.Ordinal).Replace("LOG", accessLog, StringComparison.Ordinal));
            clusters.Append(Cluster.Replace("UPSTREAM", tls ? UpstreamTls : Plain, StringComparison.Ordinal)
                .Replace("NAME", name, StringComparison.Ordinal)
                .Replace("PORT", port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal));
        }

        return listeners.Append(clusters).Replace("FOLDER", folder).ToString();
    }
}
