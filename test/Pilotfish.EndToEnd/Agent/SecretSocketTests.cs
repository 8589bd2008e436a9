using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Pilotfish.Runtime.Interop;
using Pilotfish.Testing;
using Pilotfish.Testing.Namespaces;

namespace Pilotfish.EndToEnd.Agent;

/// <summary>The agent's socket for secrets, and a data plane in a process of its own that takes its certificate from there.</summary>
public sealed class SecretSocketTests : IDisposable
{
    private const int Port = 8443;
    private const string Socket = "var/run/secrets/workload-spiffe-uds/socket";

    private const string Bootstrap = """
        node: {id: other, cluster: other}
        admin: {address: {socket_address: {address: 127.0.0.1, port_value: 9901}}}
        static_resources:
          listeners:
          - name: tls
            address: {socket_address: {address: 127.0.0.1, port_value: 8443}}
            filter_chains:
            - transport_socket:
                name: envoy.transport_sockets.tls
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
                  require_client_certificate: true
                  common_tls_context:
                    tls_certificate_sds_secret_configs:
                    - {name: default, sds_config: &sds {resource_api_version: V3, initial_fetch_timeout: 0s, api_config_source: {api_type: GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: sds-grpc}}]}}}
                    validation_context_sds_secret_config: {name: ROOTCA, sds_config: *sds}
              filters:
              - name: http
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: tls
                  route_config:
                    virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: hello}}}]}]
                  http_filters:
                  - name: router
                    typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          clusters:
          - name: sds-grpc
            type: STATIC
            connect_timeout: 1s
            typed_extension_protocol_options:
              envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
                "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
                explicit_http_config: {http2_protocol_options: {}}
            load_assignment:
              cluster_name: sds-grpc
              endpoints: [{lb_endpoints: [{endpoint: {address: {pipe: {path: ./var/run/secrets/workload-spiffe-uds/socket}}}}]}]
        """;

    private readonly TestCertificates _authority = new();
    private readonly TestNamespace _network = TestNamespace.Create();
    private readonly PodFolder _folder = new("pilotfish-sds-");
    private readonly NetworkNamespaceThread _inside;

    public SecretSocketTests() => _inside = _network.Enter();

    [Fact]
    public async Task OtherDataPlane_TakesItsCertificateFromTheAgent_AndItsRenewal()
    {
        Mount("spiffe://td/ns/a/sa/first");
        Write("serve.yaml", Bootstrap);
        using AgentProcessRun agent = Sidecar(_network);
        await agent.UntilLogAsync("secrets are served on");
        using AgentProcessRun serve = AgentProcessRun.Serve(_network, _folder.Path, "serve.yaml");
        await serve.UntilAsync(async () => await NameAsync() == "first", "the first certificate");
        (SslStream old, string name) = await ConnectAsync();
        using SslStream kept = old;
        Assert.Equal("first", name);
        Assert.Equal("hello", await AskAsync(kept));

        Mount("spiffe://td/ns/a/sa/second");
        await serve.UntilAsync(async () => await NameAsync() == "second", "the renewed certificate");
        Assert.Equal("hello", await AskAsync(kept));

        // The agent goes and comes back: what the other has stays in force, and the next renewal reaches it.
        agent.Signal(ProcessSignal.SIGTERM);
        agent.Signal(ProcessSignal.SIGTERM);
        await agent.UntilExitAsync();
        Assert.False(File.Exists(_folder.At(Socket)));
        Assert.Equal("second", await NameAsync());
        using AgentProcessRun again = Sidecar(_network);
        Mount("spiffe://td/ns/a/sa/third");
        await serve.UntilAsync(async () => await NameAsync() == "third", "the certificate after the agent's restart");
        Assert.Equal("hello", await AskAsync(kept));
    }

    [Fact]
    public async Task AnotherServer_OnTheSocket_IsLeftInPlace_AndADeadOneIsReplaced()
    {
        Mount("spiffe://td/ns/a/sa/first");
        using AgentProcessRun first = Sidecar(_network);
        await first.UntilLogAsync("secrets are served on './var/run/secrets/workload-spiffe-uds/socket'");
        using TestNamespace elsewhere = TestNamespace.Create();
        NetworkNamespaceThread there = elsewhere.Enter();
        using (AgentProcessRun second = Sidecar(elsewhere))
        {
            await second.UntilLogAsync("Existing workload SDS socket found at ./var/run/secrets/workload-spiffe-uds/socket");
            await second.UntilLogAsync("secrets are served on './var/run/secrets/credential-uds/files-socket'");
            await second.UntilAsync(
                async () => (await NamespaceHttp.AskAsync(there, 15000, "/clusters")).Body.Contains("sds-files-grpc::", StringComparison.Ordinal), "the cluster of files");
        }

        // Killed: its socket stays behind, dead.
        first.Signal(ProcessSignal.SIGKILL);
        await first.UntilExitAsync();
        Assert.True(File.Exists(_folder.At(Socket)));
        using AgentProcessRun third = Sidecar(_network);
        await third.UntilLogAsync("is removed, its server does not answer");
        await third.UntilLogAsync("secrets are served on './var/run/secrets/workload-spiffe-uds/socket'");
    }

    [Fact]
    public async Task ChosenSocket_ThatIsNotThere_EndsTheStart()
    {
        using AgentProcessRun agent = AgentProcessRun.Sidecar(_network, _folder.Path, "localhost:15010", "WORKLOAD_IDENTITY_SOCKET_FILE=spire.sock");
        await agent.UntilExitAsync();
        Assert.Equal(255, agent.ExitCode);
        await agent.UntilLogAsync("agent configured for non-default SDS socket path: ./var/run/secrets/workload-spiffe-uds/spire.sock but no socket found");
    }

    public void Dispose()
    {
        _network.Dispose();
        _folder.Dispose();
    }

    private AgentProcessRun Sidecar(TestNamespace at) => AgentProcessRun.Sidecar(at, _folder.Path, "localhost:15010");

    private async Task<string> NameAsync()
    {
        try
        {
            (SslStream stream, string name) = await ConnectAsync();
            stream.Dispose();
            return name;
        }
        catch (Exception e) when (e is SocketException or IOException or System.Security.Authentication.AuthenticationException)
        {
            return e.Message;
        }
    }

    /// <summary>A connection with a client certificate, and the last part of the server's identity.</summary>
    private async Task<(SslStream Stream, string Name)> ConnectAsync()
    {
        Socket socket = _inside.Run(() =>
        {
            var made = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            made.Connect(IPAddress.Loopback, Port);
            return made;
        });
        string uri = "";
        var stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
        (string chain, string key) = _authority.Leaf("spiffe://td/ns/a/sa/client");
        using X509Certificate2 pem = X509Certificate2.CreateFromPem(chain, key);
        using X509Certificate2 client = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(_authority.Roots);
        await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "a",
            ClientCertificates = [client],
            CertificateChainPolicy = policy,
            RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
            {
                string text = new X509Certificate2(certificate!).Extensions["2.5.29.17"]!.Format(false);
                uri = text[(text.LastIndexOf('/') + 1)..];
                return (errors & SslPolicyErrors.RemoteCertificateChainErrors) == 0;
            },
        });
        return (stream, uri);
    }

    private static async Task<string> AskAsync(SslStream stream)
    {
        await stream.WriteAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n"u8.ToArray());
        byte[] buffer = new byte[4096];
        var text = new StringBuilder();
        while (!text.ToString().EndsWith("hello", StringComparison.Ordinal))
        {
            int read = await stream.ReadAsync(buffer);
            Assert.NotEqual(0, read);
            text.Append(Encoding.ASCII.GetString(buffer, 0, read));
        }

        return "hello";
    }

    private void Mount(string uri)
    {
        (string chain, string key) = _authority.Leaf(uri);
        Write("var/run/secrets/workload-spiffe-credentials/cert-chain.pem", chain);
        Write("var/run/secrets/workload-spiffe-credentials/key.pem", key);
        Write("var/run/secrets/workload-spiffe-credentials/root-cert.pem", _authority.RootPem);
    }

    private void Write(string name, string text) => _folder.Write(name, text);
}
