using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Upstreams.Http.V3;
using Pilotfish.Proxy.Http2;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http2;

/// <summary>Upstreams that speak HTTP/2, behind clients of both versions.</summary>
public sealed class UpstreamTests
{
    private const string Get = "GET /p HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nCookie: x=1\r\n\r\n";

    [Fact]
    public void Http1Client_Http2Upstream_SemanticsArePreserved() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream, configure: static hcm => hcm.Proxy100Continue = true);
        TestClient client = bench.Connect();
        await client.SendAsync("POST /p?q HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
        Http2Peer server = await AcceptAsync(upstream);
        (int id, bool end, Dictionary<string, string> fields) = await server.ReadHeadersAsync();
        Assert.Equal((1, false), (id, end));
        Assert.Equal(("POST", "/p?q", "a", "http"), (fields[":method"], fields[":path"], fields[":authority"], fields[":scheme"]));
        Assert.DoesNotContain(fields.Keys, static name => name is "connection" or "x-hop" or "transfer-encoding" or "host");
        Assert.Equal("abc", await server.ReadBodyAsync());
        await server.HeadersAsync(1, end: false, (":status", "100"));
        await server.HeadersAsync(1, end: false, (":status", "200"), ("content-length", "2"));
        await server.DataAsync(1, "ok", end: true);
        Assert.StartsWith("HTTP/1.1 100 Continue\r\n", await client.ReadHeadAsync());
        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", head);
        Assert.Contains("content-length: 2\r\n", head);
        Assert.Equal("ok", await client.ReadBytesAsync(2));
        Assert.Equal("via_upstream", Assert.Single(bench.Recorded).Details);
        Assert.Equal(1, bench.Counter("cluster.backend.upstream_cx_http2_total"));
        Assert.Equal(0, bench.Counter("cluster.backend.upstream_rq_active"));
    });

    [Fact]
    public void Http2Client_Http2Upstream_StreamsShareOneConnection() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.GetAsync(1, "/one");
        await client.GetAsync(3, "/two");
        Http2Peer server = await AcceptAsync(upstream);
        Assert.Equal("/one", (await server.ReadHeadersAsync()).Fields[":path"]);
        Assert.Equal("/two", (await server.ReadHeadersAsync()).Fields[":path"]);
        await server.HeadersAsync(3, end: false, (":status", "200"));
        await server.DataAsync(3, "2", end: false);
        await server.HeadersAsync(3, end: true, ("grpc-status", "0"));
        Assert.Equal(3, (await client.ReadHeadersAsync()).Id);
        Assert.Equal("2", await client.ReadBodyAsync(1));
        (int id, bool end, Dictionary<string, string> trailers) = await client.ReadHeadersAsync();
        Assert.Equal((3, true, "0"), (id, end, trailers["grpc-status"]));
        await server.HeadersAsync(1, end: true, (":status", "204"));
        Assert.Equal(1, (await client.ReadHeadersAsync()).Id);
        Assert.Equal(1, bench.Counter("cluster.backend.upstream_cx_total"));
    });

    // The byte too much and the window that makes room for it come in one turn: the client must be read again.
    [Fact]
    public void Upload_BlockedAndFreedWithinOneTurn_ArrivesWhole() => LoopRunner.Run(async loop =>
    {
        const int Bytes = 2_000_000;
        const int Window = 65_535;
        const int Held = Window + Http2Limits.StreamPendingBytesHigh - 1000;
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        TestClient client = bench.Connect();
        await client.SendAsync($"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: {Bytes}\r\n\r\n");
        Http2Peer server = await AcceptAsync(upstream);
        await server.ReadHeadersAsync();
        await client.SendAsync(new string('x', Held));
        int received = (await server.ReadBodyAsync(Window)).Length;
        for (int i = 0; i < 20; i++)
        {
            await loop.YieldAsync();
        }

        Task sending = client.SendAsync(new string('x', Bytes - Held));
        byte[] room = Http2Peer.Number(2 * Bytes);
        await server.SendRawAsync([
            .. Http2Peer.Frame(FrameType.WINDOW_UPDATE, 0, 0, room), .. Http2Peer.Frame(FrameType.WINDOW_UPDATE, 0, 1, room)]);
        received += (await server.ReadBodyAsync()).Length;
        Assert.Equal(Bytes, received);
        await sending;
        await server.HeadersAsync(1, end: true, (":status", "204"));
        Assert.StartsWith("HTTP/1.1 204 ", await client.ReadHeadAsync());
    });

    [Fact]
    public void MaxConcurrentStreams_OfTheUpstream_OpensAnother() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.GetAsync(1);
        Http2Peer first = await AcceptAsync(upstream, (SettingId.MAX_CONCURRENT_STREAMS, 1));
        await first.ReadSettingsAckAsync();
        await client.GetAsync(3);
        Http2Peer second = await AcceptAsync(upstream, (SettingId.MAX_CONCURRENT_STREAMS, 1));
        await second.ReadHeadersAsync();
        Assert.Equal(2, bench.Counter("cluster.backend.upstream_cx_total"));
    });

    [Fact]
    public void RefusedStream_IsRetried() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream, "refused-stream");
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        Http2Peer server = await AcceptAsync(upstream);
        await server.ReadHeadersAsync();
        await server.SendAsync(FrameType.RST_STREAM, 0, 1, Http2Peer.Number((uint)Http2ErrorCode.REFUSED_STREAM));
        Assert.Equal(3, (await server.ReadHeadersAsync()).Id);
        await server.HeadersAsync(3, end: true, (":status", "200"));
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
        Assert.Equal(2, Assert.Single(bench.Recorded).Attempts);
    });

    [Fact]
    public void GoAway_StreamsAboveTheLast_AreRetriedOnANewConnection() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream, "refused-stream");
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        Http2Peer server = await AcceptAsync(upstream);
        await server.ReadHeadersAsync();
        await server.SendAsync(FrameType.GOAWAY, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        Http2Peer second = await AcceptAsync(upstream);
        await second.ReadHeadersAsync();
        await second.HeadersAsync(1, end: true, (":status", "200"));
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
        Assert.Equal(1, bench.Counter("cluster.backend.upstream_cx_close_notify"));
    });

    [Fact]
    public void Reset_ByUpstream_503Ur() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        Http2Peer server = await AcceptAsync(upstream);
        await server.ReadHeadersAsync();
        await server.SendAsync(FrameType.RST_STREAM, 0, 1, Http2Peer.Number((uint)Http2ErrorCode.INTERNAL_ERROR));
        Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
        RecordedStream record = Assert.Single(bench.Recorded);
        Assert.Equal(("UR", "upstream_reset_before_response_started{remote_reset}"), (record.Flags, record.Details));
    });

    [Fact]
    public void Response_Malformed_502Upe() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        Http2Peer server = await AcceptAsync(upstream);
        await server.ReadHeadersAsync();
        await server.HeadersAsync(1, end: true, (":status", "200"), ("connection", "close"));
        Assert.StartsWith("HTTP/1.1 502 ", await client.ReadHeadAsync());
        Assert.Equal("UPE", Assert.Single(bench.Recorded).Flags);
    });

    [Fact]
    public void Upstream_ClosesWithStreamsOpen_503Uc() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        Http2Peer server = await AcceptAsync(upstream);
        await server.ReadHeadersAsync();
        server.Stream.Close();
        Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
        Assert.Equal("UC", Assert.Single(bench.Recorded).Flags);
    });

    [Fact]
    public void Body_LargerThanTheUpstreamsWindow_PausesTheClientAndArrivesWhole() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        TestClient client = bench.Connect();
        string body = new('b', 3_000_000);
        _ = client.SendAsync($"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {body.Length}\r\n\r\n{body}");
        Http2Peer server = await AcceptAsync(upstream);
        await server.ReadHeadersAsync();
        await Transport.TestPeers.UntilAsync(loop, () => bench.Counter("http.test.downstream_flow_control_paused_reading_total") > 0);
        int got = 0;
        while (got < body.Length)
        {
            (FrameHeader header, byte[] payload) = await server.ReadAsync(FrameType.DATA);
            got += payload.Length;
            Assert.Equal(got == body.Length, header.Has(FrameFlags.END_STREAM));
            await server.SendAsync(FrameType.WINDOW_UPDATE, 0, 0, Http2Peer.Number((uint)payload.Length));
            await server.SendAsync(FrameType.WINDOW_UPDATE, 0, 1, Http2Peer.Number((uint)payload.Length));
        }

        await server.HeadersAsync(1, end: true, (":status", "200"));
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
    });

    [Fact]
    public void WebSocket_Http1ToHttp2_IsExtendedConnect() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream, configure: static hcm => hcm.UpgradeConfigs.Add(WebSocket()));
        TestClient client = bench.Connect();
        await client.SendAsync("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
        Http2Peer server = await AcceptAsync(upstream, (SettingId.ENABLE_CONNECT_PROTOCOL, 1));
        (_, bool end, Dictionary<string, string> fields) = await server.ReadHeadersAsync();
        Assert.False(end);
        Assert.Equal(("CONNECT", "websocket", "/chat"), (fields[":method"], fields[":protocol"], fields[":path"]));
        await server.HeadersAsync(1, end: false, (":status", "200"));
        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 101 Switching Protocols\r\n", head);
        Assert.Contains("upgrade: websocket\r\n", head);
        Assert.Contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", head);
        await client.SendAsync("ping");
        Assert.Equal("ping", await server.ReadBodyAsync(4));
        await server.DataAsync(1, "pong", end: false);
        Assert.Equal("pong", await client.ReadBytesAsync(4));
    });

    [Fact]
    public void WebSocket_Http2ToHttp1_IsAnUpgrade() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(static hcm =>
        {
            hcm.UpgradeConfigs.Add(WebSocket());
            hcm.Http2ProtocolOptions = new() { AllowConnect = true };
        });
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.HeadersAsync(1, end: false, (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/chat"), (":authority", "a"));
        TestClient server = await upstream.AcceptAsync();
        string head = await server.ReadHeadAsync();
        Assert.StartsWith("GET /chat HTTP/1.1\r\n", head);
        Assert.Contains("upgrade: websocket\r\n", head);
        Assert.Contains("connection: upgrade\r\n", head);
        Assert.Contains("sec-websocket-key: ", head);
        await server.SendAsync("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n");
        (_, bool end, Dictionary<string, string> fields) = await client.ReadHeadersAsync();
        Assert.Equal((false, "200"), (end, fields[":status"]));
        Assert.DoesNotContain(fields.Keys, static name => name is "upgrade" or "connection" or "sec-websocket-accept");
        await client.DataAsync(1, "ping", end: false);
        Assert.Equal("ping", await server.ReadBytesAsync(4));
        await server.SendAsync("pong");
        Assert.Equal("pong", await client.ReadBodyAsync(4));
    });

    private static HttpConnectionManager.Types.UpgradeConfig WebSocket() => new() { UpgradeType = "websocket" };

    private static async Task<Http2Peer> AcceptAsync(TestUpstream upstream, params (SettingId, uint)[] settings)
    {
        var server = new Http2Peer((await upstream.AcceptAsync()).Stream);
        await server.StartServerAsync(settings);
        return server;
    }

    private static ProxyBench Serve(
        EventLoop loop, TestUpstream upstream, string? retryOn = null, Action<HttpConnectionManager>? configure = null)
    {
        var bench = new ProxyBench(loop);
        bench.AddHttpCluster("backend", new HttpProtocolOptions { ExplicitHttpConfig = new() { Http2ProtocolOptions = new() } }, upstream.Address);
        bench.Serve(configure, route =>
        {
            if (retryOn is not null)
            {
                route.Route_.RetryPolicy = new RetryPolicy { RetryOn = retryOn };
            }
        });
        return bench;
    }
}
