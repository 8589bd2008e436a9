using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Agent.Identity;
using Pilotfish.Agent.Identity.Workload;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Agent.Tests.Identity.Workload;

/// <summary>The workload's secrets from the authority, beside those from files.</summary>
public sealed class IssuedSecretsTests
{
    [Fact]
    public void Secrets_ComeFromTheAuthority_WithOneRequest() => Run(bench =>
    {
        SecretLease certificate = bench.Watch("default");
        SecretLease roots = bench.Watch("ROOTCA");

        Assert.Single(bench.Authority.Requests);
        Secret pair = Secret.Parser.ParseFrom(certificate.Current!.Message);
        Assert.Equal(("default", bench.Identity.Current!.Chain), (pair.Name, pair.TlsCertificate.CertificateChain.InlineBytes));
        Assert.Equal(bench.Authority.Root.RootPem, Roots(roots).Trim());
    });

    [Fact]
    public void MountedFiles_GoBeforeTheAuthority_WheneverTheyCome() => Run(bench =>
    {
        SecretLease certificate = bench.Watch("default");
        string issued = Chain(certificate);

        (string chain, string _) = bench.Files.Mount();
        bench.Pass(TimeSpan.FromSeconds(1.1));
        Assert.Equal(chain, Chain(certificate));

        // Nobody wants one of the authority any more; it asks for none.
        bench.Pass(TimeSpan.FromHours(25));
        Assert.Single(bench.Authority.Requests);

        File.Delete(bench.Files.At("key.pem"));
        bench.Pass(TimeSpan.FromSeconds(1.1));
        Assert.Equal(2, bench.Authority.Requests.Count);
        Assert.NotEqual(issued, Chain(certificate));
    });

    [Fact]
    public void MountedRoots_GoWithACertificateOfTheAuthority() => Run(bench =>
    {
        bench.Files.Write("root-cert.pem", bench.Files.Authority.RootPem);
        SecretLease certificate = bench.Watch("default");
        SecretLease roots = bench.Watch("ROOTCA");
        Assert.NotNull(certificate.Current);
        Assert.Equal(bench.Files.Authority.RootPem, Roots(roots));
    });

    [Fact]
    public void RenewalByAnotherRoot_ChangesBoth_AndTheSameRootTheCertificateAlone() => Run(bench =>
    {
        var seen = new Recorder();
        bench.Watch("default", seen);
        SecretLease roots = bench.Watch("ROOTCA", seen);
        bench.Pass(TimeSpan.FromHours(12.1));
        Assert.Equal(["default", "ROOTCA", "default"], seen.Names);

        bench.Authority.Root = new TestCertificates("new root");
        bench.Pass(TimeSpan.FromHours(12.1));
        Assert.Equal(["default", "ROOTCA", "default", "default", "ROOTCA"], seen.Names);
        Assert.Equal(bench.Authority.Root.RootPem, Roots(roots).Trim());
    });

    [Fact]
    public void RootsOfTheControlPlane_AreTrustedAsWell_AndTheCertificateIsRenewed() => Run(bench =>
    {
        string other = new TestCertificates("other").RootPem;
        SecretLease roots = bench.Watch("ROOTCA");
        bench.Watch("default");

        bench.Store.Trust(TrustBundle.Merge(other));

        Assert.Equal(TrustBundle.Merge(other, bench.Authority.Root.RootPem), Roots(roots));
        Assert.Equal(2, bench.Authority.Requests.Count);
        bench.Store.Trust(TrustBundle.Merge(other));
        Assert.Equal(2, bench.Authority.Requests.Count);

        bench.Files.Write("root-cert.pem", bench.Files.Authority.RootPem);
        bench.Pass(TimeSpan.FromSeconds(1.1));
        Assert.Equal(TrustBundle.Merge(other, bench.Files.Authority.RootPem), Roots(roots));
    });

    [Fact]
    public void TrustBundle_HasEachRootOnce_WhateverTheOrder()
    {
        string a = new TestCertificates("a").RootPem;
        string b = new TestCertificates("b").RootPem;
        Assert.Equal(TrustBundle.Merge(a, b), TrustBundle.Merge($"# a comment\n{b}\n{a}", a));
        Assert.Equal("", TrustBundle.Merge("", "nothing", "-----BEGIN KEY-----\nAAAA\n-----END KEY-----"));
    }

    [Theory]
    [InlineData(false, UnixFileMode.UserRead | UnixFileMode.UserWrite)]
    [InlineData(true, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead)]
    public void OutputDirectory_GetsEachVersion(bool shares, UnixFileMode mode) => Run(bench =>
    {
        IdentityOptions options = IdentityBench.Options with { OutputDirectory = bench.Files.At("out"), SharesOutput = shares };
        Directory.CreateDirectory(options.OutputDirectory);
        using OutputCertificates output = OutputCertificates.Start(bench.Store, options)!;
        AssertWritten(bench, mode);

        // It is renewed though nobody else wants it.
        bench.Pass(TimeSpan.FromHours(12.1));
        Assert.Equal(2, bench.Authority.Requests.Count);
        AssertWritten(bench, mode);
        Assert.Equal(3, Directory.GetFiles(options.OutputDirectory).Length);
    });

    [Fact]
    public void OutputDirectory_ThatIsNotThere_StopsNothing() => Run(bench =>
    {
        using OutputCertificates output = OutputCertificates.Start(bench.Store, IdentityBench.Options with { OutputDirectory = bench.Files.At("none") })!;
        Assert.NotNull(bench.Watch("default").Current);
        Assert.Null(OutputCertificates.Start(bench.Store, IdentityBench.Options));
    });

    [Fact]
    public void Metrics_HaveIstiosNames() => Run(bench =>
    {
        Assert.Equal("", Metrics(bench));
        bench.Watch("default");
        string text = Metrics(bench);
        Assert.Contains("# TYPE istio_agent_num_outgoing_requests counter\nistio_agent_num_outgoing_requests{request_type=\"csr\"} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("# TYPE istio_agent_cert_expiry_seconds gauge\nistio_agent_cert_expiry_seconds{resource_name=\"default\"} 86", text, StringComparison.Ordinal);
        Assert.DoesNotContain("failed", text, StringComparison.Ordinal);

        bench.Authority.Failure = Proxy.AsyncClient.GrpcStatusCode.Unavailable;
        bench.Pass(TimeSpan.FromHours(25));
        text = Metrics(bench);
        Assert.Contains("istio_agent_num_failed_outgoing_requests{request_type=\"csr\"} ", text, StringComparison.Ordinal);
        Assert.Contains("istio_agent_num_outgoing_retries{request_type=\"csr\"} ", text, StringComparison.Ordinal);
        Assert.Contains("istio_agent_cert_expiry_seconds{resource_name=\"default\"} -", text, StringComparison.Ordinal);

        bench.Watch($"file-root:{bench.Files.At("none")}");
        Assert.Contains("istio_agent_num_file_secret_failures_total 1\n", Metrics(bench), StringComparison.Ordinal);
    });

    private static string Metrics(Bench bench)
    {
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        IdentityMetrics.Write(output, bench.Identity.Stats, bench.Store.FileFailures, EventLoop.Current.WallNow);
        return System.Text.Encoding.UTF8.GetString(output.WrittenSpan);
    }

    private static void AssertWritten(Bench bench, UnixFileMode mode)
    {
        IssuedCertificate issued = bench.Identity.Current!;
        string directory = bench.Files.At("out");
        foreach ((string name, string content) in new[]
        {
            ("key.pem", issued.Key.ToStringUtf8()), ("cert-chain.pem", issued.Chain.ToStringUtf8()), ("root-cert.pem", TrustBundle.Merge(issued.Roots)),
        })
        {
            Assert.Equal(content, File.ReadAllText(Path.Combine(directory, name)));
            Assert.Equal(mode, File.GetUnixFileMode(Path.Combine(directory, name)));
        }
    }

    private static string Chain(SecretLease lease) =>
        Secret.Parser.ParseFrom(lease.Current!.Message).TlsCertificate.CertificateChain.InlineBytes.ToStringUtf8();

    private static string Roots(SecretLease lease) =>
        Secret.Parser.ParseFrom(lease.Current!.Message).ValidationContext.TrustedCa.InlineBytes.ToStringUtf8();

    private static void Run(Action<Bench> body) => IdentityBench.Run(identity =>
    {
        using var files = new SecretBench(EventLoop.Current, identity: identity.Identity);
        identity.Ask();
        body(new Bench(identity, files));
    });

    private sealed class Bench(IdentityBench bench, SecretBench files)
    {
        public SecretBench Files => files;

        public SecretStore Store => files.Store;

        public FakeAuthority Authority => bench.Authority;

        public WorkloadIdentity Identity => bench.Identity;

        public SecretLease Watch(string name, ISecretWatcher? watcher = null)
        {
            SecretLease lease = Store.Watch(name, watcher ?? new Recorder())!;
            if (watcher is not null && lease.Current is { } now)
            {
                watcher.OnSecret(now);
            }

            return lease;
        }

        public void Pass(TimeSpan time) => bench.Pass(time);
    }

    private sealed class Recorder : ISecretWatcher
    {
        public List<string> Names { get; } = [];

        public void OnSecret(ServedSecret secret) => Names.Add(secret.Name);
    }
}
