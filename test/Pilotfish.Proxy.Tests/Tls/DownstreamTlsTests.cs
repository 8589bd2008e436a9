using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Envoy.Config.Accesslog.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Tests.Reasons;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Tls;

/// <summary>What a TLS listener shows, demands and counts.</summary>
public sealed class DownstreamTlsTests
{
    [Fact]
    public void Handshake_MutualTls_IsCountedByVersionCipherAndCurve() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", TlsBench.Mutual())));
        TlsStream client = (await bench.ShakeHandsAsync(address, TlsBench.Client())).Stream!;
        Assert.True(await TlsBench.EchoesAsync(client));
        client.Close();
        Assert.Equal(1, bench.Stat("l", "ssl.handshake"));
        Assert.Equal(0, bench.Stat("l", "ssl.session_reused"));
        Assert.Equal(0, bench.Stat("l", "ssl.no_certificate"));
        Assert.Equal(1, bench.Stat("l", "ssl.versions.TLSv1.3"));
        Assert.Equal(1, bench.Stat("l", "ssl.ciphers." + client.Tls.CipherSuite));
        Assert.Equal(1, bench.Stat("l", "ssl.curves." + client.Tls.Group));
    });

    [Fact]
    public void Handshake_Duration_CountsFromTheAccept()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var bench = new TlsBench(loop);
            List<string> records = [];
            bench.Fixture.Context.Extensions.Register<IAccessLoggerFactory>(new FormatRecordFactory(records));
            Listener listener = TlsMessages.Listener("l", TlsMessages.Chain("t", "c", TlsBench.Mutual()));
            listener.AccessLog.Add(new AccessLog { Name = "record", TypedConfig = CauseBench.Packed("%DOWNSTREAM_HANDSHAKE_DURATION%") });
            NetAddress address = bench.Apply(listener);
            SocketStream socket = await TestPeers.ConnectAsync(loop, address);
            await TestPeers.UntilAsync(loop, () => bench.Stat("l", "downstream_cx_total") == 1);
            clock.AdvanceMilliseconds(40);
            TlsStream client = (await TlsClientStream.ConnectAsync(socket, TlsBench.Client())).Stream!;
            Assert.True(await TlsBench.EchoesAsync(client));
            clock.AdvanceMilliseconds(70);
            client.Close();
            await TestPeers.UntilAsync(loop, () => records.Count > 0);
            Assert.Equal(["40"], records);
        });
    }

    [Fact]
    public void Resumption_SameClientTwice_IsCountedAndCanBeForbidden() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        NetAddress allowed = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", TlsBench.Mutual())));
        DownstreamTlsContext strict = TlsBench.Mutual();
        strict.DisableStatelessSessionResumption = true;
        NetAddress forbidden = bench.Apply(TlsMessages.Listener("m", TlsMessages.Chain("t", "c", strict)));
        TlsClientOptions client = TlsBench.Client();
        for (int i = 0; i < 3; i++)
        {
            Assert.True(await bench.EchoesAsync(allowed, client with { ServerName = "allowed" }));
            Assert.True(await bench.EchoesAsync(forbidden, client with { ServerName = "forbidden" }));
        }

        Assert.InRange(bench.Stat("l", "ssl.session_reused"), 1, 2);
        Assert.Equal(0, bench.Stat("m", "ssl.session_reused"));
    });

    [Fact]
    public void ClientCertificate_RequiredAndMissing_IsRefusedWithItsCounter() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", TlsBench.Mutual())));
        Assert.False(await bench.EchoesAsync(address, new TlsClientOptions()));
        Assert.Equal(1, bench.Stat("l", "ssl.fail_verify_no_cert"));
        Assert.Equal(0, bench.Stat("l", "ssl.connection_error"));
    });

    [Fact]
    public void ClientCertificate_Optional_MayBeMissingButNotForeign() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        DownstreamTlsContext tls = TlsBench.Mutual();
        tls.RequireClientCertificate = false;
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", tls)));
        Assert.True(await bench.EchoesAsync(address, new TlsClientOptions()));
        Assert.Equal(1, bench.Stat("l", "ssl.no_certificate"));
        var foreign = new TlsClientOptions { Certificate = new TestCertificates("evil").Identity(TlsBench.ClientUri) };
        Assert.False(await bench.EchoesAsync(address, foreign));
        Assert.Equal(1, bench.Stat("l", "ssl.fail_verify_error"));
    });

    [Fact]
    public void ClientCertificate_RequiredWithoutTrust_LetsNobodyIn() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        DownstreamTlsContext tls = TlsBench.Mutual();
        tls.CommonTlsContext.ClearValidationContextType();
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", tls)));
        Assert.False(await bench.EchoesAsync(address, new TlsClientOptions()));
        Assert.False(await bench.EchoesAsync(address, TlsBench.Client()));
    });

    [Theory]
    [InlineData("spiffe://cluster.local/", TlsBench.ClientUri, true)]
    [InlineData("spiffe://other.domain/", TlsBench.ClientUri, false)]
    public void SubjectAltName_TrustDomainPrefix_DecidesAsIstioConfiguresIt(string prefix, string client, bool passes) => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", TlsBench.Mutual(new CertificateValidationContext
        {
            MatchTypedSubjectAltNames =
            {
                new SubjectAltNameMatcher { SanType = SubjectAltNameMatcher.Types.SanType.Uri, Matcher = new StringMatcher { Prefix = prefix } },
            },
        }))));
        Assert.Equal(passes, await bench.EchoesAsync(address, TlsBench.Client(client)));
        Assert.Equal(passes ? 0 : 1, bench.Stat("l", "ssl.fail_verify_san"));
    });

    [Fact]
    public void Pins_HashOrKeyHash_EitherSuffices() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        TlsClientOptions client = TlsBench.Client();
        byte[] key = client.Certificate!.TargetCertificate.PublicKey.ExportSubjectPublicKeyInfo();
        string spki = Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData(key));
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", TlsBench.Mutual(new CertificateValidationContext
        {
            VerifyCertificateHash = { new string('0', 64) }, VerifyCertificateSpki = { spki },
        }))));
        Assert.True(await bench.EchoesAsync(address, client));
        Assert.False(await bench.EchoesAsync(address, TlsBench.Client()));
        Assert.Equal(1, bench.Stat("l", "ssl.fail_verify_cert_hash"));
    });

    [Fact]
    public void Certificates_Several_AreChosenByNameThenWildcardThenFirst() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        var tls = new DownstreamTlsContext
        {
            CommonTlsContext = new CommonTlsContext
            {
                TlsCertificates =
                {
                    TlsMessages.Certificate(TlsBench.Mesh.DnsLeaf("first.example")),
                    TlsMessages.Certificate(TlsBench.Mesh.DnsLeaf("*.wild.example")),
                    TlsMessages.Certificate(TlsBench.Mesh.DnsLeaf("a.wild.example")),
                },
            },
        };
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", tls)));
        Assert.Equal("a.wild.example", await ShownAsync(bench, address, "a.wild.example"));
        Assert.Equal("*.wild.example", await ShownAsync(bench, address, "b.wild.example"));
        Assert.Equal("first.example", await ShownAsync(bench, address, "c.b.wild.example"));
        Assert.Equal("first.example", await ShownAsync(bench, address, ""));
    });

    [Fact]
    public void Certificates_OfBothKinds_EcGoesToClientsThatKnowIt()
    {
        var rsa = new Proxy.Tls.CertificateSlot();
        var ecdsa = new Proxy.Tls.CertificateSlot();
        rsa.Set(Identity(TlsBench.Mesh.DnsLeaf("a.example", rsa: true)));
        ecdsa.Set(Identity(TlsBench.Mesh.DnsLeaf("a.example")));
        foreach (bool accepts in (bool[])[true, false])
        {
            var hello = new TlsClientHello { ServerName = "a.example", ApplicationProtocols = [], EcdsaCurves = accepts ? EcdsaCurves.P256 : EcdsaCurves.None };
            Assert.Equal(accepts, new Proxy.Tls.CertificateChooser([rsa, ecdsa]).Choose(hello, DateTimeOffset.UtcNow).Identity!.IsEcdsa);
        }

        static Proxy.Tls.TlsIdentity Identity((string Chain, string Key) pem) => new(TlsCertificates.FromPem(pem.Chain, pem.Key));
    }

    [Fact]
    public void FilterChains_ByServerName_ShowTheirOwnCertificates() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        Listener listener = TlsMessages.Listener("l", Named("a.example"), Named("b.example"));
        listener.ListenerFilters.Add(TlsMessages.TlsInspector());
        NetAddress address = bench.Apply(listener);
        Assert.Equal("a.example", await ShownAsync(bench, address, "a.example"));
        Assert.Equal("b.example", await ShownAsync(bench, address, "b.example"));
        Assert.Null((await bench.ShakeHandsAsync(address, new TlsClientOptions { ServerName = "c.example" })).Stream);
        Assert.Equal(1, bench.Stat("l", "no_filter_chain_match"));

        static FilterChain Named(string name) => TlsMessages.Chain(
            name, "c", new DownstreamTlsContext { CommonTlsContext = new CommonTlsContext { TlsCertificates = { TlsMessages.Certificate(TlsBench.Mesh.DnsLeaf(name)) } } },
            new FilterChainMatch { ServerNames = { name } });
    });

    [Fact]
    public void Parameters_CurvesAndSuites_NarrowWhatIsNegotiatedAndKeepResumption() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        DownstreamTlsContext tls = TlsBench.Mutual();
        tls.CommonTlsContext.TlsParams = new TlsParameters
        {
            TlsMaximumProtocolVersion = TlsParameters.Types.TlsProtocol.Tlsv12,
            CipherSuites = { "ECDHE-ECDSA-AES256-GCM-SHA384" },
            // TLS 1.2 holds the curve of a certificate to the list, too.
            EcdhCurves = { "P-384", "P-256" },
        };
        Listener listener = TlsMessages.Listener("l", TlsMessages.Chain("t", "c", tls));
        NetAddress address = bench.Apply(listener);
        TlsClientOptions client = TlsBench.Client();
        for (int i = 0; i < 2; i++)
        {
            Assert.True(await bench.EchoesAsync(address, client));
        }

        Assert.Equal(2, bench.Stat("l", "ssl.ciphers.ECDHE-ECDSA-AES256-GCM-SHA384"));
        Assert.InRange(bench.Stat("l", "ssl.curves.P-384"), TlsEngines.HeedsParameters ? 1 : 0, TlsEngines.HeedsParameters ? 2 : 0);
        Assert.Equal(1, bench.Stat("l", "ssl.session_reused"));
    });

    [Fact]
    public void TicketKeys_OfTwoConfigurations_CarrySessionsBetweenThem() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        byte[] key = System.Security.Cryptography.RandomNumberGenerator.GetBytes(80);
        DownstreamTlsContext tls = TlsBench.Mutual();
        tls.SessionTicketKeys = new TlsSessionTicketKeys { Keys = { new DataSource { InlineBytes = ByteString.CopyFrom(key) } } };
        NetAddress first = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", tls)));
        TlsClientOptions client = TlsBench.Client();
        Assert.True(await bench.EchoesAsync(first, client));

        // Another certificate, so another context: the keys alone connect the two.
        TlsSessionTicketKeys keys = tls.SessionTicketKeys;
        tls = TlsBench.Mutual();
        tls.SessionTicketKeys = keys;
        Assert.Empty(bench.Fixture.Apply(TlsMessages.Listener("l", TlsMessages.Chain("u", "c", tls))));
        Assert.True(await bench.EchoesAsync(first, client));
        Assert.Equal(TlsEngines.HeedsParameters ? 1 : 0, bench.Stat("l", "ssl.session_reused"));
        tls.SessionTicketKeys.Keys[0].InlineBytes = ByteString.CopyFrom(key[..48]);
        if (TlsEngines.HeedsParameters)
        {
            Assert.Contains(
                "it has 48 bytes; a session ticket key has 80",
                Assert.Single(bench.Fixture.Apply(TlsMessages.Listener("l", TlsMessages.Chain("v", "c", tls)))).Reason, StringComparison.Ordinal);
        }
    });

    [Fact]
    public void Parameters_UnknownSignatureAlgorithm_IsRejectedByName() => LoopRunner.Run(loop =>
    {
        var bench = new TlsBench(loop);
        DownstreamTlsContext tls = TlsBench.Mutual();
        tls.CommonTlsContext.TlsParams = new TlsParameters { SignatureAlgorithms = { "ecdsa_secp256r1_sha256", "rot13" } };
        Assert.Contains(
            "'rot13' is not a supported signature algorithm",
            Assert.Single(bench.Fixture.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", tls)))).Reason, StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Fact]
    public void Context_WithoutCertificate_IsRejected() => LoopRunner.Run(loop =>
    {
        var bench = new TlsBench(loop);
        var rejected = bench.Fixture.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", new DownstreamTlsContext())));
        Assert.Contains("No TLS certificates found", Assert.Single(rejected).Reason, StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Fact]
    public void Passthrough_BySni_LeavesTheHandshakeToTheUpstream() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        NetAddress inner = bench.Apply(TlsMessages.Listener("inner", TlsMessages.Chain("t", "c", TlsBench.Mutual())));
        bench.Fixture.Apply(Transport.TransportFixture.StaticCluster("inner", inner));
        Listener front = TlsMessages.Listener("front", Transport.TransportFixture.Chain("p", "inner", new FilterChainMatch { ServerNames = { "*.example" } }));
        front.ListenerFilters.Add(TlsMessages.TlsInspector());
        NetAddress address = bench.Apply(front);
        Assert.True(await bench.EchoesAsync(address, TlsBench.Client()));
        Assert.Equal(1, bench.Stat("inner", "ssl.handshake"));
        Assert.Equal(0, bench.Stat("front", "ssl.handshake"));
    });

    [Fact]
    public void ClientChain_IsLoggedWhole() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        List<string> records = [];
        bench.Fixture.Context.Extensions.Register<IAccessLoggerFactory>(new FormatRecordFactory(records));
        Listener listener = TlsMessages.Listener("l", TlsMessages.Chain("t", "c", TlsBench.Mutual()));
        listener.AccessLog.Add(new AccessLog
        {
            Name = "record",
            TypedConfig = CauseBench.Packed(
                "%DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256%|%DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1%|%DOWNSTREAM_PEER_CHAIN_SERIALS%"),
        });
        NetAddress address = bench.Apply(listener);
        System.Net.Security.SslStreamCertificateContext client = TlsBench.Mesh.Intermediate("issuing").IdentityWithIssuer(TlsBench.ClientUri);
        var options = new TlsClientOptions { Certificate = client, ServerName = "chain.example" };
        X509Certificate2 leaf = client.TargetCertificate;
        X509Certificate2 issuer = client.IntermediateCertificates[0];
        Assert.True(await bench.EchoesAsync(address, options));
        await TestPeers.UntilAsync(loop, () => records.Count == 1);
        Assert.Equal(
            $"{Hash(leaf, HashAlgorithmName.SHA256)},{Hash(issuer, HashAlgorithmName.SHA256)}|{Hash(leaf, HashAlgorithmName.SHA1)},{Hash(issuer, HashAlgorithmName.SHA1)}"
            + $"|{CertificateTexts.Serial(leaf)},{CertificateTexts.Serial(issuer)}",
            records[0]);

        static string Hash(X509Certificate2 certificate, HashAlgorithmName algorithm) =>
            certificate.GetCertHashString(algorithm).ToLowerInvariant();
    });

    private static async Task<string?> ShownAsync(TlsBench bench, NetAddress address, string serverName)
    {
        TlsHandshake handshake = await bench.ShakeHandsAsync(address, new TlsClientOptions { ServerName = serverName });
        string? name = handshake.Stream is { } stream ? Proxy.Tls.SubjectAltNames.Read(stream.Tls.PeerCertificate!)[0].Name : null;
        handshake.Stream?.Close();
        return name;
    }
}
