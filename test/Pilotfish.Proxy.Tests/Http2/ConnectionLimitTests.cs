using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http2;

/// <summary>What bounds a client's connection and its heads, in both versions.</summary>
public sealed class ConnectionLimitTests
{
    [Fact]
    public void RequestHeadersTimeout_BlockLeftOpen_IsAnswered408AndTheConnectionLives() => WithClock(async (loop, clock) =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream, static hcm => hcm.RequestHeadersTimeout = Milliseconds(100));
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        byte[] block = client.Block((":method", "GET"), (":scheme", "http"), (":path", "/slow"), (":authority", "a"), ("x-kept", "in the table"));
        await client.SendAsync(FrameType.HEADERS, FrameFlags.END_STREAM, 1, block[..5]);
        await client.SendAsync(FrameType.CONTINUATION, FrameFlags.None, 1, block[5..9]);
        await loop.YieldAsync();
        clock.AdvanceMilliseconds(101);
        Assert.Equal("408", (await client.ReadHeadersAsync()).Fields[":status"]);
        Assert.Equal("request_header_timeout", Assert.Single(bench.Logged).Details);
        Assert.Equal(1, bench.Counter("http.test.downstream_rq_header_timeout"));

        // The rest of the block comes late: the decoder needs it, nobody else does.
        await client.SendAsync(FrameType.CONTINUATION, FrameFlags.END_HEADERS, 1, block[9..]);
        await client.HeadersAsync(3, end: true, (":method", "GET"), (":scheme", "http"), (":path", "/next"), (":authority", "a"), ("x-kept", "in the table"));
        TestClient server = await upstream.AcceptAsync();
        string head = await server.ReadHeadAsync();
        Assert.StartsWith("GET /next HTTP/1.1\r\n", head);
        Assert.Contains("x-kept: in the table\r\n", head);
    });

    [Fact]
    public void RequestHeadersTimeout_BlockThatIsComplete_NeverFires() => WithClock(async (loop, clock) =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream, static hcm => hcm.RequestHeadersTimeout = Milliseconds(100));
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        byte[] block = client.Block((":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"));
        await client.SendAsync(FrameType.HEADERS, FrameFlags.END_STREAM, 1, block[..3]);
        await client.SendAsync(FrameType.CONTINUATION, FrameFlags.END_HEADERS, 1, block[3..]);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        clock.AdvanceMilliseconds(500);
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        Assert.Equal("200", (await client.ReadHeadersAsync()).Fields[":status"]);
    });

    [Fact]
    public void MaxConnectionDuration_Http2_DrainsAndServesWhatIsUnderWay() => WithClock(async (loop, clock) =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream, static hcm => hcm.CommonHttpProtocolOptions = new() { MaxConnectionDuration = Milliseconds(1000) });
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.GetAsync(1);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        clock.AdvanceMilliseconds(1001);
        Assert.Equal((int.MaxValue, Http2ErrorCode.NO_ERROR), await client.ReadGoAwayAsync());
        clock.AdvanceMilliseconds(5001);
        Assert.Equal((1, Http2ErrorCode.NO_ERROR), await client.ReadGoAwayAsync());
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        Assert.Equal("200", (await client.ReadHeadersAsync()).Fields[":status"]);
        await client.ReadToEndAsync();
        Assert.Equal(1, bench.Counter("http.test.downstream_cx_max_duration_reached"));
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void MaxConnectionDuration_Http1_ClosesAfterTheResponseOrAfterTheDrainTimeWhenIdle(bool busy) => WithClock(async (loop, clock) =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream, static hcm => hcm.CommonHttpProtocolOptions = new() { MaxConnectionDuration = Milliseconds(1000) });
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        if (busy)
        {
            clock.AdvanceMilliseconds(1001);
            await loop.YieldAsync();
        }

        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        string head = await client.ReadHeadAsync();
        Assert.Equal(busy, head.Contains("connection: close\r\n", StringComparison.Ordinal));
        Assert.Equal("ok", await client.ReadBytesAsync(2));
        if (!busy)
        {
            clock.AdvanceMilliseconds(1001);
            await loop.YieldAsync();
            await loop.YieldAsync();
            Assert.False(bench.AllConnectionsFinished);
            clock.AdvanceMilliseconds(5001);
        }

        Assert.Equal("", await client.ReadToEndAsync());
        Assert.Equal(1, bench.Counter("http.test.downstream_cx_max_duration_reached"));
    });

    [Fact]
    public void MaxRequestsPerConnection_Http2_DrainsWithTheLast() => WithClock(async (loop, clock) =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream, static hcm => hcm.CommonHttpProtocolOptions = new() { MaxRequestsPerConnection = 2 });
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        for (int id = 1; id <= 3; id += 2)
        {
            await client.GetAsync(id);
            TestClient server = await upstream.AcceptAsync();
            await server.ReadHeadAsync();
            if (id == 3)
            {
                Assert.Equal((int.MaxValue, Http2ErrorCode.NO_ERROR), await client.ReadGoAwayAsync());
            }

            await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            Assert.Equal("200", (await client.ReadHeadersAsync()).Fields[":status"]);
        }

        clock.AdvanceMilliseconds(5001);
        Assert.Equal((3, Http2ErrorCode.NO_ERROR), await client.ReadGoAwayAsync());
        await client.ReadToEndAsync();
        Assert.Equal(1, bench.Counter("http.test.downstream_cx_max_requests_reached"));
    });

    [Fact]
    public void MaxRequestsPerConnection_Http1_ClosesWithTheLast() => WithClock(async (loop, _) =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream, static hcm => hcm.CommonHttpProtocolOptions = new() { MaxRequestsPerConnection = 2 });
        TestClient client = bench.Connect();
        for (int i = 1; i <= 2; i++)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            TestClient server = await upstream.AcceptAsync();
            await server.ReadHeadAsync();
            await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            Assert.Equal(i == 2, (await client.ReadHeadAsync()).Contains("connection: close\r\n", StringComparison.Ordinal));
        }

        Assert.Equal("", await client.ReadToEndAsync());
    });

    private static ProxyBench Serve(EventLoop loop, TestUpstream upstream, Action<HttpConnectionManager> configure)
    {
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(configure);
        return bench;
    }

    private static void WithClock(Func<EventLoop, ManualLoopClock, Task> body)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, loop => body(loop, clock));
    }

    private static Duration Milliseconds(int milliseconds) => Duration.FromTimeSpan(TimeSpan.FromMilliseconds(milliseconds));
}
