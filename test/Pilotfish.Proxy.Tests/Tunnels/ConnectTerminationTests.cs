using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.ProxyProtocol;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Proxy.Tunnels;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;
using UpgradeConfig = Envoy.Config.Route.V3.RouteAction.Types.UpgradeConfig;

namespace Pilotfish.Proxy.Tests.Tunnels;

/// <summary>Routes with connect_config: CONNECT ends at the proxy, and its bytes are the upstream's TCP.</summary>
public sealed class ConnectTerminationTests
{
    private const string Connect = "CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n";
    private const string Client = "10.0.0.9:3456";
    private const string Local = "10.0.0.1:80";

    [Fact]
    public void Http1_Connect_BecomesTcp() => Run(async (bench, upstream) =>
    {
        TestClient client = bench.Connect();
        await client.SendAsync(Connect + "early");
        TestClient server = await upstream.AcceptAsync();
        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", head);
        Assert.DoesNotContain("transfer-encoding", head);
        Assert.DoesNotContain("content-length", head);
        Assert.Equal("early", await server.ReadBytesAsync(5));
        await server.SendAsync("220 ready");
        Assert.Equal("220 ready", await client.ReadBytesAsync(9));
        await client.SendAsync("later");
        Assert.Equal("later", await server.ReadBytesAsync(5));
        client.Stream.Close();
        Assert.Equal("", await server.ReadToEndAsync());
        server.Stream.Close();
        await bench.Loop.UntilAsync(() => bench.Logged.Count == 1);
        Assert.Equal(new RecordedStream(200, "via_upstream", "-", 1, 10, 9), bench.Logged[0]);
        Assert.Equal(1, bench.Counter("http.test.downstream_cx_upgrades_total"));
        Assert.Equal(1, bench.Counter("cluster.backend.upstream_cx_total"));
        Assert.Equal(1, bench.Counter("cluster.backend.upstream_rq_200"));
        Assert.Equal(9, bench.Counter("cluster.backend.upstream_cx_rx_bytes_total"));
        Assert.Equal(10, bench.Counter("cluster.backend.upstream_cx_tx_bytes_total"));
        Assert.Equal(0, Gauge(bench, "cluster.backend.upstream_rq_active"));
        Assert.Equal(0, Gauge(bench, "cluster.backend.upstream_cx_active"));
    });

    [Fact]
    public void Http2_Connect_BecomesTcp_BesideOthers() => Run(async (bench, upstream) =>
    {
        (Http2Peer client, TestClient server) = await Open2Async(bench, upstream, 1);
        await Connect2Async(client, 3);
        TestClient other = await upstream.AcceptAsync();
        Assert.Equal("200", (await client.ReadHeadersAsync()).Fields[":status"]);
        await client.DataAsync(1, "one", end: false);
        await client.DataAsync(3, "three", end: false);
        Assert.Equal("one", await server.ReadBytesAsync(3));
        Assert.Equal("three", await other.ReadBytesAsync(5));
        await server.SendAsync("answer");
        Assert.Equal("answer", await client.ReadBodyAsync(6));
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Http2_HalfClose_LeavesTheOtherDirectionOpen(bool serverFirst) => Run(async (bench, upstream) =>
    {
        (Http2Peer client, TestClient server) = await Open2Async(bench, upstream, 1);
        if (serverFirst)
        {
            await server.SendAsync("last");
            server.Stream.ShutdownSend();
            Assert.Equal("last", await client.ReadBodyAsync());
            await client.DataAsync(1, "after", end: true);
            Assert.Equal("after", await server.ReadToEndAsync());
        }
        else
        {
            await client.DataAsync(1, "last", end: true);
            Assert.Equal("last", await server.ReadToEndAsync());
            await server.SendAsync("after");
            server.Stream.ShutdownSend();
            Assert.Equal("after", await client.ReadBodyAsync());
        }

        await bench.Loop.UntilAsync(() => bench.Logged.Count == 1);
        Assert.Equal("via_upstream", bench.Logged[0].Details);
        Assert.Equal(0, bench.Counter("http2.tx_reset"));
        Assert.Equal(0, Gauge(bench, "cluster.backend.upstream_cx_active"));
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Http1_HalfClose_LeavesTheOtherDirectionOpen(bool serverFirst) => Run(async (bench, upstream) =>
    {
        TestClient client = bench.Connect();
        await client.SendAsync(Connect);
        TestClient server = await upstream.AcceptAsync();
        await client.ReadHeadAsync();
        TestClient first = serverFirst ? server : client;
        TestClient second = serverFirst ? client : server;
        await first.SendAsync("last");
        first.Stream.ShutdownSend();
        Assert.Equal("last", await second.ReadToEndAsync());
        await second.SendAsync("after");
        second.Stream.ShutdownSend();
        Assert.Equal("after", await first.ReadToEndAsync());
        await bench.Loop.UntilAsync(() => bench.Logged.Count == 1);
        Assert.Equal("via_upstream", bench.Logged[0].Details);
        Assert.Equal(0, Gauge(bench, "cluster.backend.upstream_cx_active"));
    });

    /// <summary>RFC 9113 section 8.5: a reset TCP connection is a CONNECT_ERROR.</summary>
    [Fact]
    public void Http2_UpstreamReset_IsAConnectError() => Run(async (bench, upstream) =>
    {
        (Http2Peer client, TestClient server) = await Open2Async(bench, upstream, 1);
        await server.SendAsync("part");
        Assert.Equal("part", await client.ReadBodyAsync(4));
        server.Stream.Reset();
        Assert.Equal(Http2ErrorCode.CONNECT_ERROR, await client.ReadResetAsync());
        await bench.Loop.UntilAsync(() => bench.Logged.Count == 1);
        Assert.Equal("UC", bench.Logged[0].Flags);
        Assert.StartsWith("upstream_reset_after_response_started{connection_termination", bench.Logged[0].Details);
    });

    [Fact]
    public void Http1_UpstreamReset_ResetsTheClient() => Run(async (bench, upstream) =>
    {
        TestClient client = bench.Connect();
        await client.SendAsync(Connect);
        TestClient server = await upstream.AcceptAsync();
        await client.ReadHeadAsync();
        server.Stream.Reset();
        Assert.Equal(IoError.ConnectionReset, (await client.Stream.ReceiveAsync(new byte[1])).Error);
    });

    [Fact]
    public void Http2_ClientReset_ResetsTheUpstream() => Run(async (bench, upstream) =>
    {
        (Http2Peer client, TestClient server) = await Open2Async(bench, upstream, 1);
        await client.SendAsync(FrameType.RST_STREAM, FrameFlags.None, 1, Http2Peer.Number((uint)Http2ErrorCode.CANCEL));
        Assert.Equal(IoError.ConnectionReset, (await server.Stream.ReceiveAsync(new byte[1])).Error);
        await bench.Loop.UntilAsync(() => bench.Logged.Count == 1);
        Assert.Equal("DR", bench.Logged[0].Flags);
    });

    [Fact]
    public void NobodyThere_IsA503()
    {
        NetAddress nobody = default;
        Run(async (bench, upstream) =>
        {
            upstream.Dispose();
            nobody = upstream.Address;
            TestClient client = bench.Connect();
            await client.SendAsync(Connect);
            Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
            await bench.Loop.UntilAsync(() => bench.Logged.Count == 1);
            Assert.Equal("UF", bench.Logged[0].Flags);
        });
        Assert.True(nobody.IsIp);
    }

    /// <summary>A connection that could not be made is tried again as the route's policy says.</summary>
    [Fact]
    public void FailedConnection_IsRetried() => LoopRunner.Run(async loop =>
    {
        using var gone = new TestUpstream(loop);
        using var upstream = new TestUpstream(loop);
        NetAddress nobody = gone.Address;
        gone.Dispose();
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", nobody, upstream.Address);
        Serve(bench, static route => route.Route_.RetryPolicy = new Envoy.Config.Route.V3.RetryPolicy { RetryOn = "connect-failure", NumRetries = 3 });
        TestClient client = bench.Connect();
        await client.SendAsync(Connect);
        TestClient server = await upstream.AcceptAsync();
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
        await server.SendAsync("x");
        Assert.Equal("x", await client.ReadBytesAsync(1));
    });

    [Theory]
    [InlineData(ProxyProtocolConfig.Types.Version.V1)]
    [InlineData(ProxyProtocolConfig.Types.Version.V2)]
    public void ProxyHeader_GoesFirst(ProxyProtocolConfig.Types.Version version) => Run(
        async (bench, upstream) =>
        {
            TestClient client = bench.Connect();
            await client.SendAsync(Connect + "early");
            TestClient server = await upstream.AcceptAsync();
            (NetAddress source, NetAddress destination) = (NetAddress.Parse(Client), NetAddress.Parse(Local));
            byte[] expected = version == ProxyProtocolConfig.Types.Version.V1
                ? ProxyHeaderWriter.Version1(source, destination)
                : ProxyHeaderWriter.Version2(source, destination, [new(0xE1, [.. "db:5432"u8])], out _);
            Assert.Equal(System.Text.Encoding.Latin1.GetString(expected) + "early", await server.ReadBytesAsync(expected.Length + 5));
        },
        route => route.Route_.UpgradeConfigs[0].ConnectConfig.ProxyProtocolConfig = new ProxyProtocolConfig
        {
            Version = version,
            AddedTlvs = { new TlvEntry { Type = 0xE1, FormatString = new SubstitutionFormatString { TextFormat = "%REQ(:AUTHORITY)%" } } },
        });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Post_IsTcpOnlyWhereTheRouteSaysSo(bool allowed) => Run(
        async (bench, upstream) =>
        {
            TestClient client = bench.Connect();
            await client.SendAsync("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nraw\r\n");
            TestClient server = await upstream.AcceptAsync();
            if (!allowed)
            {
                Assert.StartsWith("POST /x HTTP/1.1\r\n", await server.ReadHeadAsync());
                return;
            }

            Assert.Equal("raw", await server.ReadBytesAsync(3));
            Assert.Contains("transfer-encoding: chunked\r\n", await client.ReadHeadAsync());
            await server.SendAsync("answer");
            Assert.Equal("6\r\nanswer\r\n", await client.ReadBytesAsync(11));
            await client.SendAsync("0\r\n\r\n");
            Assert.Equal("", await server.ReadToEndAsync());
            server.Stream.Close();
            Assert.Equal("0\r\n\r\n", await client.ReadBytesAsync(5));
        },
        route =>
        {
            route.Match = new RouteMatch { Prefix = "/" };
            route.Route_.UpgradeConfigs[0].ConnectConfig.AllowPost = allowed;
        });

    [Theory]
    [InlineData(UpstreamPoolKind.Generic, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\n")]
    [InlineData(UpstreamPoolKind.Http, Connect, "CONNECT db:5432 HTTP/1.1\r\n")]
    [InlineData(UpstreamPoolKind.Tcp, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\npayload", "payload")]
    public void UpstreamConfig_DecidesWhatThePayloadBecomes(UpstreamPoolKind kind, string request, string received) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddClusterWith("backend", settings => settings with { UpstreamPool = kind }, upstream.Address);
        Serve(bench, route => route.Match = request == Connect ? route.Match : new RouteMatch { Prefix = "/" });
        TestClient client = bench.Connect();
        await client.SendAsync(request);
        TestClient server = await upstream.AcceptAsync();
        Assert.Equal(received, await server.ReadBytesAsync(received.Length));
    });

    /// <summary>The route's timeout is that of requests: a client may end its side before the upstream connects, and the tunnel goes on.</summary>
    [Fact]
    public void RouteTimeout_EndsWithTheTunnelsBeginning()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            bench.AddCluster("backend", upstream.Address);
            Serve(bench, static route => route.Route_.Timeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(2)));
            var client = new Http2Peer(bench.Connect().Stream);
            await client.StartClientAsync();
            await Connect2Async(client, 1);
            await client.DataAsync(1, "all", end: true);
            TestClient server = await upstream.AcceptAsync();
            Assert.Equal("200", (await client.ReadHeadersAsync()).Fields[":status"]);
            Assert.Equal("all", await server.ReadToEndAsync());
            clock.Advance(TimeSpan.FromSeconds(100));
            await loop.YieldAsync();
            await server.SendAsync("late");
            Assert.Equal("late", await client.ReadBodyAsync(4));
        });
    }

    [Fact]
    public void IdleTunnel_EndsAfterTheStreamsIdleTimeout()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            bench.AddCluster("backend", upstream.Address);
            Serve(bench, static route => route.Route_.IdleTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(9)));
            (Http2Peer client, TestClient server) = await Open2Async(bench, upstream, 1);
            clock.Advance(TimeSpan.FromSeconds(10));
            Assert.Equal(Http2ErrorCode.CONNECT_ERROR, await client.ReadResetAsync());
            Assert.Equal(IoError.ConnectionReset, (await server.Stream.ReceiveAsync(new byte[1])).Error);
            await loop.UntilAsync(() => bench.Logged.Count == 1);
            Assert.Equal("SI", bench.Logged[0].Flags);
        });
    }

    [Fact]
    public void MaxConnections_Reached_IsAnOverflow() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", new CircuitBreakerConfig { ConnectionsMax = 1 }, upstream.Address);
        Serve(bench);
        TestClient first = bench.Connect();
        await first.SendAsync(Connect);
        await upstream.AcceptAsync();
        Assert.StartsWith("HTTP/1.1 200 ", await first.ReadHeadAsync());
        TestClient second = bench.Connect();
        await second.SendAsync(Connect);
        Assert.StartsWith("HTTP/1.1 503 ", await second.ReadHeadAsync());
        await loop.UntilAsync(() => bench.Logged.Count == 1);
        Assert.Equal("UO", bench.Logged[0].Flags);
    });

    /// <summary>Neither side's reluctance makes the proxy hold more than its buffers.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void SlowReader_GetsEverythingInTheEnd(bool towardsServer) => Run(async (bench, upstream) =>
    {
        const int Size = 24_000_000;
        TestClient client = bench.Connect();
        await client.SendAsync(Connect);
        TestClient server = await upstream.AcceptAsync();
        await client.ReadHeadAsync();
        TestClient from = towardsServer ? client : server;
        TestClient to = towardsServer ? server : client;
        ValueTask<IoResult> sending = from.Stream.SendAsync(new byte[Size]);
        for (int turn = 0; turn < 200; turn++)
        {
            await bench.Loop.YieldAsync();
        }

        Assert.True(!sending.IsCompleted || !towardsServer, "The proxy took everything.");
        async Task SendAsync()
        {
            Assert.True((await sending).IsOk);
            from.Stream.ShutdownSend();
        }

        Task sent = SendAsync();
        int received = 0;
        byte[] buffer = new byte[256 * 1024];
        while (true)
        {
            IoResult result = await to.Stream.ReceiveAsync(buffer);
            Assert.True(result.IsOk);
            if (result.IsEnd)
            {
                break;
            }

            received += result.Bytes;
        }

        await sent;
        Assert.Equal(Size, received);
    });

    [Fact]
    public void ConnectConfig_OfAnotherUpgrade_IsRefusedByField() => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        ConfigRejectedException rejected = Assert.Throws<ConfigRejectedException>(
            () => Serve(bench, static route => route.Route_.UpgradeConfigs[0].UpgradeType = "websocket"));
        Assert.EndsWith("upgrade_configs[0].connect_config", rejected.Field);
        return Task.CompletedTask;
    });

    private static long Gauge(ProxyBench bench, string name)
    {
        int dot = name.LastIndexOf('.');
        return bench.Stats.Value(bench.Stats.Scope(name[..dot]).Gauge(name[(dot + 1)..]));
    }

    private static Task Connect2Async(Http2Peer client, int id) =>
        client.HeadersAsync(id, end: false, (":method", "CONNECT"), (":authority", "db:5432"));

    private static async Task<(Http2Peer Client, TestClient Server)> Open2Async(ProxyBench bench, TestUpstream upstream, int id)
    {
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await Connect2Async(client, id);
        TestClient server = await upstream.AcceptAsync();
        (int answered, bool end, Dictionary<string, string> fields) = await client.ReadHeadersAsync();
        Assert.Equal((id, false, "200"), (answered, end, fields[":status"]));
        return (client, server);
    }

    private static void Serve(ProxyBench bench, Action<Route>? configureRoute = null) => bench.Serve(
        static hcm => hcm.Http2ProtocolOptions = new Http2ProtocolOptions { AllowConnect = true },
        route =>
        {
            route.Match = new RouteMatch { ConnectMatcher = new RouteMatch.Types.ConnectMatcher() };
            route.Route_.UpgradeConfigs.Add(new UpgradeConfig { UpgradeType = "CONNECT", ConnectConfig = new UpgradeConfig.Types.ConnectConfig() });
            configureRoute?.Invoke(route);
        });

    private static void Run(Func<ProxyBench, TestUpstream, Task> body, Action<Route>? configureRoute = null) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        Serve(bench, configureRoute);
        await body(bench, upstream);
    });
}
