using System.Security.Cryptography.X509Certificates;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;
using Version = Envoy.Extensions.TransportSockets.Tls.V3.TlsParameters.Types.TlsProtocol;

namespace Pilotfish.Proxy.Tests.Tls;

/// <summary>What both sides make of versions, host names, expiry and revocation, from the configuration to the handshake.</summary>
public sealed class TlsVersionTests
{
    /// <summary>Clients speak 1.2 at most unless told otherwise, as Envoy's do.</summary>
    [Theory]
    [InlineData(Version.TlsAuto, Version.TlsAuto, Version.TlsAuto, Version.TlsAuto, "TLSv1.2")]
    [InlineData(Version.TlsAuto, Version.TlsAuto, Version.TlsAuto, Version.Tlsv13, "TLSv1.3")]
    [InlineData(Version.TlsAuto, Version.Tlsv12, Version.TlsAuto, Version.Tlsv13, "TLSv1.2")]
    [InlineData(Version.Tlsv13, Version.TlsAuto, Version.TlsAuto, Version.TlsAuto, null)]
    [InlineData(Version.Tlsv13, Version.TlsAuto, Version.Tlsv13, Version.TlsAuto, "TLSv1.3")]
    [InlineData(Version.TlsAuto, Version.Tlsv12, Version.Tlsv13, Version.Tlsv13, null)]
    public void Versions_OfBothSides_DecideWhatIsSpoken(Version serverMin, Version serverMax, Version clientMin, Version clientMax, string? spoken) =>
        LoopRunner.Run(async loop =>
        {
            var bench = new TlsBench(loop);
            DownstreamTlsContext server = Server();
            server.CommonTlsContext.TlsParams = new TlsParameters { TlsMinimumProtocolVersion = serverMin, TlsMaximumProtocolVersion = serverMax };
            var client = new UpstreamTlsContext
            {
                CommonTlsContext = new CommonTlsContext
                {
                    TlsParams = new TlsParameters { TlsMinimumProtocolVersion = clientMin, TlsMaximumProtocolVersion = clientMax },
                },
            };
            NetAddress address = bench.Apply(TlsMessages.Listener("up", TlsMessages.Chain("t", "c", server)));
            Assert.Equal(spoken is not null, await ReachesAsync(bench, address, client, ""));
            Assert.Equal(spoken is null ? 0 : 1, bench.ClusterStat("secured", "ssl.handshake"));
            if (spoken is not null)
            {
                Assert.Equal(1, bench.ClusterStat("secured", "ssl.versions." + spoken));
            }
        });

    [Theory]
    [InlineData(Version.TlsAuto, Version.Tlsv11, "tls_params.tls_maximum_protocol_version: TLS 1.0 and 1.1 are not spoken")]
    [InlineData(Version.Tlsv13, Version.Tlsv12, "tls_params: tls_minimum_protocol_version is above tls_maximum_protocol_version")]
    public void Versions_ThatCannotBe_AreRefusedByField(Version least, Version most, string problem) => LoopRunner.Run(loop =>
    {
        DownstreamTlsContext server = Server();
        server.CommonTlsContext.TlsParams = new TlsParameters { TlsMinimumProtocolVersion = least, TlsMaximumProtocolVersion = most };
        Assert.Contains(problem, new TlsBench(loop).Refusal(server), StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    /// <summary>auto_host_sni asks for the endpoint's hostname, else for the context's own sni.</summary>
    [Theory]
    [InlineData(true, "host.example", true)]
    [InlineData(true, "", false)]
    [InlineData(false, "host.example", false)]
    public void AutoHostSni_AsksForTheEndpointsName(bool auto, string hostname, bool reaches) => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        Listener listener = TlsMessages.Listener("up", TlsMessages.Chain("t", "c", Server(), new FilterChainMatch { ServerNames = { "host.example" } }));
        listener.ListenerFilters.Add(TlsMessages.TlsInspector());
        var client = new UpstreamTlsContext { AutoHostSni = auto, Sni = "other.example" };
        Assert.Equal(reaches, await ReachesAsync(bench, bench.Apply(listener), client, hostname));
        Assert.Equal(reaches ? 0 : 1, bench.Stat("up", "no_filter_chain_match"));
    });

    /// <summary>allow_expired_certificate, crl and only_verify_leaf_cert_crl, of a client whose issuer is an intermediate.</summary>
    [Theory]
    [InlineData("expired", false)]
    [InlineData("expired allowed", true)]
    [InlineData("revoked", false)]
    [InlineData("another revoked", true)]
    [InlineData("no list of the root", false)]
    [InlineData("no list of the root, leaf only", true)]
    public void ClientCertificate_ByExpiryAndRevocation(string label, bool passes) => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        TestCertificates issuing = TlsBench.Mesh.Intermediate("issuing");
        System.Net.Security.SslStreamCertificateContext client = label.StartsWith("expired", StringComparison.Ordinal)
            ? TlsBench.Mesh.Identity(TlsBench.ClientUri, expired: true)
            : issuing.IdentityWithIssuer(TlsBench.ClientUri);
        X509Certificate2 revoked = label == "revoked" ? client.TargetCertificate : issuing.Identity(TlsBench.ClientUri).TargetCertificate;
        string lists = issuing.Crl(null, revoked) + (label.StartsWith("no list", StringComparison.Ordinal) ? "" : "\n" + TlsBench.Mesh.Crl());
        var validation = new CertificateValidationContext
        {
            AllowExpiredCertificate = label.EndsWith("allowed", StringComparison.Ordinal),
            Crl = label.StartsWith("expired", StringComparison.Ordinal) ? null : TlsMessages.Text(lists),
            OnlyVerifyLeafCertCrl = label.EndsWith("leaf only", StringComparison.Ordinal),
        };
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", TlsBench.Mutual(validation))));
        Assert.True(
            passes == await bench.EchoesAsync(address, new TlsClientOptions { Certificate = client, ServerName = label.Replace(' ', '-') }), label);
        Assert.Equal(passes ? 0 : 1, bench.Stat("l", "ssl.fail_verify_error"));
    });

    private static DownstreamTlsContext Server() => new()
    {
        CommonTlsContext = new CommonTlsContext { TlsCertificates = { TlsMessages.Certificate(TlsBench.Mesh.Leaf(TlsBench.ServerUri)) } },
    };

    private static async Task<bool> ReachesAsync(TlsBench bench, NetAddress server, UpstreamTlsContext context, string hostname)
    {
        Cluster cluster = TransportFixture.StaticCluster("secured", server);
        cluster.LoadAssignment.Endpoints[0].LbEndpoints[0].Endpoint.Hostname = hostname;
        cluster.TransportSocket = TlsMessages.Socket(context);
        Assert.Empty(bench.Fixture.Apply(cluster));
        NetAddress front = bench.Apply(TlsMessages.Listener("front", TransportFixture.Chain("p", "secured")));
        SocketStream client = await TestPeers.ConnectAsync(bench.Loop, front);
        bool echoes = await TlsBench.EchoesAsync(client);
        client.Close();
        return echoes;
    }
}
