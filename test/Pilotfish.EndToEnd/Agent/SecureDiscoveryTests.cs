using Pilotfish.Runtime.Interop;
using Pilotfish.Testing;
using Pilotfish.Testing.Namespaces;

namespace Pilotfish.EndToEnd.Agent;

/// <summary>The sidecar's agent and the control plane over port 15012: real processes, real handshakes, certificates from files.</summary>
public sealed class SecureDiscoveryTests : IDisposable
{
    private const string Name = "istiod.istio-system.svc";
    private const string Manifest = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: 10.96.0.9, ports: [{name: http, port: 80}]}\n";

    private readonly TestCertificates _authority = new();
    private readonly TestNamespace _network = TestNamespace.Create();
    private readonly PodFolder _folder = new("pilotfish-tls-");
    private readonly NetworkNamespaceThread _inside;

    public SecureDiscoveryTests()
    {
        _inside = _network.Enter();
        Write("mesh.yaml", Manifest);
        Write("var/run/secrets/istio/root-cert.pem", _authority.RootPem);
        Write("var/run/secrets/tokens/istio-token", "token");
    }

    [Fact]
    public async Task MountedRootAndToken_ConnectAndOutliveTheControlPlane()
    {
        WriteCertificate(_authority.DnsLeaf(Name));
        using AgentProcessRun sidecar = Sidecar();

        // Nobody listens yet: it goes on trying.
        await sidecar.UntilLogAsync("Connection refused");
        using (AgentProcessRun first = Discovery())
        {
            await UntilReadyAsync(sidecar, 200);
            Assert.DoesNotContain("token", sidecar.Log, StringComparison.Ordinal);
        }

        int streams = Ends(sidecar);
        await sidecar.UntilAsync(() => Task.FromResult(Ends(sidecar) > streams || sidecar.Log.Contains("ended", StringComparison.Ordinal)), "the stream's end");
        await UntilReadyAsync(sidecar, 200);

        Write("mesh.yaml", Manifest.Replace("name: web", "name: other", StringComparison.Ordinal));
        using AgentProcessRun second = Discovery();
        await sidecar.UntilAsync(
            async () => (await NamespaceHttp.AskAsync(_inside, 15000, "/clusters")).Body.Contains("other.default.svc", StringComparison.Ordinal), "the changed cluster");
    }

    [Theory]
    [InlineData("another root", "does not chain to a root in './var/run/secrets/istio/root-cert.pem'")]
    [InlineData("expired", "is not valid at this time; renew it, or set this machine's clock right")]
    [InlineData("another name", "its certificate is for 'DNS:istiod.elsewhere.svc', not for 'istiod.istio-system.svc'")]
    public async Task CertificateThatIsNotTrusted_IsToldWhyAndTriedAgainUntilItIsReplaced(string fault, string sentence)
    {
        WriteCertificate(fault switch
        {
            "another root" => new TestCertificates("test root").DnsLeaf(Name),
            "expired" => _authority.DnsLeaf(Name, expired: true),
            _ => _authority.DnsLeaf("istiod.elsewhere.svc"),
        });
        using AgentProcessRun discovery = Discovery();
        using AgentProcessRun sidecar = Sidecar();

        Assert.Contains("The control plane localhost:15012 is not trusted: ", await sidecar.UntilLogAsync(sentence), StringComparison.Ordinal);
        await sidecar.UntilAsync(() => Task.FromResult(Ends(sidecar) >= 2), "a second attempt");
        await UntilReadyAsync(sidecar, 503);

        // The renewed certificate is read without a restart on either side.
        WriteCertificate(_authority.DnsLeaf(Name));
        await UntilReadyAsync(sidecar, 200);
    }

    [Fact]
    public async Task MissingRoot_IsNamedAndReadOnceItIsMounted()
    {
        File.Delete(_folder.At("var/run/secrets/istio/root-cert.pem"));
        WriteCertificate(_authority.DnsLeaf(Name));
        using AgentProcessRun discovery = Discovery();
        using AgentProcessRun sidecar = Sidecar();

        await sidecar.UntilLogAsync("The control plane's root certificate './var/run/secrets/istio/root-cert.pem' is not there (yet)");
        Write("var/run/secrets/istio/root-cert.pem", _authority.RootPem);

        await UntilReadyAsync(sidecar, 200);
    }

    [Fact]
    public async Task MissingToken_IsSaidOnce()
    {
        File.Delete(_folder.At("var/run/secrets/tokens/istio-token"));
        WriteCertificate(_authority.DnsLeaf(Name));
        using AgentProcessRun sidecar = Sidecar();
        await sidecar.UntilAsync(() => Task.FromResult(Ends(sidecar) >= 2), "a second attempt");

        string[] said = [.. sidecar.Log.Split('\n').Where(static line => line.Contains("There is no token in './var/run/secrets/tokens/istio-token'", StringComparison.Ordinal))];
        Assert.Single(said, static line => line.Contains("the control plane is asked without one", StringComparison.Ordinal));
        // The authority of certificates is another server with a reason of its own.
        Assert.InRange(said.Length, 1, 2);
    }

    [Theory]
    [InlineData("only one file", "belong together", 64)]
    [InlineData("no such file", "There is no file 'none.crt'", 1)]
    [InlineData("no certificate inside", "cannot be used", 1)]
    public async Task Discovery_WithUnusableCertificate_EndsWithASentence(string fault, string sentence, int exitCode)
    {
        Write("tls.crt", "nothing");
        Write("tls.key", "nothing");
        string[] flags = fault switch
        {
            "only one file" => ["--tlsCertFile", "tls.crt"],
            "no such file" => ["--tlsCertFile", "none.crt", "--tlsKeyFile", "none.key"],
            _ => ["--tlsCertFile", "tls.crt", "--tlsKeyFile", "tls.key"],
        };
        using AgentProcessRun discovery = AgentProcessRun.Discovery(_network, _folder.Path, flags);
        await discovery.UntilExitAsync();
        await discovery.UntilLogAsync(sentence);
        Assert.Equal(exitCode, discovery.ExitCode);
    }

    public void Dispose()
    {
        _network.Dispose();
        _folder.Dispose();
    }

    private static int Ends(AgentProcessRun sidecar) =>
        sidecar.Log.Split('\n').Count(line => line.Contains("Next attempt in", StringComparison.Ordinal));

    private AgentProcessRun Discovery() => AgentProcessRun.Discovery(
        _network, _folder.Path, "--tlsCertFile", "tls.crt", "--tlsKeyFile", "tls.key", "--grpcAddr", "", "--httpsAddr", "");

    private AgentProcessRun Sidecar() => AgentProcessRun.Sidecar(_network, _folder.Path, "localhost:15012");

    private async Task UntilReadyAsync(AgentProcessRun sidecar, int status) =>
        await sidecar.UntilAsync(async () => (await NamespaceHttp.AskAsync(_inside, 15020, "/healthz/ready")).Status == status, $"status {status} of /healthz/ready");

    private void WriteCertificate((string Chain, string Key) leaf)
    {
        Write("tls.key", leaf.Key);
        Write("tls.crt", leaf.Chain);
    }

    private void Write(string name, string text) => _folder.Write(name, text);
}
