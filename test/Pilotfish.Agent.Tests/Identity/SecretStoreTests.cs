using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Agent.Identity;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Agent.Tests.Identity;

public sealed class SecretStoreTests
{
    [Fact]
    public void Workload_CertificateAndRoots_ComeFromTheirMountedFiles() => Run((bench, _) =>
    {
        (string chain, string key) = bench.Mount();
        Secret certificate = Secret.Parser.ParseFrom(bench.Store.Watch("default", new Recorder())!.Current!.Message);
        Secret roots = Secret.Parser.ParseFrom(bench.Store.Watch("ROOTCA", new Recorder())!.Current!.Message);

        Assert.Equal(("default", "ROOTCA"), (certificate.Name, roots.Name));
        Assert.Equal(chain, certificate.TlsCertificate.CertificateChain.InlineBytes.ToStringUtf8());
        Assert.Equal(key, certificate.TlsCertificate.PrivateKey.InlineBytes.ToStringUtf8());
        Assert.Equal(bench.Authority.RootPem, roots.ValidationContext.TrustedCa.InlineBytes.ToStringUtf8());
        Assert.Null(roots.ValidationContext.Crl);
    });

    [Fact]
    public void Files_ThatComeLate_AreServedOnceTheyFit() => Run((bench, clock) =>
    {
        var recorder = new Recorder();
        SecretLease lease = bench.Store.Watch("default", recorder)!;
        Assert.Null(lease.Current);
        (string chain, string key) = bench.Authority.Leaf("spiffe://td/ns/a/sa/b");
        bench.Write("cert-chain.pem", chain);
        clock.Advance(TimeSpan.FromSeconds(1.1));
        Turn();
        bench.Write("key.pem", bench.Authority.Leaf("spiffe://td/ns/a/sa/c").Key);
        clock.Advance(TimeSpan.FromSeconds(1.1));
        Turn();
        Assert.Empty(recorder.Versions);

        bench.Write("key.pem", key);
        clock.Advance(TimeSpan.FromSeconds(1.1));
        Turn();
        Assert.Single(recorder.Versions);
        Assert.Equal(recorder.Versions[0], lease.Current!.Version);
    });

    [Fact]
    public void Renewal_IsTold_AndAHalfOfItIsNot() => Run((bench, clock) =>
    {
        bench.Mount();
        var recorder = new Recorder();
        SecretLease lease = bench.Store.Watch("default", recorder)!;
        string first = lease.Current!.Version;
        (string chain, string key) = bench.Authority.Leaf("spiffe://td/ns/a/sa/b");
        bench.Write("cert-chain.pem", chain);
        clock.Advance(TimeSpan.FromSeconds(1.1));
        Turn();
        Assert.Equal(first, lease.Current.Version);

        bench.Write("key.pem", key);
        clock.Advance(TimeSpan.FromSeconds(1.1));
        Turn();
        Assert.NotEqual(first, Assert.Single(recorder.Versions));

        // The same content in a new file is no new secret.
        bench.Write("key.pem", key);
        clock.Advance(TimeSpan.FromSeconds(1.1));
        Turn();
        Assert.Single(recorder.Versions);
    });

    [Fact]
    public void NamedFiles_AreServed_AndWhatIsNoCertificateIsNot() => Run((bench, _) =>
    {
        (string chain, string key) = bench.Authority.DnsLeaf("a.test", rsa: true);
        bench.Write("a.pem", chain);
        bench.Write("b.pem", key);
        bench.Write("system.crt", bench.Authority.RootPem);
        bench.Write("secret.txt", "root:x:0:0");
        bench.Write("crl.pem", bench.Authority.Crl());

        Secret certificate = Secret.Parser.ParseFrom(
            bench.Store.Watch($"file-cert:{bench.At("a.pem")}~{bench.At("b.pem")}", new Recorder())!.Current!.Message);
        Secret system = Secret.Parser.ParseFrom(bench.Store.Watch("file-root:system", new Recorder())!.Current!.Message);
        SecretLease other = bench.Store.Watch($"file-root:{bench.At("secret.txt")}", new Recorder())!;
        SecretLease mixed = bench.Store.Watch($"file-cert:{bench.At("a.pem")}~{bench.At("secret.txt")}", new Recorder())!;

        Assert.Equal(key, certificate.TlsCertificate.PrivateKey.InlineBytes.ToStringUtf8());
        Assert.Equal(bench.Authority.RootPem, system.ValidationContext.TrustedCa.InlineBytes.ToStringUtf8());
        Assert.Equal(bench.At("crl.pem"), system.ValidationContext.Crl.Filename);
        Assert.Null(other.Current);
        Assert.Null(mixed.Current);
    });

    [Fact]
    public void Secrets_AreForgotten_WithTheirLastWatcher() => Run((bench, _) =>
    {
        int timers = EventLoop.Current.TimerCount;
        bench.Mount();
        SecretLease one = bench.Store.Watch("default", new Recorder())!;
        SecretLease two = bench.Store.Watch("default", new Recorder())!;
        Assert.Equal(1, bench.Store.Count);
        one.Dispose();
        one.Dispose();
        Assert.Equal(1, bench.Store.Count);
        two.Dispose();
        Assert.Equal((0, timers), (bench.Store.Count, EventLoop.Current.TimerCount));
        Assert.Null(bench.Store.Watch("unknown", new Recorder()));
    });

    [Fact]
    public void AnotherServer_HasTheIdentity_OnlyFilesAreServed() => LoopRunner.Run(loop =>
    {
        using var bench = new SecretBench(loop, onlyFiles: true);
        bench.Mount();
        Assert.Null(bench.Store.Watch("default", new Recorder()));
        Assert.Null(bench.Store.Watch("ROOTCA", new Recorder()));
        Assert.NotNull(bench.Store.Watch($"file-root:{bench.At("root-cert.pem")}", new Recorder())!.Current);
        return Task.CompletedTask;
    });

    [Fact]
    public void DataPlane_InTheProcess_GetsVersionsWithoutASocket() => Run((bench, clock) =>
    {
        bench.Mount();
        var consumer = new Consumer();
        IDisposable subscription = bench.Store.Subscribe(ResourceType.Secret, "default", consumer);
        Assert.Single(consumer.Messages);

        // It refuses one; that is no end of the subscription.
        consumer.Refuses = true;
        bench.Mount();
        clock.Advance(TimeSpan.FromSeconds(1.1));
        Turn();
        consumer.Refuses = false;
        bench.Mount();
        clock.Advance(TimeSpan.FromSeconds(1.1));
        Turn();
        Assert.Equal(2, consumer.Messages.Count);
        subscription.Dispose();
        Assert.Equal(0, bench.Store.Count);

        using IDisposable nothing = bench.Store.Subscribe(ResourceType.Secret, "unknown", consumer);
        Assert.Equal(2, consumer.Messages.Count);
    });

    private static void Run(Action<SecretBench, ManualLoopClock> body)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, loop =>
        {
            using var bench = new SecretBench(loop);
            body(bench, clock);
            return Task.CompletedTask;
        });
    }

    private static void Turn()
    {
        EventLoop.Current.RunOnce();
        EventLoop.Current.RunOnce();
    }

    private sealed class Recorder : ISecretWatcher
    {
        public List<string> Versions { get; } = [];

        public void OnSecret(ServedSecret secret) => Versions.Add(secret.Version);
    }

    private sealed class Consumer : IResourceConsumer
    {
        public bool Refuses { get; set; }

        public List<string> Messages { get; } = [];

        public void OnResource(string name, ReadOnlyMemory<byte> message, string version)
        {
            if (Refuses)
            {
                throw new ConfigRejectedException("tls_certificate", "not today");
            }

            Messages.Add(Secret.Parser.ParseFrom(message.Span).TlsCertificate.CertificateChain.InlineBytes.ToStringUtf8());
        }

        public void OnRemoved(string name) => Messages.Add("removed");

        public void OnInitialFetchTimeout(string name) => Messages.Add("timeout");
    }
}
