using Envoy.Config.Cluster.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.Tls;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Tls;

/// <summary>Thousands of clusters name the same certificate and the same roots.</summary>
public sealed class SharedSecretsTests
{
    private static readonly TestCertificates s_mesh = new();

    [Fact]
    public void Secret_NamedByTwoClusters_IsFollowedOnceUntilBothAreGone() => Run(fixture =>
    {
        Assert.Empty(fixture.Apply(Encrypted("a"), Encrypted("b")));
        Assert.Equal(["ROOTCA", "default"], Subscribed(fixture));
        Assert.Equal(2, fixture.Clusters.WarmingCount);

        Push(fixture, s_mesh);

        Assert.Equal(0, fixture.Clusters.WarmingCount);
        Assert.Same(Context(fixture, "a").Certificates[0], Context(fixture, "b").Certificates[0]);
        Assert.NotNull(Context(fixture, "a").Certificates[0].Current);
        Assert.Same(Context(fixture, "a").Trust, Context(fixture, "b").Trust);
        fixture.Clusters.Apply([], ["a"], []);
        Assert.Equal(["ROOTCA", "default"], Subscribed(fixture));
        fixture.Clusters.Apply([], ["b"], []);
        Assert.Empty(Subscribed(fixture));
        Assert.Equal(0, fixture.Context.Secrets.Count);
    });

    [Fact]
    public void Cluster_ThatComesAfterTheSecret_DoesNotWarm() => Run(fixture =>
    {
        fixture.Apply(Encrypted("a"));
        Push(fixture, s_mesh);
        fixture.Apply(Encrypted("b"));
        Assert.Equal(0, fixture.Clusters.WarmingCount);
        Assert.True(Context(fixture, "b").IsReady);
    });

    [Fact]
    public void Clusters_WithNamesOfTheirOwn_ShareTheRootsAndJudgeByTheirNames() => Run(fixture =>
    {
        fixture.Apply(Encrypted("a", "spiffe://cluster.local/ns/a/sa/a"), Encrypted("b", "spiffe://cluster.local/ns/b/sa/b"));
        Push(fixture, s_mesh);
        TrustSlot a = Context(fixture, "a").Trust!;
        TrustSlot b = Context(fixture, "b").Trust!;
        Assert.Same(a.Current!.Roots, b.Current!.Roots);
        Assert.NotSame(a.Current.Check, b.Current.Check);

        var next = new TestCertificates("next root");
        Push(fixture, next);

        Assert.Equal(next.Roots[0].Thumbprint, b.Current.Roots[0].Thumbprint);
        Assert.Same(a.Current.Roots, b.Current.Roots);
    });

    private static void Run(Action<TransportFixture> body) => LoopRunner.Run(loop =>
    {
        body(new TransportFixture(loop));
        return Task.CompletedTask;
    });

    private static string[] Subscribed(TransportFixture fixture) =>
        [.. fixture.Subscriptions.Subscribers.Select(static s => s.Name).Order(StringComparer.Ordinal)];

    private static TlsContextModel Context(TransportFixture fixture, string cluster) =>
        ((TlsUpstreamTransport)fixture.Context.Clusters.Own(cluster).Current!.Config.Transport.Default).Context;

    private static Cluster Encrypted(string name, params string[] identities)
    {
        Cluster cluster = TransportFixture.StaticCluster(name, NetAddress.Parse("10.1.0.1:80"));
        var names = new CertificateValidationContext();
        foreach (string identity in identities)
        {
            names.MatchTypedSubjectAltNames.Add(new SubjectAltNameMatcher
            {
                SanType = SubjectAltNameMatcher.Types.SanType.Uri, Matcher = new Envoy.Type.Matcher.V3.StringMatcher { Exact = identity },
            });
        }

        cluster.TransportSocket = TlsMessages.Socket(new UpstreamTlsContext
        {
            Sni = name,
            CommonTlsContext = new CommonTlsContext
            {
                TlsCertificateSdsSecretConfigs = { TlsMessages.Sds("default") },
                CombinedValidationContext = new CommonTlsContext.Types.CombinedCertificateValidationContext
                {
                    DefaultValidationContext = names, ValidationContextSdsSecretConfig = TlsMessages.Sds("ROOTCA"),
                },
            },
        });
        return cluster;
    }

    private static void Push(TransportFixture fixture, TestCertificates mesh)
    {
        fixture.Subscriptions.Push("default", new Secret { Name = "default", TlsCertificate = TlsMessages.Certificate(mesh.Leaf("spiffe://me")) });
        fixture.Subscriptions.Push("ROOTCA", new Secret
        {
            Name = "ROOTCA", ValidationContext = new CertificateValidationContext { TrustedCa = TlsMessages.Text(mesh.RootPem) },
        });
    }
}
