using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Pilotfish.EndToEnd.Agent;
using Pilotfish.Testing;

namespace Pilotfish.EndToEnd.Identity;

/// <summary>Sidecars that have their certificates from an authority, as real processes.</summary>
public sealed class IssuedIdentityTests
{
    [Fact]
    public async Task TwoSidecars_SpeakMutualTls_AndRotateCertificatesAndRootUnderLoad()
    {
        await using IdentityMesh mesh = await IdentityMesh.StartAsync();
        IssuingControlPlane authority = mesh.ControlPlane;

        // Renewed three seconds after they came, and good for a minute more: a busy machine must not let one end.
        authority.Life = TimeSpan.FromSeconds(60);
        string[] often = ["SECRET_GRACE_PERIOD_RATIO=0.95", "SECRET_GRACE_PERIOD_RATIO_JITTER=0", "SECRET_TTL=60s"];
        using AgentProcessRun server = mesh.Sidecar("server", [.. often, "ECC_SIGNATURE_ALGORITHM=ECDSA"]);
        using AgentProcessRun client = mesh.Sidecar("client", [.. often, "CA_HEADER_X-Extra=more", "ISTIO_META_CERT_SIGNER=signer"]);
        await mesh.UntilAsync(async () => await AskAsync(mesh) is { Status: 200 }, () => server.Log + client.Log);
        Assert.Equal("spiffe://cluster.local/ns/default/sa/client", (await AskAsync(mesh)).Peer);

        using var stop = new CancellationTokenSource();
        Task<(int Count, List<string> Failures, HashSet<string> Serials)>[] load = [.. Enumerable.Range(0, 3).Select(_ => LoadAsync(mesh, stop.Token))];

        // Everybody learns the next root before anybody shows a certificate of it.
        TestCertificates old = authority.Issuer;
        var next = new TestCertificates("next root");
        authority.MoreRoots = next.RootPem + "\n";
        await BothRenewedAsync();
        authority.MoreRoots = old.RootPem + "\n";
        authority.Issuer = next;
        await BothRenewedAsync();
        await stop.CancelAsync();

        foreach ((int count, List<string> failures, HashSet<string> serials) in await Task.WhenAll(load))
        {
            Assert.True(failures.Count == 0, string.Join('\n', failures.Distinct()) + server.Log + client.Log);
            Assert.InRange(count, 100, int.MaxValue);
            Assert.InRange(serials.Count, 3, int.MaxValue);
        }

        (string token, string cluster, string extra, Istio.V1.Auth.IstioCertificateRequest asked) = authority.Requests.First(r => r.Extra.Length > 0);
        Assert.Equal(("Bearer token-of-client", "Kubernetes", "more"), (token, cluster, extra));
        Assert.Equal((60, "signer"), (asked.ValidityDuration, asked.Metadata.Fields["CertSigner"].StringValue));
        string metrics = (await mesh.StatusAsync("client", "/stats/prometheus")).Body;
        Assert.Contains("istio_agent_cert_expiry_seconds{resource_name=\"default\"}", metrics, StringComparison.Ordinal);
        Assert.Contains("istio_agent_num_outgoing_requests{request_type=\"csr\"}", metrics, StringComparison.Ordinal);
        Assert.DoesNotContain("istio_agent_num_failed_outgoing_requests", metrics, StringComparison.Ordinal);
        string certificates = (await NamespaceHttp.AskAsync(mesh.Inside, 15200, "/certs")).Body;
        Assert.Contains("spiffe://cluster.local/ns/default/sa/client", certificates, StringComparison.Ordinal);
        foreach (string log in new[] { server.Log, client.Log })
        {
            Assert.DoesNotContain("token-of", log, StringComparison.Ordinal);
            Assert.DoesNotContain("PRIVATE KEY", log, StringComparison.Ordinal);
        }

        async Task BothRenewedAsync()
        {
            string roots = authority.MoreRoots + authority.Issuer.RootPem;

            // Twice: who asks again has taken what it was told before.
            await mesh.UntilAsync(
                () => Task.FromResult(new[] { "server", "client" }.All(account => authority.Issued.Count(i => i.Account == account && i.Roots == roots) >= 2)),
                () => $"no renewal\n{server.Log}\n{client.Log}");
        }
    }

    [Fact]
    public async Task Refusal_IsNamed_AndTrafficWaitsForTheFirstCertificate()
    {
        await using IdentityMesh mesh = await IdentityMesh.StartAsync();
        mesh.ControlPlane.Refusal = new Status(StatusCode.PermissionDenied, "not this pod");
        string[] small = ["ECC_SIGNATURE_ALGORITHM=ECDSA", "OUTPUT_CERTS=out"];
        Directory.CreateDirectory(mesh.At("client", "out"));
        using AgentProcessRun server = mesh.Sidecar("server", small[..1]);
        using AgentProcessRun client = mesh.Sidecar("client", small);
        string line = await client.UntilLogAsync("gave no workload certificate");
        Assert.Contains("the certificate authority localhost:15012", line, StringComparison.Ordinal);
        Assert.Contains("PermissionDenied: not this pod", line, StringComparison.Ordinal);
        Assert.Contains("'./var/run/secrets/tokens/istio-token'", line, StringComparison.Ordinal);
        Assert.NotEqual(200, (await AskAsync(mesh)).Status);

        // The kubelet puts another token there, which the next attempt reads.
        mesh.ControlPlane.Refusal = null;
        mesh.ControlPlane.Tokens.Clear();
        mesh.Write("client", "var/run/secrets/tokens/istio-token", "new-token");
        mesh.ControlPlane.Tokens["new-token"] = "client";
        mesh.ControlPlane.Tokens["token-of-server"] = "server";
        await mesh.UntilAsync(async () => await AskAsync(mesh) is { Status: 200 }, () => server.Log + client.Log);
        Assert.Equal(1, mesh.ControlPlane.IssuedTo("client"));
        foreach (string file in new[] { "key.pem", "cert-chain.pem", "root-cert.pem" })
        {
            Assert.Equal("600", mesh.Network.Run("stat", "-c", "%a", mesh.At("client", $"out/{file}")).Trim());
        }
    }

    [Theory]
    [InlineData("ECC_SIGNATURE_ALGORITHM=ECDSA ECC_CURVE=P384", "id-ecPublicKey", "Public-Key: (384 bit)")]
    [InlineData("ECC_SIGNATURE_ALGORITHM=ECDSA PKCS8_KEY=true", "id-ecPublicKey", "Public-Key: (256 bit)")]
    [InlineData("WORKLOAD_RSA_KEY_SIZE=3072", "rsaEncryption", "Public-Key: (3072 bit)")]
    public async Task SigningRequest_IsWhatOpensslVerifies(string settings, string algorithm, string size)
    {
        Prerequisite.Program("openssl");
        await using IdentityMesh mesh = await IdentityMesh.StartAsync();
        using AgentProcessRun client = mesh.Sidecar("client", settings.Split(' '));
        await mesh.UntilAsync(() => Task.FromResult(!mesh.ControlPlane.Requests.IsEmpty), () => client.Log);
        mesh.Write("client", "request.csr", mesh.ControlPlane.Requests.First().Request.Csr);

        string text = mesh.Network.Run("sh", "-c", $"openssl req -verify -noout -text -in {mesh.At("client", "request.csr")} 2>&1");

        Assert.Contains("verify OK", text, StringComparison.Ordinal);
        Assert.Contains(algorithm, text, StringComparison.Ordinal);
        Assert.Contains(size, text, StringComparison.Ordinal);
        Assert.Contains("X509v3 Subject Alternative Name: critical", text, StringComparison.Ordinal);
        Assert.Contains("URI:spiffe://cluster.local/ns/default/sa/client", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RootsOfAPushedProxyConfig_AreTrustedBesideTheMeshs()
    {
        await using IdentityMesh mesh = await IdentityMesh.StartAsync();
        string other = new TestCertificates("of another mesh").RootPem;
        mesh.ControlPlane.Resources[("client", "ProxyConfig")] = [("", new Istio.Mesh.V1Alpha1.ProxyConfig { CaCertificatesPem = { other } })];
        Directory.CreateDirectory(mesh.At("client", "out"));
        using AgentProcessRun client = mesh.Sidecar("client", "ECC_SIGNATURE_ALGORITHM=ECDSA", "OUTPUT_CERTS=out", "PROXY_CONFIG_XDS_AGENT=true");
        string file = mesh.At("client", "out/root-cert.pem");

        await mesh.UntilAsync(() => Task.FromResult(File.Exists(file) && File.ReadAllText(file).Contains(other, StringComparison.Ordinal)), () => client.Log);

        Assert.Contains(mesh.ControlPlane.Issuer.RootPem, await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task SecureMetrics_AreServedToWhoHasACertificateOfTheMesh()
    {
        await using IdentityMesh mesh = await IdentityMesh.StartAsync();
        using AgentProcessRun server = mesh.Sidecar(
            "server", "ECC_SIGNATURE_ALGORITHM=ECDSA", "ENVOY_SECURE_METRICS_PORT=15091", "ENVOY_SECURE_MERGED_METRICS_PORT=15092");
        await mesh.UntilAsync(async () => (await mesh.StatusAsync("server", "/healthz/ready")).Status == 200, () => server.Log);

        string own = await MetricsAsync(mesh, 15091, "/stats/prometheus", showsCertificate: true);
        string merged = await MetricsAsync(mesh, 15092, "/stats/prometheus", showsCertificate: true);

        Assert.Contains("envoy_server_live", own, StringComparison.Ordinal);
        Assert.DoesNotContain("istio_agent_", own, StringComparison.Ordinal);
        Assert.Contains("envoy_server_live", merged, StringComparison.Ordinal);
        Assert.Contains("istio_agent_cert_expiry_seconds", merged, StringComparison.Ordinal);
        Assert.Contains("istio_agent_cert_expiry_seconds", await MetricsAsync(mesh, 15092, "/metrics", showsCertificate: true), StringComparison.Ordinal);
        await Assert.ThrowsAsync<HttpRequestException>(() => MetricsAsync(mesh, 15091, "/stats/prometheus", showsCertificate: false));
    }

    [Theory]
    [InlineData("CA_PROVIDER=GoogleCA", "CA provider \"GoogleCA\" not registered")]
    [InlineData("CREDENTIAL_FETCHER_TYPE=GoogleComputeEngine", "CREDENTIAL_FETCHER_TYPE is 'GoogleComputeEngine'")]
    public async Task SettingsThatCannotWork_EndTheStart(string setting, string sentence)
    {
        await using IdentityMesh mesh = await IdentityMesh.StartAsync();
        using AgentProcessRun client = mesh.Sidecar("client", setting);
        await client.UntilExitAsync();
        Assert.Equal(255, client.ExitCode);
        await client.UntilLogAsync(sentence);
    }

    private static async Task<(int Count, List<string> Failures, HashSet<string> Serials)> LoadAsync(IdentityMesh mesh, CancellationToken stop)
    {
        List<string> failures = [];
        HashSet<string> serials = [];
        int count = 0;
        while (!stop.IsCancellationRequested)
        {
            Answer answer = await AskAsync(mesh);
            count++;
            serials.Add(answer.Serial);
            if (answer.Status != 200 || answer.Body != "hello")
            {
                failures.Add($"{answer.Status} {answer.Body}");
            }
        }

        return (count, failures, serials);
    }

    private static async Task<string> MetricsAsync(IdentityMesh mesh, int port, string path, bool showsCertificate)
    {
        (string chain, string key) = mesh.ControlPlane.Issuer.Leaf("spiffe://cluster.local/ns/default/sa/prometheus");
        using X509Certificate2 pem = X509Certificate2.CreateFromPem(chain, key);
        using X509Certificate2 own = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancel) =>
            {
                Socket socket = mesh.Inside.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
                await socket.ConnectAsync(IPAddress.Loopback, port, cancel);
                return new NetworkStream(socket, ownsSocket: true);
            },
            SslOptions = new SslClientAuthenticationOptions
            {
                ClientCertificates = showsCertificate ? [own] : null,
                CertificateChainPolicy = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { mesh.ControlPlane.Issuer.Roots[0] }, RevocationMode = X509RevocationMode.NoCheck,
                },

                // Its name is a SPIFFE id, which no URL has.
                RemoteCertificateValidationCallback = (_, _, _, errors) => (errors & SslPolicyErrors.RemoteCertificateChainErrors) == 0,
            },
        };
        using var client = new HttpClient(handler) { Timeout = TimeSpan.FromSeconds(20) };
        return await client.GetStringAsync($"https://server{path}");
    }

    private static async Task<Answer> AskAsync(IdentityMesh mesh)
    {
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancel) =>
            {
                Socket socket = mesh.Inside.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
                await socket.ConnectAsync(IPAddress.Loopback, IdentityMesh.ClientPort, cancel);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        using var client = new HttpClient(handler) { Timeout = TimeSpan.FromSeconds(20) };
        try
        {
            using HttpResponseMessage response = await client.GetAsync("http://web/");
            return new Answer(
                (int)response.StatusCode,
                await response.Content.ReadAsStringAsync(),
                response.Headers.TryGetValues("x-peer", out IEnumerable<string>? peer) ? peer.First() : "",
                response.Headers.TryGetValues("x-serial", out IEnumerable<string>? serial) ? serial.First() : "");
        }
        catch (HttpRequestException e)
        {
            return new Answer(0, e.Message, "", "");
        }
    }

    private sealed record Answer(int Status, string Body, string Peer, string Serial);
}
