using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Tls;

/// <summary>envoy.tls.cert_validator.spiffe, as Istio configures it for federated trust domains.</summary>
public sealed class SpiffeTrustTests : IDisposable
{
    private const string OtherUri = "spiffe://other.domain/ns/a/sa/client";

    private static readonly TestCertificates s_other = new("other root");

    private readonly string _directory = Directory.CreateTempSubdirectory("pilotfish-spiffe").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Peers_OfEachDomain_ComeByTheirOwnBundleOnly() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        NetAddress address = Apply(bench, Domains());
        Assert.True(await bench.EchoesAsync(address, TlsBench.Client()));
        Assert.True(await bench.EchoesAsync(address, Client(s_other.Identity(OtherUri))));

        // Each domain's authority vouches for the other's name; nobody knows the third; two names are none.
        Assert.False(await bench.EchoesAsync(address, Client(s_other.Identity(TlsBench.ClientUri))));
        Assert.False(await bench.EchoesAsync(address, Client(TlsBench.Mesh.Identity(OtherUri))));
        Assert.False(await bench.EchoesAsync(address, Client(TlsBench.Mesh.Identity("spiffe://third.domain/ns/a/sa/b"))));
        Assert.False(await bench.EchoesAsync(address, Client(Leaf(static request => request.CertificateExtensions.Add(TwoUris())))));
        Assert.False(await bench.EchoesAsync(address, new TlsClientOptions { ServerName = "server.example" }));
        Assert.Equal(4, bench.Stat("l", "ssl.fail_verify_error"));
        Assert.Equal(1, bench.Stat("l", "ssl.fail_verify_no_cert"));
    });

    [Theory]
    [InlineData(true, X509KeyUsageFlags.DigitalSignature)]
    [InlineData(false, X509KeyUsageFlags.KeyCertSign)]
    [InlineData(false, X509KeyUsageFlags.CrlSign)]
    public void Leaf_ThatMaySign_IsRefused(bool isAuthority, X509KeyUsageFlags usage) => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        NetAddress address = Apply(bench, Domains());
        Assert.False(await bench.EchoesAsync(address, Client(Leaf(request =>
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddUri(new Uri(TlsBench.ClientUri));
            request.CertificateExtensions.Add(names.Build());
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, false, 0, true));
            request.CertificateExtensions.Add(new X509KeyUsageExtension(usage, critical: true));
        }))));
        Assert.Equal(1, bench.Stat("l", "ssl.fail_verify_error"));
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Expired_PassesWhereThatIsAllowed(bool allows) => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        NetAddress address = Apply(bench, Domains(), context => context.AllowExpiredCertificate = allows);
        Assert.Equal(allows, await bench.EchoesAsync(address, Client(s_other.Identity(OtherUri, expired: true))));
    });

    [Fact]
    public void Names_AreMatchedByUriAndTrustIsNotWaived() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        NetAddress address = Apply(bench, Domains(), static context =>
        {
            context.TrustChainVerification = CertificateValidationContext.Types.TrustChainVerification.AcceptUntrusted;
            context.MatchTypedSubjectAltNames.Add(new SubjectAltNameMatcher
            {
                SanType = SubjectAltNameMatcher.Types.SanType.Uri, Matcher = new StringMatcher { Prefix = "spiffe://other.domain/" },
            });
        });
        Assert.True(await bench.EchoesAsync(address, Client(s_other.Identity(OtherUri))));
        Assert.False(await bench.EchoesAsync(address, TlsBench.Client()));
        Assert.False(await bench.EchoesAsync(address, Client(new TestCertificates("evil").Identity(OtherUri))));
        Assert.Equal(1, bench.Stat("l", "ssl.fail_verify_san"));
        Assert.Equal(1, bench.Stat("l", "ssl.fail_verify_error"));
    });

    /// <summary>The bundle map takes the place of the list, and its file is watched.</summary>
    [Fact]
    public void Bundles_InAFile_AreReadAnewWhenItIsReplaced()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var bench = new TlsBench(loop);
            string path = Path.Combine(_directory, "bundles.json");
            await File.WriteAllTextAsync(path, Bundles(("cluster.local", TlsBench.Mesh)));
            SPIFFECertValidatorConfig config = Domains();
            config.TrustBundles = new DataSource { Filename = path };
            NetAddress address = Apply(bench, config);
            Assert.True(await bench.EchoesAsync(address, TlsBench.Client()));
            Assert.False(await bench.EchoesAsync(address, Client(s_other.Identity(OtherUri))));
            await ReplaceAsync(Bundles(("cluster.local", TlsBench.Mesh), ("other.domain", s_other)));
            Assert.True(await bench.EchoesAsync(address, Client(s_other.Identity(OtherUri))));

            // What cannot be read leaves the last good map in force.
            await ReplaceAsync("{ not json");
            Assert.True(await bench.EchoesAsync(address, Client(s_other.Identity(OtherUri))));

            async Task ReplaceAsync(string text)
            {
                await File.WriteAllTextAsync(path + ".new", text);
                File.Move(path + ".new", path, overwrite: true);
                clock.Advance(TimeSpan.FromSeconds(1.1));
                await loop.YieldAsync();
                await loop.YieldAsync();
            }
        });
    }

    [Theory]
    [InlineData("""{"trust_domains": {}}""", "no trust domain has a bundle")]
    [InlineData("""{"trust_domains": []}""", "the trust bundles cannot be read")]
    [InlineData("""{}""", "the trust bundles cannot be read")]
    [InlineData("[]", "the trust bundles cannot be read")]
    [InlineData("""{"trust_domains": {"a": {"keys": [{"use": "x509-svid", "x5c": ["AAAA"]}]}}}""", "the trust bundles cannot be read")]
    [InlineData("""{"trust_domains": {"a": {"keys": [{"use": "jwt-svid"}]}}}""", "the bundle of trust domain 'a' holds no certificate")]
    public void Bundles_Malformed_AreRefusedByField(string json, string reason) => LoopRunner.Run(loop =>
    {
        var bench = new TlsBench(loop);
        string refusal = bench.Refusal(Context(new SPIFFECertValidatorConfig { TrustBundles = TlsMessages.Text(json) }));
        Assert.Contains("custom_validator_config", refusal, StringComparison.Ordinal);
        Assert.Contains(reason, refusal, StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Theory]
    [InlineData("")]
    [InlineData("spiffe://cluster.local")]
    public void Domain_ThatIsNoName_IsRefused(string name) => LoopRunner.Run(loop =>
    {
        var bench = new TlsBench(loop);
        SPIFFECertValidatorConfig config = Domains();
        config.TrustDomains[0].Name = name;
        Assert.Contains($"'{name}' is no trust domain", bench.Refusal(Context(config)), StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Fact]
    public void Validator_OfAnotherName_IsRefused() => LoopRunner.Run(loop =>
    {
        var bench = new TlsBench(loop);
        DownstreamTlsContext tls = Context(Domains());
        tls.CommonTlsContext.ValidationContext.CustomValidatorConfig = new TypedExtensionConfig { Name = "mine", TypedConfig = Any.Pack(new Empty()) };
        Assert.Contains("certificate validator 'mine' is not one that Pilotfish has", bench.Refusal(tls), StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    private static SPIFFECertValidatorConfig Domains() => new()
    {
        TrustDomains =
        {
            new SPIFFECertValidatorConfig.Types.TrustDomain { Name = "cluster.local", TrustBundle = TlsMessages.Text(TlsBench.Mesh.RootPem) },
            new SPIFFECertValidatorConfig.Types.TrustDomain { Name = "other.domain", TrustBundle = TlsMessages.Text(s_other.RootPem) },
        },
    };

    private static DownstreamTlsContext Context(SPIFFECertValidatorConfig config) => new()
    {
        RequireClientCertificate = true,
        CommonTlsContext = new CommonTlsContext
        {
            TlsCertificates = { TlsMessages.Certificate(TlsBench.Mesh.Leaf(TlsBench.ServerUri)) },
            ValidationContext = new CertificateValidationContext
            {
                CustomValidatorConfig = new TypedExtensionConfig { Name = "envoy.tls.cert_validator.spiffe", TypedConfig = Any.Pack(config) },
            },
        },
    };

    private static NetAddress Apply(TlsBench bench, SPIFFECertValidatorConfig config, Action<CertificateValidationContext>? edit = null)
    {
        DownstreamTlsContext tls = Context(config);
        edit?.Invoke(tls.CommonTlsContext.ValidationContext);
        return bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", tls)));
    }

    private static TlsClientOptions Client(System.Net.Security.SslStreamCertificateContext identity) =>
        new() { Certificate = identity, ServerName = "server.example", AllowResumption = false };

    private static System.Net.Security.SslStreamCertificateContext Leaf(Action<CertificateRequest> edit)
    {
        (string chain, string key) = TlsBench.Mesh.CustomLeaf(edit);
        return TlsCertificates.FromPem(chain, key);
    }

    private static X509Extension TwoUris()
    {
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(new Uri(TlsBench.ClientUri));
        names.AddUri(new Uri(OtherUri));
        return names.Build();
    }

    private static string Bundles(params (string Domain, TestCertificates Authority)[] bundles) => JsonSerializer.Serialize(new
    {
        trust_domains = bundles.ToDictionary(static bundle => bundle.Domain, static bundle => new
        {
            keys = new[] { new { use = "x509-svid", x5c = new[] { Convert.ToBase64String(bundle.Authority.Roots[0].RawData) } } },
        }),
    });
}
