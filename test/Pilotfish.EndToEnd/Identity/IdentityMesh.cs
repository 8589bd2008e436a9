using System.Diagnostics;
using Envoy.Config.Bootstrap.V3;
using Pilotfish.Api.Messages;
using Pilotfish.Api.Yaml;
using Pilotfish.EndToEnd.Agent;
using Pilotfish.Runtime.Interop;
using Pilotfish.Testing;
using Pilotfish.Testing.Namespaces;

namespace Pilotfish.EndToEnd.Identity;

/// <summary>
/// Two sidecars in one namespace, `client` and `server`: the client's takes plaintext on 18080 and speaks mTLS to 18443, where the server's
/// answers with the client's identity. Both have their certificates from the control plane's authority.
/// </summary>
internal sealed class IdentityMesh : IAsyncDisposable
{
    public const int ClientPort = 18080;

    private const string Sds = "{resource_api_version: V3, initial_fetch_timeout: 0s, api_config_source: {api_type: GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: sds-grpc}}]}}";

    private const string ServerConfig = """
        static_resources:
          listeners:
          - name: inbound
            address: {socket_address: {address: 127.0.0.1, port_value: 18443}}
            filter_chains:
            - transport_socket:
                name: envoy.transport_sockets.tls
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
                  require_client_certificate: true
                  common_tls_context:
                    tls_certificate_sds_secret_configs: [{name: default, sds_config: SDS}]
                    combined_validation_context:
                      default_validation_context: {match_typed_subject_alt_names: [{san_type: URI, matcher: {prefix: "spiffe://cluster.local/"}}]}
                      validation_context_sds_secret_config: {name: ROOTCA, sds_config: SDS}
              filters:
              - name: http
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: inbound
                  route_config:
                    virtual_hosts:
                    - name: all
                      domains: ["*"]
                      response_headers_to_add: [{header: {key: x-peer, value: "%DOWNSTREAM_PEER_URI_SAN%"}}, {header: {key: x-serial, value: "%DOWNSTREAM_PEER_SERIAL%"}}]
                      routes: [{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: hello}}}]
                  http_filters:
                  - {name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
        """;

    private const string ClientConfig = """
        static_resources:
          listeners:
          - name: outbound
            address: {socket_address: {address: 127.0.0.1, port_value: 18080}}
            filter_chains:
            - filters:
              - name: http
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: outbound
                  route_config:
                    virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: server}}]}]
                  http_filters:
                  - {name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
          clusters:
          - name: server
            type: STATIC
            connect_timeout: 5s
            typed_extension_protocol_options:
              envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
                "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
                common_http_protocol_options: {max_requests_per_connection: 10}
                explicit_http_config: {http_protocol_options: {}}
            transport_socket:
              name: envoy.transport_sockets.tls
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
                sni: server
                common_tls_context:
                  tls_certificate_sds_secret_configs: [{name: default, sds_config: SDS}]
                  combined_validation_context:
                    default_validation_context: {match_typed_subject_alt_names: [{san_type: URI, matcher: {exact: "spiffe://cluster.local/ns/default/sa/server"}}]}
                    validation_context_sds_secret_config: {name: ROOTCA, sds_config: SDS}
            load_assignment:
              cluster_name: server
              endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 18443}}}}]}]
        """;

    private readonly PodFolder _folder = new("pilotfish-identity-");

    private IdentityMesh(TestNamespace network, NetworkNamespaceThread inside, IssuingControlPlane controlPlane) =>
        (Network, Inside, ControlPlane) = (network, inside, controlPlane);

    public TestNamespace Network { get; }

    public NetworkNamespaceThread Inside { get; }

    public IssuingControlPlane ControlPlane { get; }

    public static async Task<IdentityMesh> StartAsync()
    {
        TestNamespace network = TestNamespace.Create();
        NetworkNamespaceThread inside = network.Enter();
        var mesh = new IdentityMesh(network, inside, await IssuingControlPlane.StartAsync(inside));
        mesh.Give("server", ServerConfig);
        mesh.Give("client", ClientConfig);
        return mesh;
    }

    public string At(string pod, string file) => _folder.At(Path.Combine(pod, file));

    public void Write(string pod, string file, string text) => _folder.Write(Path.Combine(pod, file), text);

    /// <summary>Mounts root and token and starts the sidecar.</summary>
    public AgentProcessRun Sidecar(string pod, params string[] environment)
    {
        Write(pod, "var/run/secrets/istio/root-cert.pem", IssuingControlPlane.Serving.RootPem);
        Write(pod, "var/run/secrets/tokens/istio-token", $"token-of-{pod}\n");
        ControlPlane.Tokens[$"token-of-{pod}"] = pod;
        int offset = pod == "server" ? 100 : 200;
        string config = $"{{\"discoveryAddress\":\"localhost:15012\",\"concurrency\":1,\"statusPort\":{15020 + offset},\"proxyAdminPort\":{15000 + offset}}}";
        return AgentProcessRun.Sidecar(
            Network, _folder.At(pod), "localhost:15012",
            [
                $"POD_NAME={pod}", $"SERVICE_ACCOUNT={pod}", $"PROXY_CONFIG={config}", $"ENVOY_STATUS_PORT={15021 + offset}",
                $"ENVOY_PROMETHEUS_PORT={15090 + offset}", .. environment,
            ]);
    }

    public Task<(int Status, string Body)> StatusAsync(string pod, string path) =>
        NamespaceHttp.AskAsync(Inside, 15020 + (pod == "server" ? 100 : 200), path);

    public async Task UntilAsync(Func<Task<bool>> reached, Func<string> describe)
    {
        long began = Stopwatch.GetTimestamp();
        while (!await reached())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience.Limit, describe());
            await Task.Delay(TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await ControlPlane.DisposeAsync();
        Network.Dispose();
        _folder.Dispose();
    }

    private void Give(string pod, string yaml)
    {
        ReadResult<Bootstrap> read = MessageReader.Read<Bootstrap>(YamlDocuments.Parse(yaml.Replace("SDS", Sds, StringComparison.Ordinal), pod).Documents[0], ReadOptions.Envoy);
        Assert.Empty(read.Errors);
        Bootstrap.Types.StaticResources resources = read.Message!.StaticResources;
        ControlPlane.Resources[(pod, "Listener")] = [.. resources.Listeners.Select(l => (l.Name, (Google.Protobuf.IMessage)l))];
        ControlPlane.Resources[(pod, "Cluster")] = [.. resources.Clusters.Select(c => (c.Name, (Google.Protobuf.IMessage)c))];
    }
}
