using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Envoy.Service.Discovery.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Proxy.Tests.Tls;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Xds;

/// <summary>A stream to a control plane on the wire, and all that can become of it.</summary>
public sealed class XdsWireTests
{
    [Fact]
    public void Stream_Opens_WithTheCallsPathAuthorityAndMetadata() => LoopRunner.Run(async loop =>
    {
        using var bench = new XdsWireBench(loop);
        bench.Start();
        var server = new Http2Peer((await bench.AcceptAsync()).Stream);
        await server.StartServerAsync();
        (_, bool end, Dictionary<string, string> head) = await server.ReadHeadersAsync();
        DeltaDiscoveryRequest request = await XdsWireBench.ReadRequestAsync(server);

        Assert.False(end);
        Assert.Equal("/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources", head[":path"]);
        Assert.Equal(("auth", "east", "application/grpc"), (head[":authority"], head["clusterid"], head["content-type"]));
        Assert.False(head.ContainsKey("grpc-timeout"));
        Assert.Equal("node-1", request.Node.Id);
    });

    [Fact]
    public void Response_InFramesOfOneByte_IsAppliedAndAnswered() => LoopRunner.Run(async loop =>
    {
        using var bench = new XdsWireBench(loop);
        bench.Start();
        Http2Peer server = await bench.AcceptStreamAsync();
        await XdsWireBench.ReadRequestAsync(server);
        string response = XdsWireBench.Response("n1", new Cluster { Name = "a" }, new Cluster { Name = "b" });
        foreach (char one in response)
        {
            await server.DataAsync(1, one.ToString(), end: false);
        }

        Assert.Equal("n1", (await XdsWireBench.ReadRequestAsync(server)).ResponseNonce);
        Assert.Equal(["+a@1", "+b@1"], bench.Owner.Events);
    });

    [Fact]
    public void Resource_LargerThanTheWindow_ComesThroughIt() => LoopRunner.Run(async loop =>
    {
        const int Window = 65_535;
        using var bench = new XdsWireBench(loop);
        bench.Cluster = bench.Http2Cluster(new Http2ProtocolOptions { InitialStreamWindowSize = Window, InitialConnectionWindowSize = Window });
        bench.Start();
        Http2Peer server = await bench.AcceptStreamAsync();
        await XdsWireBench.ReadRequestAsync(server);
        var large = new Cluster { Name = "large", AltStatName = Convert.ToHexString(RandomNumberGenerator.GetBytes(250_000)) };
        string response = XdsWireBench.Response("n1", large, new Cluster { Name = "b" });

        // The server keeps to the windows: it may go on only with credit for both.
        int stream = Window;
        int connection = Window;
        for (int at = 0; at < response.Length;)
        {
            int size = Math.Min(Math.Min(stream, connection), Math.Min(16 * 1024, response.Length - at));
            if (size == 0)
            {
                (FrameHeader header, byte[] payload) = await server.ReadAsync(FrameType.WINDOW_UPDATE);
                int credit = BinaryPrimitives.ReadInt32BigEndian(payload);
                stream += header.StreamId == 1 ? credit : 0;
                connection += header.StreamId == 0 ? credit : 0;
                continue;
            }

            await server.DataAsync(1, response.Substring(at, size), end: false);
            at += size;
            stream -= size;
            connection -= size;
        }

        await bench.UntilAsync(() => bench.Owner.Events.Count == 2);
        Assert.Equal(["+large@1", "+b@1"], bench.Owner.Events);
    });

    [Fact]
    public void Server_GoesAwayWithinAMessage_AppliesNothingOfItAndIsDialledAgain() => LoopRunner.Run(async loop =>
    {
        using var bench = new XdsWireBench(loop);
        bench.Start();
        Http2Peer server = await bench.AcceptStreamAsync();
        await XdsWireBench.ReadRequestAsync(server);
        await server.DataAsync(1, XdsWireBench.Response("n1", new Cluster { Name = "kept" }), end: false);
        await XdsWireBench.ReadRequestAsync(server);
        string cut = XdsWireBench.Response("n2", new Cluster { Name = "lost" });
        await server.DataAsync(1, cut[..^3], end: false);
        server.Stream.Close();

        Http2Peer next = await bench.AcceptStreamAsync();
        DeltaDiscoveryRequest again = await XdsWireBench.ReadRequestAsync(next);

        Assert.Equal(["+kept@1"], bench.Owner.Events);
        Assert.Equal(["kept"], again.InitialResourceVersions.Keys);
        Assert.Equal(("node-1", ""), (again.Node.Id, again.ResponseNonce));
    });

    [Fact]
    public void GoAway_LetsTheStreamEnd_AndTheNextOneDialsAnew() => LoopRunner.Run(async loop =>
    {
        using var bench = new XdsWireBench(loop);
        bench.Start();
        Http2Peer server = await bench.AcceptStreamAsync();
        await XdsWireBench.ReadRequestAsync(server);
        await server.SendAsync(FrameType.GOAWAY, FrameFlags.None, 0, 0, 0, 0, 1, 0, 0, 0, 0);
        await server.DataAsync(1, XdsWireBench.Response("n1", new Cluster { Name = "a" }), end: false);
        Assert.Equal("n1", (await XdsWireBench.ReadRequestAsync(server)).ResponseNonce);
        Assert.Equal(1, bench.Calls);
        await server.HeadersAsync(1, end: true, ("grpc-status", "0"));

        Http2Peer next = await bench.AcceptStreamAsync();
        Assert.Equal(["a"], (await XdsWireBench.ReadRequestAsync(next)).InitialResourceVersions.Keys);
    });

    [Fact]
    public void GoAway_ThatExcludesTheStream_EndsItAtOnce() => LoopRunner.Run(async loop =>
    {
        using var bench = new XdsWireBench(loop);
        bench.Start();
        Http2Peer server = await bench.AcceptStreamAsync();
        await server.SendAsync(FrameType.GOAWAY, FrameFlags.None, 0, 0, 0, 0, 0, 0, 0, 0, 0);

        await bench.AcceptStreamAsync();
        Assert.Equal(2, bench.Calls);
    });

    [Fact]
    public void TrailersOnly_Error_IsTriedAgainWithNewCredentials() => LoopRunner.Run(async loop =>
    {
        using var bench = new XdsWireBench(loop);
        bench.Start();
        for (int attempt = 1; attempt <= 3; attempt++)
        {
            var server = new Http2Peer((await bench.AcceptAsync()).Stream);
            await server.StartServerAsync();
            await server.ReadHeadersAsync();
            Assert.Equal(attempt, bench.Calls);
            await server.HeadersAsync(1, end: true, (":status", "200"), ("grpc-status", "16"), ("grpc-message", "who are you"));
            await bench.UntilAsync(() => bench.Fixture.Counter("cds.update_failure") == attempt);
            Assert.Empty(bench.TransportFailures);
        }
    });

    [Fact]
    public void Server_ThatRefusesTheConnection_IsSaidInWords() => LoopRunner.Run(async loop =>
    {
        using var bench = new XdsWireBench(loop);
        using var gone = new TestUpstream(loop);
        bench.Cluster!.LoadAssignment = Transport.TransportFixture.Assignment("cp", gone.Address);
        gone.Dispose();
        bench.Start();

        await bench.UntilAsync(() => bench.TransportFailures.Count >= 2);
        Assert.Contains("Connection refused", bench.TransportFailures[0], StringComparison.Ordinal);
    });

    [Fact]
    public void Certificate_OfAnotherRoot_IsRefusedUntilItsRootIsTrusted() => LoopRunner.Run(async loop =>
    {
        var trusted = new TestCertificates();
        var other = new TestCertificates("other root");
        using var bench = new XdsWireBench(loop);
        bench.Cluster = bench.Http2Cluster(new Http2ProtocolOptions(), Tls(trusted, "cp.example"));
        bench.Start();
        TlsServerChoice choice = Identity(other);
        TlsHandshake refused = await TlsServerStream.AcceptAsync((await bench.AcceptAsync()).Stream, _ => choice);
        refused.Stream?.Close();
        await bench.UntilAsync(() => bench.TransportFailures.Count > 0);
        Assert.Contains("CERTIFICATE_VERIFY_FAILED:verify cert failed: X509_verify_cert", bench.TransportFailures[0], StringComparison.Ordinal);

        bench.Cluster = bench.Http2Cluster(new Http2ProtocolOptions(), Tls(other, "cp.example"));
        TlsStream? accepted = null;
        while (accepted is null)
        {
            // An attempt with the former roots may be on its way.
            accepted = (await TlsServerStream.AcceptAsync((await bench.AcceptAsync()).Stream, _ => choice)).Stream;
        }

        var server = new Http2Peer(accepted);
        await server.StartServerAsync();

        // Servers such as Kestrel refuse a scheme that is not the connection's.
        Assert.Equal("https", (await server.ReadHeadersAsync()).Fields[":scheme"]);
        Assert.Equal("node-1", (await XdsWireBench.ReadRequestAsync(server)).Node.Id);
    });

    [Fact]
    public void Certificate_ForAnotherName_IsRefusedWithItsNames() => LoopRunner.Run(async loop =>
    {
        var trusted = new TestCertificates();
        using var bench = new XdsWireBench(loop);
        bench.Cluster = bench.Http2Cluster(new Http2ProtocolOptions(), Tls(trusted, "elsewhere.example"));
        bench.Start();
        TlsServerChoice choice = Identity(trusted);
        TlsHandshake refused = await TlsServerStream.AcceptAsync((await bench.AcceptAsync()).Stream, _ => choice);
        refused.Stream?.Close();

        await bench.UntilAsync(() => bench.TransportFailures.Count > 0);
        Assert.Contains("SAN matcher, certificate SANs are [DNS:cp.example]", bench.TransportFailures[0], StringComparison.Ordinal);
    });

    [Fact]
    public void Server_ThatFallsSilent_IsLeftWhenNoPingIsAnswered()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var bench = new XdsWireBench(loop);
            bench.Cluster = bench.Http2Cluster(new Http2ProtocolOptions
            {
                ConnectionKeepalive = new KeepaliveSettings
                {
                    Interval = Duration.FromTimeSpan(TimeSpan.FromSeconds(30)),
                    Timeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(10)),
                    IntervalJitter = new Envoy.Type.V3.Percent(),
                },
            });
            bench.Start();
            Http2Peer server = await bench.AcceptStreamAsync();
            await XdsWireBench.ReadRequestAsync(server);
            clock.AdvanceMilliseconds(30_000);
            byte[] ping = (await server.ReadAsync(FrameType.PING)).Payload;
            await server.SendAsync(FrameType.PING, FrameFlags.ACK, 0, ping);
            await server.DataAsync(1, XdsWireBench.Response("n1", new Cluster { Name = "a" }), end: false);
            await XdsWireBench.ReadRequestAsync(server);
            clock.AdvanceMilliseconds(30_000);
            await server.ReadAsync(FrameType.PING);
            Assert.Equal(1, bench.Calls);

            clock.AdvanceMilliseconds(10_000);
            await bench.UntilAsync(() => bench.Fixture.Counter("cds.update_failure") == 1);
            clock.AdvanceMilliseconds(1);
            await bench.AcceptStreamAsync();
        });
    }

    [Fact]
    public void Server_ThatNeverShakesHands_IsLeftAfterConnectTimeout()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var bench = new XdsWireBench(loop);
            bench.Cluster = bench.Http2Cluster(new Http2ProtocolOptions(), Tls(new TestCertificates(), "cp.example"));
            bench.Start();
            TestClient slow = await bench.AcceptAsync();
            clock.AdvanceMilliseconds(4_000);
            await loop.YieldAsync();
            Assert.Equal(0, bench.Fixture.Counter("cds.update_failure"));

            await bench.UntilAsync(() =>
            {
                clock.AdvanceMilliseconds(100);
                return bench.Fixture.Counter("cds.update_failure") > 0;
            });
            Assert.Equal(1, bench.Fixture.Counter("cluster.cp.upstream_cx_connect_timeout"));
            slow.Stream.Close();
        });
    }

    [Fact]
    public void Name_ThatResolvesLater_IsWaitedFor()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var bench = new XdsWireBench(loop);
            Cluster named = bench.Cluster!;
            SocketAddress server = named.LoadAssignment.Endpoints[0].LbEndpoints[0].Endpoint.Address.SocketAddress;
            NetAddress address = NetAddress.Parse($"{server.Address}:{server.PortValue}");
            named.Type = Cluster.Types.DiscoveryType.StrictDns;
            named.DnsLookupFamily = Cluster.Types.DnsLookupFamily.V4Only;
            server.Address = "cp.example";
            bench.Start();
            await bench.UntilAsync(() => bench.Fixture.Counter("cds.update_failure") == 1);

            bench.Fixture.Resolver.Answers["cp.example"] = new NameAnswer([address], 0, null);
            await bench.UntilAsync(() =>
            {
                clock.AdvanceMilliseconds(100);
                return bench.Fixture.Counter("cluster.cp.upstream_cx_total") > 0;
            });
            await bench.AcceptStreamAsync();
        });
    }

    [Fact]
    public void Failure_OfTheDescription_IsNoCallAndIsAskedAgain() => LoopRunner.Run(async loop =>
    {
        using var bench = new XdsWireBench(loop);
        bench.Failure = "the token is not there";
        bench.Start();
        await bench.UntilAsync(() => bench.Calls >= 2);
        Assert.Equal(0, bench.Fixture.Gauge("control_plane.connected_state"));

        bench.Failure = null;
        await XdsWireBench.ReadRequestAsync(await bench.AcceptStreamAsync());
        Assert.Equal(1, bench.Fixture.Gauge("control_plane.connected_state"));
    });

    [Fact]
    public void Cluster_ThatIsRefused_IsNoCallAndIsAskedAgain() => LoopRunner.Run(async loop =>
    {
        using var bench = new XdsWireBench(loop);
        Cluster good = bench.Cluster!;
        bench.Cluster = good.Clone();
        bench.Cluster.TransportSocket = new TransportSocket { Name = "odd", TypedConfig = Any.Pack(new Empty()) };
        bench.Start();
        await bench.UntilAsync(() => bench.Calls >= 2);

        bench.Cluster = good;
        await bench.AcceptStreamAsync();
    });

    [Fact]
    public void Cluster_ThatSpeaksHttp1_IsNotCalled() => LoopRunner.Run(async loop =>
    {
        using var bench = new XdsWireBench(loop);
        Cluster good = bench.Cluster!;
        bench.Cluster = good.Clone();
        bench.Cluster.TypedExtensionProtocolOptions.Clear();
        bench.Start();
        await bench.UntilAsync(() => bench.Calls >= 2);
        Assert.Equal(0, bench.Fixture.Counter("cluster.cp.upstream_cx_total"));

        bench.Cluster = good;
        await bench.AcceptStreamAsync();
    });

    [Fact]
    public void ManySubscriptions_BeyondTheServersWindow_AllArrive() => LoopRunner.Run(async loop =>
    {
        // 20,000 names are 600 KB of requests; the server opens its window only as it reads.
        using var bench = new XdsWireBench(loop);
        for (int i = 0; i < 20_000; i++)
        {
            bench.Table.Subscribe(Proxy.Xds.ResourceType.Endpoints, $"outbound|80||service-{i:D6}", bench.Owner);
        }

        bench.Start();
        Http2Peer server = await bench.AcceptStreamAsync();
        List<byte> body = [];
        List<DeltaDiscoveryRequest> requests = [];
        while (requests.Count < 2)
        {
            byte[] data = Encoding.Latin1.GetBytes(await server.ReadBodyAsync(1));
            body.AddRange(data);
            await server.SendAsync(FrameType.WINDOW_UPDATE, FrameFlags.None, 1, Http2Peer.Number((uint)data.Length));
            await server.SendAsync(FrameType.WINDOW_UPDATE, FrameFlags.None, 0, Http2Peer.Number((uint)data.Length));
            WireControlPlane.Take(body, requests);
        }

        Assert.Equal(20_000, requests[1].ResourceNamesSubscribe.Count);
    });

    private static TlsServerChoice Identity(TestCertificates authority)
    {
        (string chain, string key) = authority.DnsLeaf("cp.example");
        return new TlsServerChoice { Certificate = TlsCertificates.FromPem(chain, key), ApplicationProtocols = ["h2"] };
    }

    private static TransportSocket Tls(TestCertificates roots, string name) => TlsMessages.Socket(new UpstreamTlsContext
    {
        Sni = name,
        CommonTlsContext = new CommonTlsContext
        {
            AlpnProtocols = { "h2" },
            ValidationContext = new CertificateValidationContext
            {
                TrustedCa = TlsMessages.Text(roots.RootPem),
                MatchTypedSubjectAltNames =
                {
                    new SubjectAltNameMatcher
                    {
                        SanType = SubjectAltNameMatcher.Types.SanType.Dns,
                        Matcher = new Envoy.Type.Matcher.V3.StringMatcher { Exact = name },
                    },
                },
            },
        },
    });
}
