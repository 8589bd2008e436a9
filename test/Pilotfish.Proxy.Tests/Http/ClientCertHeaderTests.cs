using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Matching.CommonInputs.Network.V3;
using Envoy.Extensions.Matching.CommonInputs.Ssl.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;
using Xunit;
using static Pilotfish.Proxy.Tests.Matching.MatchMessages;
using Forward = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types.ForwardClientCertDetails;

namespace Pilotfish.Proxy.Tests.Http;

public sealed class ClientCertHeaderTests
{
    private const string Own = "spiffe://cluster.local/ns/default/sa/server";
    private const string Peer = "spiffe://cluster.local/ns/default/sa/client";
    private const string Sent = "By=spiffe://x;Hash=00";

    [Theory]
    [InlineData(Forward.Sanitize, true, null)]
    [InlineData(Forward.ForwardOnly, true, Sent)]
    [InlineData(Forward.ForwardOnly, false, null)]
    [InlineData(Forward.AppendForward, true, Sent + ",OWN")]
    [InlineData(Forward.AppendForward, false, null)]
    [InlineData(Forward.SanitizeSet, true, "OWN")]
    [InlineData(Forward.SanitizeSet, false, null)]
    [InlineData(Forward.AlwaysForwardOnly, true, Sent)]
    [InlineData(Forward.AlwaysForwardOnly, false, Sent)]
    public void Header_ByMode_IsWhatEnvoyForwards(Forward mode, bool mutualTls, string? expected) => LoopRunner.Run(async loop =>
    {
        TlsSessionFacts facts = Facts();
        string own = $"By={Own};Hash={Convert.ToHexStringLower(SHA256.HashData(facts.PeerCertificate!.RawData))}"
            + $";Subject=\"CN=client,O=acme\";URI={Peer};DNS=client.example";
        string head = await ForwardAsync(loop, mode, mutualTls ? facts : null);
        string? actual = head.Split("\r\n").FirstOrDefault(static line => line.StartsWith("x-forwarded-client-cert: ", StringComparison.Ordinal));
        Assert.Equal(expected?.Replace("OWN", own, StringComparison.Ordinal), actual?["x-forwarded-client-cert: ".Length..]);
    });

    [Fact]
    public void Details_All_StandInEnvoysOrder() => LoopRunner.Run(async loop =>
    {
        X509Certificate2 issuer = Certificate("CN=issuer", "spiffe://x", null);
        TlsSessionFacts facts = Facts(issuer);
        string head = await ForwardAsync(loop, Forward.SanitizeSet, facts, static hcm =>
        {
            hcm.SetCurrentClientCertDetails.Cert = true;
            hcm.SetCurrentClientCertDetails.Chain = true;
        });
        string leaf = Encoded(facts.PeerCertificate!);
        string expected = $"By={Own};Hash={Convert.ToHexStringLower(SHA256.HashData(facts.PeerCertificate!.RawData))};Cert=\"{leaf}\""
            + $";Chain=\"{leaf}{Encoded(issuer)}\";Subject=\"CN=client,O=acme\";URI={Peer};DNS=client.example";
        Assert.Contains($"x-forwarded-client-cert: {expected}\r\n", head);
        Assert.StartsWith("-----BEGIN%20CERTIFICATE-----%0A", leaf);
        Assert.EndsWith("-----END%20CERTIFICATE-----%0A", leaf);
    });

    public static TheoryData<string, IMessage, string, bool> Inputs => new()
    {
        { "header", Header("x-forwarded-client-cert"), Sent, true },
        { "other header", Header("x-forwarded-client-cert"), "other", false },
        { "query", new HttpRequestQueryParamMatchInput { QueryParam = "q" }, "1", true },
        { "URI SAN", new UriSanInput(), Peer, true },
        { "DNS SAN", new DnsSanInput(), "client.example", true },
        { "subject", new SubjectInput(), "CN=client,O=acme", true },
        { "port", new DestinationPortInput(), "80", true },
        { "address", new SourceIPInput(), "10.0.0.9", true },
    };

    [Theory]
    [MemberData(nameof(Inputs))]
    public void Matcher_ChoosesByRequestAndConnection_OrLeavesItToTheFields(string label, IMessage input, string value, bool matches) => LoopRunner.Run(async loop =>
    {
        TlsSessionFacts facts = Facts();
        string hash = Convert.ToHexStringLower(SHA256.HashData(facts.PeerCertificate!.RawData));
        string head = await ForwardAsync(loop, Forward.Sanitize, facts, hcm =>
            hcm.ForwardClientCertMatcher = List(null, (Is(input, value), Act(new HttpConnectionManager.Types.ForwardClientCertConfig
            {
                ForwardClientCertDetails = Forward.AppendForward,
                SetCurrentClientCertDetails = new HttpConnectionManager.Types.SetCurrentClientCertDetails { Dns = true },
            }))));
        Assert.True(head.Contains($"x-forwarded-client-cert: {Sent},By={Own};Hash={hash};DNS=client.example\r\n", StringComparison.Ordinal) == matches, label);
        Assert.True(head.Contains("x-forwarded-client-cert", StringComparison.Ordinal) == matches, label);
    });

    [Fact]
    public void Matcher_OfTwoRequestsOnOneConnection_MakesEachItsOwnElement() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(static hcm =>
        {
            hcm.ForwardClientCertDetails = Forward.SanitizeSet;
            hcm.ForwardClientCertMatcher = List(null, (Is(Header("x-k"), "1"), Act(new HttpConnectionManager.Types.ForwardClientCertConfig
            {
                ForwardClientCertDetails = Forward.SanitizeSet,
                SetCurrentClientCertDetails = new HttpConnectionManager.Types.SetCurrentClientCertDetails { Uri = true },
            })));
        });
        TestClient client = bench.Connect(Facts());
        TestClient? server = null;
        foreach (bool told in new[] { false, true, false })
        {
            await client.SendAsync($"GET / HTTP/1.1\r\nHost: a\r\n{(told ? "x-k: 1\r\n" : "")}\r\n");
            server ??= await upstream.AcceptAsync();
            Assert.Equal(told, (await server.ReadHeadAsync()).Contains(";URI=" + Peer, StringComparison.Ordinal));
            await server.SendAsync("HTTP/1.1 204 None\r\n\r\n");
            await client.ReadHeadAsync();
        }
    });

    [Fact]
    public void Matcher_WithAnotherAction_IsRefusedByItsField() => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend");
        ConfigRejectedException e = Assert.Throws<ConfigRejectedException>(() => bench.Serve(static hcm =>
            hcm.ForwardClientCertMatcher = List(Act(new StringValue { Value = "APPEND_FORWARD" }))));
        Assert.Equal("forward_client_cert_matcher.on_no_match.action.typed_config", e.Field);
        return Task.CompletedTask;
    });

    private static string Encoded(X509Certificate2 certificate) => Uri.EscapeDataString(certificate.ExportCertificatePem() + "\n");

    private static async Task<string> ForwardAsync(Runtime.Loops.EventLoop loop, Forward mode, TlsSessionFacts? tls, Action<HttpConnectionManager>? configure = null)
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(hcm =>
        {
            hcm.ForwardClientCertDetails = mode;
            hcm.SetCurrentClientCertDetails = new HttpConnectionManager.Types.SetCurrentClientCertDetails
            {
                Subject = true,
                Uri = true,
                Dns = true,
            };
            configure?.Invoke(hcm);
        });
        TestClient client = bench.Connect(tls);
        await client.SendAsync($"GET /?q=1 HTTP/1.1\r\nHost: a\r\nX-Forwarded-Client-Cert: {Sent}\r\n\r\n");
        return await (await upstream.AcceptAsync()).ReadHeadAsync();
    }

    private static TlsSessionFacts Facts(X509Certificate2? issuer = null) => new()
    {
        PeerIssuers = issuer is null ? [] : [issuer.RawData],
        Protocol = SslProtocols.Tls13,
        CipherSuite = "TLS_AES_128_GCM_SHA256",
        ServerName = null,
        ApplicationProtocol = null,
        PeerCertificate = Certificate("CN=client, O=acme", Peer, "client.example"),
        LocalCertificate = Certificate("CN=server", Own, null),
        PeerCertificateValidated = true,
    };

    private static X509Certificate2 Certificate(string subject, string uri, string? dns)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(new Uri(uri));
        if (dns is not null)
        {
            names.AddDnsName(dns);
        }

        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
    }
}
