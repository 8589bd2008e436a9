using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http2;

/// <summary>Clients that speak HTTP/2 with prior knowledge, upstreams that speak HTTP/1.1.</summary>
public sealed class DownstreamTests
{
    [Fact]
    public void Request_ToHttp1Upstream_IsForwardedAndAnswered() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.HeadersAsync(1, end: false, (":method", "POST"), (":scheme", "http"), (":path", "/x?y"), (":authority", "host.example"),
            ("cookie", "a=1"), ("x-one", "1"), ("cookie", "b=2"), ("te", "trailers"));
        await client.DataAsync(1, "hello ", end: false);
        await client.DataAsync(1, "world", end: true);
        TestClient server = await upstream.AcceptAsync();
        string head = await server.ReadHeadAsync();
        Assert.StartsWith("POST /x?y HTTP/1.1\r\nhost: host.example\r\n", head);
        Assert.Contains("cookie: a=1; b=2\r\n", head);
        Assert.Contains("transfer-encoding: chunked\r\n", head);
        Assert.Equal("b\r\nhello world\r\n0\r\n\r\n", await server.ReadUntilAsync("0\r\n\r\n"));
        await server.SendAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\nX-Two: 2\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
        (int id, bool end, Dictionary<string, string> fields) = await client.ReadHeadersAsync();
        Assert.Equal((1, false, "200", "2"), (id, end, fields[":status"], fields["x-two"]));
        Assert.DoesNotContain("connection", fields.Keys);
        Assert.DoesNotContain("transfer-encoding", fields.Keys);
        Assert.Equal("abc", await client.ReadBodyAsync());
        Assert.Equal("via_upstream", Assert.Single(bench.Recorded).Details);
        Assert.Equal(1, bench.Counter("http.test.downstream_rq_http2_total"));
        Assert.Equal(0, bench.Counter("http.test.downstream_cx_http1_total"));
    });

    [Fact]
    public void Bytes_OneAtATime_GiveTheSameRequest() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        var client = new Http2Peer(bench.Connect().Stream);
        byte[] request =
        [
            .. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. Http2Peer.Frame(FrameType.SETTINGS, FrameFlags.None, 0),
            .. Http2Peer.Frame(FrameType.HEADERS, FrameFlags.None, 1, client.Block((":method", "POST"), (":scheme", "http"))),
            .. Http2Peer.Frame(FrameType.CONTINUATION, FrameFlags.END_HEADERS, 1, client.Block((":path", "/"), (":authority", "a"))),
            .. Http2Peer.Frame(FrameType.DATA, FrameFlags.PADDED, 1, [2, (byte)'a', (byte)'b', 0, 0]),
            .. Http2Peer.Frame(FrameType.DATA, FrameFlags.END_STREAM, 1, [(byte)'c']),
        ];
        foreach (byte b in request)
        {
            await client.SendRawAsync([b]);
            await loop.YieldAsync();
        }

        TestClient server = await upstream.AcceptAsync();
        Assert.StartsWith("POST / HTTP/1.1\r\n", await server.ReadHeadAsync());
        string body = await server.ReadUntilAsync("0\r\n\r\n");
        Assert.Equal("abc", string.Concat(body.Where(char.IsAsciiLetter)));
        await server.SendAsync("HTTP/1.1 204 No Content\r\n\r\n");
        Assert.Equal("204", (await client.ReadHeadersAsync()).Fields[":status"]);
    });

    [Fact]
    public void Streams_AnsweredOutOfOrder_KeepTheirResponses() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.GetAsync(1, "/one");
        TestClient first = await upstream.AcceptAsync();
        Assert.StartsWith("GET /one ", await first.ReadHeadAsync());
        await client.GetAsync(3, "/two");
        TestClient second = await upstream.AcceptAsync();
        Assert.StartsWith("GET /two ", await second.ReadHeadAsync());
        await second.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        Assert.Equal(3, (await client.ReadHeadersAsync()).Id);
        await first.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        Assert.Equal(1, (await client.ReadHeadersAsync()).Id);
    });

    [Fact]
    public void Response_LargerThanTheWindow_WaitsForCredit() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.SettingsAsync((SettingId.INITIAL_WINDOW_SIZE, 10));
        await client.GetAsync(1);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz");
        await client.ReadHeadersAsync();
        Assert.Equal("abcdefghij", await client.ReadBodyAsync(10));
        await client.SendAsync(FrameType.WINDOW_UPDATE, FrameFlags.None, 1, Http2Peer.Number(5));
        Assert.Equal("klmno", await client.ReadBodyAsync(5));
        await client.SettingsAsync((SettingId.INITIAL_WINDOW_SIZE, 100));
        Assert.Equal("pqrstuvwxyz", await client.ReadBodyAsync());
        Assert.Equal("via_upstream", Assert.Single(bench.Recorded).Details);
    });

    [Fact]
    public void Client_ResetsStream_UpstreamIsReleased() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.GetAsync(1);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await client.SendAsync(FrameType.RST_STREAM, FrameFlags.None, 1, Http2Peer.Number((uint)Http2ErrorCode.CANCEL));
        Assert.Equal("", await server.ReadToEndAsync());
        RecordedStream record = Assert.Single(bench.Recorded);
        Assert.Equal(("http2.remote_reset", "DR"), (record.Details, record.Flags));
        await client.GetAsync(3);
        await (await upstream.AcceptAsync()).ReadHeadAsync();
    });

    [Fact]
    public void Upstream_EndsMidBody_StreamIsReset() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.GetAsync(1);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        await client.ReadHeadersAsync();
        server.Stream.Close();
        Assert.Equal(Http2ErrorCode.INTERNAL_ERROR, await client.ReadResetAsync());
    });

    [Fact]
    public void Trailers_OfRequestAndResponse_Pass() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.GetAsync(1, method: "POST", end: false);
        await client.DataAsync(1, "x", end: false);
        await client.HeadersAsync(1, end: true, ("x-sum", "7"));
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        Assert.Contains("x-sum: 7\r\n", await server.ReadUntilAsync("\r\n\r\n"));
        await server.SendAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\ny\r\n0\r\nX-End: 9\r\n\r\n");
        await client.ReadHeadersAsync();
        (_, bool end, Dictionary<string, string> fields) = await client.ReadHeadersAsync();
        Assert.True(end);
        Assert.Equal("9", fields["x-end"]);
    });

    [Fact]
    public void Drain_Started_TwoGoAwaysAndTheRequestIsServed()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            ProxyBench bench = Serve(loop, upstream);
            var client = new Http2Peer(bench.Connect().Stream);
            await client.StartClientAsync();
            await client.GetAsync(1);
            TestClient server = await upstream.AcceptAsync();
            await server.ReadHeadAsync();
            bench.StartDrain();
            Assert.Equal((int.MaxValue, Http2ErrorCode.NO_ERROR), await client.ReadGoAwayAsync());
            clock.Advance(TimeSpan.FromMilliseconds(5001));
            Assert.Equal((1, Http2ErrorCode.NO_ERROR), await client.ReadGoAwayAsync());
            await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            Assert.Equal("200", (await client.ReadHeadersAsync()).Fields[":status"]);
            await client.ReadToEndAsync();
            await Transport.TestPeers.UntilAsync(loop, () => bench.AllConnectionsFinished);
        });
    }

    private static ProxyBench Serve(Pilotfish.Runtime.Loops.EventLoop loop, TestUpstream upstream)
    {
        var bench = new ProxyBench(loop);
        bench.AddTrailerCluster("backend", upstream.Address);
        bench.Serve();
        return bench;
    }
}
