using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;
using Xunit;
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

    private static async Task<string> ForwardAsync(Runtime.Loops.EventLoop loop, Forward mode, TlsSessionFacts? tls)
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
        });
        TestClient client = bench.Connect(tls);
        await client.SendAsync($"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Client-Cert: {Sent}\r\n\r\n");
        return await (await upstream.AcceptAsync()).ReadHeadAsync();
    }

    private static TlsSessionFacts Facts() => new()
    {
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
