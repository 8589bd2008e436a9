using System.Globalization;
using System.Text;

namespace Pilotfish.EndToEnd.Protocols;

/// <summary>Listeners and clusters of <see cref="ProtocolPlace"/>. The first part of a path says which cluster.</summary>
internal static class ProtocolBootstrap
{
    private const string Listener = """
          - name: NAME
            address: {socket_address: {address: 127.0.0.1, port_value: 0}}
            filter_chains:
            - name: chain
              TRANSPORT
              filters:
              - name: hcm
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: NAME
                  upgrade_configs: [{upgrade_type: websocket}]
                  http2_protocol_options: {allow_connect: true}
                  http_filters:
                  - name: envoy.filters.http.router
                    typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
                  route_config:
                    virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes:

        """;

    private const string Tls = """
        transport_socket: {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext,
                common_tls_context: {alpn_protocols: [h2, http/1.1],
                tls_certificates: [{certificate_chain: {filename: FOLDER/chain.pem}, private_key: {filename: FOLDER/key.pem}}]}}}
        """;

    private const string Cluster = """
        - "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
          name: NAME
          type: STATIC
          connect_timeout: TIMEOUT
          load_assignment:
            cluster_name: NAME
            endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: PORT}}}}]}]
          typed_extension_protocol_options:
            envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
              "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
              OPTIONS

        """;

    // The server's own ALPN decides.
    private const string UpstreamTls = """
          transport_socket: {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext,
            sni: localhost, common_tls_context: {alpn_protocols: [h2, http/1.1], validation_context: {trusted_ca: {filename: FOLDER/ca.pem}}}}}

        """;

    public static string Listeners(string folder, IEnumerable<string> clusters)
    {
        var routes = new StringBuilder();
        foreach (string name in clusters)
        {
            routes.Append(CultureInfo.InvariantCulture, $$$"""
                              - match: {prefix: /{{{name}}}/, headers: [{name: x-short, present_match: true}]}
                                route: {cluster: {{{name}}}, timeout: 0.3s, retry_policy: {retry_on: reset, per_try_timeout: 0.2s}}
                              - match: {prefix: /{{{name}}}/}
                                route: {cluster: {{{name}}}, timeout: 0s}

                """);
        }

        string plain = Listener.Replace("NAME", "http", StringComparison.Ordinal).Replace("TRANSPORT", "metadata: {}", StringComparison.Ordinal);
        string tls = Listener.Replace("NAME", "https", StringComparison.Ordinal).Replace("TRANSPORT", Tls, StringComparison.Ordinal);
        string yaml = $"""
            node: [id: test, cluster: test]
            dynamic_resources: [cds_config: [path_config_source: [path: {folder}/cds.yaml]]]
            static_resources:
              listeners:

            """.Replace('[', '{').Replace(']', '}');
        return (yaml + plain + routes + tls + routes).Replace("FOLDER", folder, StringComparison.Ordinal);
    }

    public static string Clusters(string folder, IReadOnlyDictionary<string, int> ports, string connectTimeout)
    {
        var yaml = new StringBuilder("resources:\n");
        foreach ((string name, int port) in ports)
        {
            bool tls = name.StartsWith("tls", StringComparison.Ordinal);
            string options = tls ? "auto_config: {http_protocol_options: {}, http2_protocol_options: {}}"
                : name.EndsWith("h2", StringComparison.Ordinal) ? "explicit_http_config: {http2_protocol_options: {}}"
                : "explicit_http_config: {http_protocol_options: {}}";
            yaml.Append(Cluster.Replace("NAME", name, StringComparison.Ordinal).Replace("OPTIONS", options, StringComparison.Ordinal)
                .Replace("TIMEOUT", connectTimeout, StringComparison.Ordinal)
                .Replace("PORT", port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal));
            yaml.Append(tls ? UpstreamTls : "");
        }

        return yaml.Replace("FOLDER", folder).ToString();
    }
}
