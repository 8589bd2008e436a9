using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Upstreams.Http.V3;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Http2;

/// <summary>Upgrades to upstreams that speak HTTP/2 (RFC 8441): sent once the peer's SETTINGS allow them, refused in words otherwise.</summary>
public sealed class ExtendedConnectTests
{
    private const string Key = "dGhlIHNhbXBsZSBub25jZQ==";
    private const string Upgrade =
        $"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: {Key}\r\n\r\n";

    [Fact]
    public void Upgrade_WaitsForThePeersWord_OtherRequestsDoNot() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        TestClient client = bench.Connect();
        await client.SendAsync(Upgrade);
        var server = new Http2Peer((await upstream.AcceptAsync()).Stream);
        await bench.Connect().SendAsync("GET /plain HTTP/1.1\r\nHost: a\r\n\r\n");
        await server.ReadPrefaceAsync();
        Assert.Equal("/plain", (await server.ReadHeadersAsync()).Fields[":path"]);
        await server.SettingsAsync((SettingId.ENABLE_CONNECT_PROTOCOL, 1));
        (int id, bool end, Dictionary<string, string> fields) = await server.ReadHeadersAsync();
        Assert.Equal((3, false, "CONNECT", "websocket", "/chat"), (id, end, fields[":method"], fields[":protocol"], fields[":path"]));
        await server.HeadersAsync(3, end: false, (":status", "200"));
        Assert.StartsWith("HTTP/1.1 101 Switching Protocols\r\n", await client.ReadHeadAsync());
        Assert.Equal(1, bench.Counter("cluster.backend.upstream_cx_total"));
    });

    [Fact]
    public void PeerThatDoesNotAllowIt_IsNotAsked_AndTheClientIsTold() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        TestClient client = bench.Connect();
        await client.SendAsync(Upgrade);
        var server = new Http2Peer((await upstream.AcceptAsync()).Stream);
        await server.StartServerAsync();
        Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
        Assert.Contains("reset reason: local reset, transport failure reason: the upstream does not enable extended CONNECT",
            await client.ReadUntilAsync("CONNECT_PROTOCOL)"));
        Assert.Equal("LR", bench.Recorded[0].Flags);
        Assert.StartsWith("upstream_reset_before_response_started{local_reset|the_upstream_does_not_enable_extended_CONNECT", bench.Recorded[0].Details);

        // The connection is as good as before, and what is known of its peer needs no waiting.
        TestClient other = bench.Connect();
        await other.SendAsync(Upgrade);
        Assert.StartsWith("HTTP/1.1 503 ", await other.ReadHeadAsync());
        TestClient plain = bench.Connect();
        await plain.SendAsync("GET /plain HTTP/1.1\r\nHost: a\r\n\r\n");
        (int id, _, Dictionary<string, string> fields) = await server.ReadHeadersAsync();
        Assert.Equal((1, "/plain"), (id, fields[":path"]));
        await server.HeadersAsync(1, end: true, (":status", "204"));
        Assert.StartsWith("HTTP/1.1 204 ", await plain.ReadHeadAsync());
        Assert.Equal(1, bench.Counter("cluster.backend.upstream_cx_total"));
        Assert.Equal(0, bench.Stats.Value(bench.Stats.Scope("cluster.backend").Gauge("upstream_rq_pending_active")));
    });

    [Fact]
    public void PeerWithoutSettings_IsWaitedForNoLongerThanAConnect()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            ProxyBench bench = Serve(loop, upstream);
            TestClient client = bench.Connect();
            await client.SendAsync(Upgrade);
            var server = new Http2Peer((await upstream.AcceptAsync()).Stream);
            await server.ReadPrefaceAsync();
            clock.AdvanceMilliseconds(ProxyBench.ConnectTimeoutMilliseconds + 1);
            Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
            Assert.Contains("connection timeout, transport failure reason: the upstream sent no SETTINGS", await client.ReadUntilAsync("connect_timeout"));
            Assert.Equal("UF", bench.Recorded[0].Flags);
        });
    }

    [Fact]
    public void ClientThatLeavesWhileItWaits_IsForgotten() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        TestClient client = bench.Connect();
        await client.SendAsync(Upgrade);
        var server = new Http2Peer((await upstream.AcceptAsync()).Stream);
        await server.ReadPrefaceAsync();
        client.Stream.Close();
        while (bench.Recorded.Count == 0)
        {
            await loop.YieldAsync();
        }

        await server.SettingsAsync((SettingId.ENABLE_CONNECT_PROTOCOL, 1));
        await bench.Connect().SendAsync("GET /plain HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.Equal("/plain", (await server.ReadHeadersAsync()).Fields[":path"]);
        Assert.Equal(1, bench.Counter("cluster.backend.upstream_rq_cancelled"));
    });

    [Fact]
    public void FullConnection_UpgradesGetAnotherOne() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        await bench.Connect().SendAsync(Upgrade);
        var first = new Http2Peer((await upstream.AcceptAsync()).Stream);
        await first.StartServerAsync((SettingId.ENABLE_CONNECT_PROTOCOL, 1), (SettingId.MAX_CONCURRENT_STREAMS, 1));
        await first.ReadHeadersAsync();
        await bench.Connect().SendAsync(Upgrade);
        var second = new Http2Peer((await upstream.AcceptAsync()).Stream);
        await second.StartServerAsync((SettingId.ENABLE_CONNECT_PROTOCOL, 1));
        Assert.Equal("CONNECT", (await second.ReadHeadersAsync()).Fields[":method"]);
    });

    // Two proxies with HTTP/2 between them: what the client and the server see is HTTP/1.1 on both ends.
    [Fact]
    public void Http1Upgrade_OverHttp2_ArrivesAsHttp1Upgrade() => LoopRunner.Run(async loop =>
    {
        using var middle = new TestUpstream(loop);
        using var upstream = new TestUpstream(loop);
        ProxyBench near = Serve(loop, middle);
        var far = new ProxyBench(loop);
        far.AddCluster("backend", upstream.Address);
        far.Serve(static hcm =>
        {
            hcm.UpgradeConfigs.Add(WebSocket());
            hcm.Http2ProtocolOptions = new() { AllowConnect = true };
        });
        TestClient client = near.Connect();
        await client.SendAsync(Upgrade);
        far.Accept((await middle.AcceptAsync()).Stream);
        TestClient server = await upstream.AcceptAsync();
        string asked = await server.ReadHeadAsync();
        Assert.StartsWith("GET /chat HTTP/1.1\r\n", asked);
        Assert.Contains($"sec-websocket-key: {Key}\r\n", asked);
        await server.SendAsync(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello");
        string answer = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 101 Switching Protocols\r\n", answer);
        Assert.Contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", answer);
        Assert.Equal("hello", await client.ReadBytesAsync(5));
        await client.SendAsync("ping");
        Assert.Equal("ping", await server.ReadBytesAsync(4));
        await server.SendAsync("pong");
        server.Stream.Close();
        Assert.Equal("pong", await client.ReadToEndAsync());
    });

    private static HttpConnectionManager.Types.UpgradeConfig WebSocket() => new() { UpgradeType = "websocket" };

    private static ProxyBench Serve(EventLoop loop, TestUpstream upstream)
    {
        var bench = new ProxyBench(loop);
        bench.AddHttpCluster("backend", new HttpProtocolOptions { ExplicitHttpConfig = new() { Http2ProtocolOptions = new() } }, upstream.Address);
        bench.Serve(static hcm => hcm.UpgradeConfigs.Add(WebSocket()));
        return bench;
    }
}
