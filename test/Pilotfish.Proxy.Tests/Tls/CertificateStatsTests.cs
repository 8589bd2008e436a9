using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Tls;

/// <summary>When certificates expire and how often SDS brought one, as listeners and clusters tell it.</summary>
public sealed class CertificateStatsTests
{
    private const string Leaf = "ssl.certificate.default.expiration_unix_time_seconds";
    private const string Roots = "ssl.certificate.ROOTCA.expiration_unix_time_seconds";

    [Fact]
    public void Listener_BySds_TellsExpiryAndUpdates() => LoopRunner.Run(loop =>
    {
        var bench = new TlsBench(loop);
        Assert.Empty(bench.Fixture.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", new DownstreamTlsContext { CommonTlsContext = BySds() }))));
        Assert.Equal((0, 0), (Gauge(bench, "listener.l", Leaf), Gauge(bench, "listener.l", Roots)));

        (string Chain, string Key) first = Push(bench, TlsBench.Mesh);
        Assert.Equal(Expiry(first.Chain), Gauge(bench, "listener.l", Leaf));
        Assert.Equal(Expiry(TlsBench.Mesh.RootPem), Gauge(bench, "listener.l", Roots));
        Assert.Equal(2, bench.Stat("l", "server_ssl_socket_factory.ssl_context_update_by_sds"));

        (string Chain, string Key) second = TlsBench.Mesh.Leaf(TlsBench.ServerUri, expired: true);
        bench.Fixture.Subscriptions.Push("default", new Secret { Name = "default", TlsCertificate = TlsMessages.Certificate(second) });
        Assert.NotEqual(Expiry(first.Chain), Expiry(second.Chain));
        Assert.Equal(Expiry(second.Chain), Gauge(bench, "listener.l", Leaf));
        Assert.Equal(3, bench.Stat("l", "server_ssl_socket_factory.ssl_context_update_by_sds"));
        return Task.CompletedTask;
    });

    [Fact]
    public void Cluster_BySds_TellsThemUntilItIsGone() => LoopRunner.Run(loop =>
    {
        var bench = new TlsBench(loop);
        Cluster cluster = TransportFixture.StaticCluster("secured", Runtime.Sockets.NetAddress.Loopback(1));
        cluster.TransportSocket = TlsMessages.Socket(new UpstreamTlsContext { CommonTlsContext = BySds() });
        Assert.Empty(bench.Fixture.Apply(cluster));
        (string Chain, string Key) leaf = Push(bench, TlsBench.Mesh);
        Assert.Equal(Expiry(leaf.Chain), Gauge(bench, "cluster.secured", Leaf));
        Assert.Equal(Expiry(TlsBench.Mesh.RootPem), Gauge(bench, "cluster.secured", Roots));
        Assert.Equal(2, bench.ClusterStat("secured", "client_ssl_socket_factory.ssl_context_update_by_sds"));

        // A second cluster joins the same secrets: each counts its own.
        cluster.Name = "other";
        Assert.Empty(bench.Fixture.Apply(cluster));
        Push(bench, TlsBench.Mesh);
        Assert.Equal(4, bench.ClusterStat("secured", "client_ssl_socket_factory.ssl_context_update_by_sds"));
        Assert.Equal(2, bench.ClusterStat("other", "client_ssl_socket_factory.ssl_context_update_by_sds"));
        return Task.CompletedTask;
    });

    [Fact]
    public void InlineCertificates_AreCalledByTheHashOfTheirBytes_FilesByThatOfNone() => LoopRunner.Run(loop =>
    {
        var bench = new TlsBench(loop);
        (string chain, string key) = TlsBench.Mesh.Leaf(TlsBench.ServerUri);
        byte[] roots = Encoding.ASCII.GetBytes(TlsBench.Mesh.RootPem);
        var context = new CommonTlsContext
        {
            TlsCertificates =
            {
                new TlsCertificate
                {
                    CertificateChain = new DataSource { InlineBytes = ByteString.CopyFromUtf8(chain) },
                    PrivateKey = new DataSource { InlineString = key },
                },
                TlsMessages.Certificate((chain, key)),
            },
            ValidationContext = new CertificateValidationContext { TrustedCa = new DataSource { InlineBytes = ByteString.CopyFrom(roots) } },
        };
        bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", new DownstreamTlsContext { CommonTlsContext = context })));

        Assert.Equal(Expiry(chain), Gauge(bench, "listener.l", $"ssl.certificate.unnamed_cert_{Hash(Encoding.ASCII.GetBytes(chain))}.expiration_unix_time_seconds"));
        Assert.Equal(Expiry(chain), Gauge(bench, "listener.l", "ssl.certificate.unnamed_cert_e3b0c442.expiration_unix_time_seconds"));
        Assert.Equal(
            Expiry(TlsBench.Mesh.RootPem), Gauge(bench, "listener.l", $"ssl.certificate.unnamed_ca_cert_{Hash(roots)}.expiration_unix_time_seconds"));
        return Task.CompletedTask;
    });

    [Theory]
    [InlineData("listener.0.0.0.0_80.ssl.ciphers.ECDHE-RSA-AES128-GCM-SHA256", "listener.ssl.ciphers", "envoy.ssl_cipher", "ECDHE-RSA-AES128-GCM-SHA256")]
    [InlineData("cluster.web.ssl.ciphers.TLS_AES_128_GCM_SHA256", "cluster.ssl.ciphers", "envoy.ssl_cipher", "TLS_AES_128_GCM_SHA256")]
    [InlineData("listener.0.0.0.0_80.ssl.versions.TLSv1.3", "listener.ssl.versions", "envoy.ssl_version", "TLSv1.3")]
    [InlineData("cluster.web.ssl.curves.P-256", "cluster.ssl.curves", "envoy.ssl_curve", "P-256")]
    [InlineData("cluster.web.ssl.sigalgs.rsa_pss_rsae_sha256", "cluster.ssl.sigalgs", "envoy.ssl_sigalg", "rsa_pss_rsae_sha256")]
    [InlineData(
        "cluster.web.ssl.certificate.spiffe_//a.example/ns/b.expiration_unix_time_seconds", "cluster.ssl.certificate.expiration_unix_time_seconds",
        "envoy.tls_certificate", "spiffe_//a.example/ns/b")]
    public void Names_HaveEnvoysTags(string name, string rest, string tag, string value)
    {
        List<StatTag> tags = [];
        Assert.Equal(rest, new StatTagRules(StatTagRules.Default).Extract(name, tags));
        Assert.Contains(new StatTag(tag, value), tags);
    }

    private static CommonTlsContext BySds() => new()
    {
        TlsCertificateSdsSecretConfigs = { TlsMessages.Sds("default") },
        CombinedValidationContext = new CommonTlsContext.Types.CombinedCertificateValidationContext
        {
            DefaultValidationContext = new CertificateValidationContext(),
            ValidationContextSdsSecretConfig = TlsMessages.Sds("ROOTCA"),
        },
    };

    private static (string Chain, string Key) Push(TlsBench bench, TestCertificates mesh)
    {
        (string Chain, string Key) leaf = mesh.Leaf(TlsBench.ServerUri);
        bench.Fixture.Subscriptions.Push("default", new Secret { Name = "default", TlsCertificate = TlsMessages.Certificate(leaf) });
        bench.Fixture.Subscriptions.Push("ROOTCA", new Secret
        {
            Name = "ROOTCA", ValidationContext = new CertificateValidationContext { TrustedCa = TlsMessages.Text(mesh.RootPem) },
        });
        return leaf;
    }

    private static long Gauge(TlsBench bench, string scope, string leaf)
    {
        Assert.True(bench.Fixture.Stats.TryFind($"{scope}.{leaf}", out StatEntry? entry), $"no {scope}.{leaf}");
        return bench.Fixture.Stats.Value(entry);
    }

    private static long Expiry(string pem)
    {
        using var certificate = X509Certificate2.CreateFromPem(pem);
        return new DateTimeOffset(certificate.NotAfter).ToUnixTimeSeconds();
    }

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes))[..8];
}
