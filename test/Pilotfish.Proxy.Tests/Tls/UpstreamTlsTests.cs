using Envoy.Config.Cluster.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Tls;

/// <summary>How a cluster secures its connections, and what it says when it cannot.</summary>
public sealed class UpstreamTlsTests
{
    [Fact]
    public void ReEncryption_ServerOfAnotherName_IsRefusedInEnvoysWords() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        NetAddress server = bench.Apply(TlsMessages.Listener("up", TlsMessages.Chain("t", "c", TlsBench.Mutual())));
        Assert.True(await ReachesAsync(bench, "right", server, TlsBench.ServerUri));
        Assert.False(await ReachesAsync(bench, "wrong", server, "spiffe://cluster.local/ns/b/sa/other"));
        Assert.Equal(1, bench.ClusterStat("right", "ssl.handshake"));
        Assert.Equal(1, bench.ClusterStat("wrong", "ssl.fail_verify_san"));
        Assert.Equal(0, bench.ClusterStat("wrong", "ssl.handshake"));
        Assert.Equal(1, bench.Fixture.Counter("cluster.wrong.upstream_cx_connect_fail"));
    });

    /// <summary>enforce_rsa_key_usage refuses what was_key_usage_invalid otherwise counts.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void KeyUsage_OfAServerThatMayNotSign_IsCountedOrRefused(bool enforces) => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        (string Chain, string Key) leaf = TlsBench.Mesh.CustomLeaf(
            static request => request.CertificateExtensions.Add(new System.Security.Cryptography.X509Certificates.X509KeyUsageExtension(
                System.Security.Cryptography.X509Certificates.X509KeyUsageFlags.KeyEncipherment, critical: true)), rsaBits: 2048);
        NetAddress server = bench.Apply(TlsMessages.Listener("up", TlsMessages.Chain("t", "c", new DownstreamTlsContext
        {
            CommonTlsContext = new CommonTlsContext { TlsCertificates = { TlsMessages.Certificate(leaf) } },
        })));
        var context = new UpstreamTlsContext { EnforceRsaKeyUsage = enforces };
        Assert.Equal(!enforces, await ReachesAsync(bench, "used", server, context));
        Assert.Equal(enforces ? 0 : 1, bench.ClusterStat("used", "ssl.was_key_usage_invalid"));
        Assert.Equal(enforces ? 1 : 0, bench.ClusterStat("used", "ssl.connection_error"));
    });

    [Theory]
    [InlineData(null, true)]
    [InlineData(0u, false)]
    [InlineData(1u, true)]
    public void SessionKeys_Bounded_DecideWhetherSessionsAreResumed(uint? keys, bool resumes) => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        NetAddress server = bench.Apply(TlsMessages.Listener("up", TlsMessages.Chain("t", "c", TlsBench.Mutual())));
        UpstreamTlsContext context = Context(TlsBench.ServerUri);
        context.MaxSessionKeys = keys;
        Cluster message = TransportFixture.StaticCluster("again", server);
        message.TransportSocket = TlsMessages.Socket(context);
        Assert.Empty(bench.Fixture.Apply(message));
        NetAddress front = bench.Apply(TlsMessages.Listener("l", TransportFixture.Chain("p", "again")));
        for (int i = 0; i < 2; i++)
        {
            SocketStream client = await TestPeers.ConnectAsync(loop, front);
            Assert.True(await TlsBench.EchoesAsync(client));
            client.Close();
            await TestPeers.UntilAsync(loop, () => bench.Fixture.Gauge("cluster.again.upstream_cx_active") == 0);
        }

        Assert.Equal(resumes ? 1 : 0, bench.ClusterStat("again", "ssl.session_reused"));
    });

    [Fact]
    public void Sni_LongerThanANameCanBe_IsRefused() => LoopRunner.Run(loop =>
    {
        var bench = new TlsBench(loop);
        Cluster message = TransportFixture.StaticCluster("long", NetAddress.Loopback(1));
        message.TransportSocket = TlsMessages.Socket(new UpstreamTlsContext { Sni = new string('a', 256) });
        Assert.Contains("sni: it has 256 bytes", Assert.Single(bench.Fixture.Apply(message)).Reason, StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Fact]
    public void TransportSocketMatch_ByEndpointMetadata_MixesPlainAndTls() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        NetAddress secured = bench.Apply(TlsMessages.Listener("up", TlsMessages.Chain("t", "c", TlsBench.Mutual())));
        NetAddress plain = TestPeers.Echo(loop).LocalAddress;
        Cluster cluster = TransportFixture.StaticCluster("mixed", secured, plain);
        LbEndpoint sidecar = cluster.LoadAssignment.Endpoints[0].LbEndpoints[0];
        sidecar.Metadata = new Envoy.Config.Core.V3.Metadata
        {
            FilterMetadata = { ["envoy.transport_socket_match"] = new Struct { Fields = { ["tlsMode"] = Value.ForString("istio") } } },
        };
        cluster.TransportSocketMatches.Add(new Cluster.Types.TransportSocketMatch
        {
            Name = "tlsMode-istio",
            Match = new Struct { Fields = { ["tlsMode"] = Value.ForString("istio") } },
            TransportSocket = TlsMessages.Socket(Context(TlsBench.ServerUri)),
        });
        cluster.TransportSocketMatches.Add(new Cluster.Types.TransportSocketMatch
        {
            Name = "tlsMode-disabled",
            Match = new Struct(),
            TransportSocket = new Envoy.Config.Core.V3.TransportSocket
            {
                Name = "envoy.transport_sockets.raw_buffer",
                TypedConfig = Any.Pack(new Envoy.Extensions.TransportSockets.RawBuffer.V3.RawBuffer()),
            },
        });
        Assert.Empty(bench.Fixture.Apply(cluster));
        NetAddress front = bench.Apply(TlsMessages.Listener("l", TransportFixture.Chain("p", "mixed")));
        for (int i = 0; i < 4; i++)
        {
            SocketStream client = await TestPeers.ConnectAsync(loop, front);
            Assert.True(await TlsBench.EchoesAsync(client));
            client.Close();
        }

        Assert.Equal(2, bench.ClusterStat("mixed", "ssl.handshake"));
        Assert.Equal(2, bench.Stat("up", "ssl.handshake"));
    });

    [Fact]
    public void ClientContext_SeveralCertificates_IsRejected() => LoopRunner.Run(loop =>
    {
        var bench = new TlsBench(loop);
        Cluster cluster = TransportFixture.StaticCluster("two", NetAddress.Loopback(1));
        UpstreamTlsContext context = Context(TlsBench.ServerUri);
        context.CommonTlsContext.TlsCertificates.Add(context.CommonTlsContext.TlsCertificates[0]);
        cluster.TransportSocket = TlsMessages.Socket(context);
        Assert.Contains("Multiple TLS certificates", Assert.Single(bench.Fixture.Apply(cluster)).Reason, StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Theory]
    [InlineData("db.example", true)]
    [InlineData("other.example", false)]
    public void AutoSniSanValidation_NameOfTheHandshake_MustBeTheCertificates(string sni, bool passes) => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        var tls = new DownstreamTlsContext
        {
            CommonTlsContext = new CommonTlsContext { TlsCertificates = { TlsMessages.Certificate(TlsBench.Mesh.DnsLeaf("db.example")) } },
        };
        NetAddress server = bench.Apply(TlsMessages.Listener("up", TlsMessages.Chain("t", "c", tls)));
        Cluster cluster = TransportFixture.StaticCluster("db", server);
        cluster.TransportSocket = TlsMessages.Socket(new UpstreamTlsContext
        {
            Sni = sni,
            AutoSniSanValidation = true,
            CommonTlsContext = new CommonTlsContext
            {
                ValidationContext = new CertificateValidationContext { TrustedCa = TlsMessages.Text(TlsBench.Mesh.RootPem) },
            },
        });
        Assert.Empty(bench.Fixture.Apply(cluster));
        NetAddress front = bench.Apply(TlsMessages.Listener("l", TransportFixture.Chain("p", "db")));
        SocketStream client = await TestPeers.ConnectAsync(loop, front);
        Assert.Equal(passes, await TlsBench.EchoesAsync(client));
        Assert.Equal(passes ? 0 : 1, bench.ClusterStat("db", "ssl.fail_verify_san"));
        client.Close();
    });

    // The server answers db.example alone, and shows a certificate of that name.
    [Theory]
    [InlineData("db.example", null, true, true, "")]
    [InlineData("db.example:8443", null, true, true, "")]
    [InlineData("other.example", null, true, false, "")]
    [InlineData("other.example", "db.example", true, true, "")]
    [InlineData("other.example", null, false, true, "")]
    public void AutoSni_Host_IsTheNameThatTlsAsksFor(string host, string? header, bool auto, bool passes, string failure) =>
        LoopRunner.Run(async loop =>
        {
            DownstreamTlsContext tls = new()
            {
                CommonTlsContext = new CommonTlsContext { TlsCertificates = { TlsMessages.Certificate(TlsBench.Mesh.DnsLeaf("db.example")) } },
            };
            await AskAsync(loop, host, tls, new Envoy.Config.Core.V3.UpstreamHttpProtocolOptions
            {
                AutoSni = auto,
                OverrideAutoSniHeader = header is null ? "" : "x-server",
            }, header, auto ? "" : "db.example", passes, failure);
        });

    [Theory]
    [InlineData("db.example", true, true, "")]
    [InlineData("other.example", true, false, "ssl.fail_verify_san")]
    [InlineData("other.example", false, true, "")]
    public void AutoSanValidation_Host_MustBeTheCertificates(string host, bool auto, bool passes, string failure) => LoopRunner.Run(async loop =>
    {
        DownstreamTlsContext tls = new()
        {
            CommonTlsContext = new CommonTlsContext { TlsCertificates = { TlsMessages.Certificate(TlsBench.Mesh.DnsLeaf("db.example")) } },
        };
        await AskAsync(loop, host, tls, new Envoy.Config.Core.V3.UpstreamHttpProtocolOptions { AutoSanValidation = auto }, null, "db.example",
            passes, failure);
    });

    private static async Task AskAsync(Pilotfish.Runtime.Loops.EventLoop loop, string host, DownstreamTlsContext tls,
        Envoy.Config.Core.V3.UpstreamHttpProtocolOptions options, string? header, string sni, bool passes, string failure)
    {
        var bench = new TlsBench(loop);
        using var upstream = new Http.TestUpstream(loop);
        Assert.Empty(bench.Fixture.Apply(TransportFixture.StaticCluster("plain", upstream.Address)));
        Envoy.Config.Listener.V3.Listener secured = TlsMessages.Listener(
            "up", TlsMessages.Chain("t", "plain", tls, new Envoy.Config.Listener.V3.FilterChainMatch { ServerNames = { "db.example" } }));
        secured.ListenerFilters.Add(TlsMessages.TlsInspector());
        Cluster cluster = TransportFixture.StaticCluster("db", bench.Apply(secured));
        cluster.TransportSocket = TlsMessages.Socket(new UpstreamTlsContext
        {
            Sni = sni,
            CommonTlsContext = new CommonTlsContext
            {
                ValidationContext = new CertificateValidationContext { TrustedCa = TlsMessages.Text(TlsBench.Mesh.RootPem) },
            },
        });
        cluster.TypedExtensionProtocolOptions["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"] =
            Any.Pack(new Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions
            {
                UpstreamHttpProtocolOptions = options,
                ExplicitHttpConfig = new() { HttpProtocolOptions = new() },
            });
        Assert.Empty(bench.Fixture.Apply(cluster));
        NetAddress front = bench.Apply(TlsMessages.Listener("l", HttpChain("db")));
        var client = new Http.TestClient(await TestPeers.ConnectAsync(loop, front));
        await client.SendAsync($"GET / HTTP/1.1\r\nHost: {host}\r\n{(header is null ? "" : $"x-server: {header}\r\n")}\r\n");
        if (passes)
        {
            Http.TestClient server = await upstream.AcceptAsync();
            await server.ReadHeadAsync();
            await server.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        }

        Assert.StartsWith(passes ? "HTTP/1.1 200 " : "HTTP/1.1 503 ", await client.ReadHeadAsync());
        Assert.Equal(passes ? 1 : 0, bench.ClusterStat("db", "ssl.handshake"));
        Assert.Equal(failure.Length == 0 ? 0 : 1, failure.Length == 0 ? 0 : bench.ClusterStat("db", failure));
        client.Stream.Close();
    }

    private static Envoy.Config.Listener.V3.FilterChain HttpChain(string cluster) => new()
    {
        Name = "h",
        Filters =
        {
            new Envoy.Config.Listener.V3.Filter
            {
                Name = "hcm",
                TypedConfig = Any.Pack(new Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager
                {
                    StatPrefix = "h",
                    RouteConfig = new Envoy.Config.Route.V3.RouteConfiguration
                    {
                        Name = "r",
                        VirtualHosts =
                        {
                            new Envoy.Config.Route.V3.VirtualHost
                            {
                                Name = "v",
                                Domains = { "*" },
                                Routes =
                                {
                                    new Envoy.Config.Route.V3.Route
                                    {
                                        Match = new Envoy.Config.Route.V3.RouteMatch { Prefix = "/" },
                                        Route_ = new Envoy.Config.Route.V3.RouteAction { Cluster = cluster },
                                    },
                                },
                            },
                        },
                    },
                    HttpFilters =
                    {
                        Http.ProxyBench.Filter("router", new Envoy.Extensions.Filters.Http.Router.V3.Router()),
                    },
                }),
            },
        },
    };

    private static Task<bool> ReachesAsync(TlsBench bench, string cluster, NetAddress server, string san) =>
        ReachesAsync(bench, cluster, server, Context(san));

    private static async Task<bool> ReachesAsync(TlsBench bench, string cluster, NetAddress server, UpstreamTlsContext context)
    {
        Cluster message = TransportFixture.StaticCluster(cluster, server);
        message.TransportSocket = TlsMessages.Socket(context);
        Assert.Empty(bench.Fixture.Apply(message));
        NetAddress front = bench.Apply(TlsMessages.Listener("to-" + cluster, TransportFixture.Chain("p", cluster)));
        SocketStream client = await TestPeers.ConnectAsync(bench.Loop, front);
        bool echoes = await TlsBench.EchoesAsync(client);
        client.Close();
        return echoes;
    }

    private static UpstreamTlsContext Context(string san) => new()
    {
        Sni = "outbound_.80_._.server",
        CommonTlsContext = new CommonTlsContext
        {
            TlsCertificates = { TlsMessages.Certificate(TlsBench.Mesh.Leaf(TlsBench.ClientUri)) },
            ValidationContext = new CertificateValidationContext
            {
                TrustedCa = TlsMessages.Text(TlsBench.Mesh.RootPem),
                MatchTypedSubjectAltNames =
                {
                    new SubjectAltNameMatcher
                    {
                        SanType = SubjectAltNameMatcher.Types.SanType.Uri,
                        Matcher = new Envoy.Type.Matcher.V3.StringMatcher { Exact = san },
                    },
                },
            },
        },
    };
}
