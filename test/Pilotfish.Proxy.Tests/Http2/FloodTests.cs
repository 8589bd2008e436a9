using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http2;

/// <summary>Clients that cost more than they give, each ended by its guard with the counter that Envoy has for it.</summary>
public sealed class FloodTests
{
    [Fact]
    public void RapidReset_IsCutOff() => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = ServeSlow(loop);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        for (int i = 0; i < 260; i++)
        {
            await client.GetAsync(1 + (2 * i));
            await client.SendAsync(FrameType.RST_STREAM, 0, 1 + (2 * i), Http2Peer.Number(8));
        }

        Assert.Equal(Http2ErrorCode.ENHANCE_YOUR_CALM, (await client.ReadGoAwayAsync()).Code);
        Assert.Equal(1, bench.Counter("http.test.downstream_rq_too_many_premature_resets"));
    });

    [Fact]
    public void Continuation_Endless_IsCutOff() => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = ServeSlow(loop);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.SendAsync(FrameType.HEADERS, FrameFlags.END_STREAM, 1, 0x82);
        for (int i = 0; i < 520; i++)
        {
            await client.SendAsync(FrameType.CONTINUATION, 0, 1, 0x86);
        }

        Assert.Equal(Http2ErrorCode.ENHANCE_YOUR_CALM, (await client.ReadGoAwayAsync()).Code);
    });

    [Fact]
    public void EmptyFrames_InARow_AreCutOff() => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = ServeSlow(loop);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.GetAsync(1, method: "POST", end: false);
        await client.DataAsync(1, "", end: false);
        await client.DataAsync(1, "", end: false);
        Assert.Equal(Http2ErrorCode.ENHANCE_YOUR_CALM, (await client.ReadGoAwayAsync()).Code);
        Assert.Equal(1, bench.Counter("http2.inbound_empty_frames_flood"));
        Assert.Equal("http2.inbound_empty_frames_flood", Assert.Single(bench.Recorded).Details);
    });

    [Fact]
    public void Priority_Flood_IsCutOff() => Flood(
        FrameType.PRIORITY, 101, 1, [0, 0, 0, 9, 5], "inbound_priority_frames_flood");

    [Fact]
    public void WindowUpdate_Flood_IsCutOff() => Flood(
        FrameType.WINDOW_UPDATE, 6, 0, [0, 0, 0, 1], "inbound_window_update_frames_flood");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Control_UnreadAnswers_AreCutOff(bool pings) => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = ServeSlow(loop);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        byte[] frame = pings ? Http2Peer.Frame(FrameType.PING, 0, 0, new byte[8]) : Http2Peer.Frame(FrameType.SETTINGS, 0, 0);

        // The peer never reads, so the pipe fills and answers pile up.
        byte[] many = new byte[frame.Length * 20_000];
        for (int i = 0; i < 20_000; i++)
        {
            frame.CopyTo(many, i * frame.Length);
        }

        await client.SendRawAsync(many);
        await Transport.TestPeers.UntilAsync(loop, () => bench.Counter("http2.outbound_control_flood") > 0);
        Assert.Equal(1, bench.Counter("http2.outbound_control_flood"));
    });

    /// <summary>Answers that nobody reads, of requests that are over: no stream limit bounds them.</summary>
    [Fact]
    public void Frames_UnreadAnswers_AreCutOff() => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = ServeSlow(loop, static hcm =>
        {
            hcm.RouteConfig.VirtualHosts.Clear();
            hcm.Http2ProtocolOptions = new() { MaxOutboundFrames = 50 };
        });
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        for (int id = 1; bench.Counter("http2.outbound_flood") == 0 && id < 100_000; id += 2)
        {
            await client.GetAsync(id);
            await loop.YieldAsync();
        }

        Assert.Equal(1, bench.Counter("http2.outbound_flood"));
        Assert.Equal(0, bench.Counter("http2.outbound_control_flood"));
    });

    [Fact]
    public void Streams_AboveTheLimit_AreRefused() => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = ServeSlow(loop, static hcm => hcm.Http2ProtocolOptions = new() { MaxConcurrentStreams = 2 });
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.GetAsync(1);
        await client.GetAsync(3);
        await client.GetAsync(5);
        Assert.Equal(Http2ErrorCode.REFUSED_STREAM, await client.ReadResetAsync());
        Assert.Equal(1, bench.Counter("http2.stream_refused_errors"));
    });

    [Fact]
    public void SlowDrip_ClientTakesNothing_StreamIsResetAfterTheIdleTimeout()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            bench.AddCluster("backend", upstream.Address);
            bench.Serve();
            var client = new Http2Peer(bench.Connect().Stream);
            await client.StartClientAsync();
            await client.SettingsAsync((SettingId.INITIAL_WINDOW_SIZE, 0));
            await client.GetAsync(1);
            TestClient server = await upstream.AcceptAsync();
            await server.ReadHeadAsync();
            await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow");
            await client.ReadHeadersAsync();
            await Transport.TestPeers.UntilAsync(loop, () => bench.Recorded.Count == 1);
            clock.Advance(TimeSpan.FromMilliseconds(300_001));
            Assert.Equal(Http2ErrorCode.INTERNAL_ERROR, await client.ReadResetAsync());
            Assert.Equal(1, bench.Counter("http2.tx_flush_timeout"));
        });
    }

    private static void Flood(FrameType type, int count, int id, byte[] payload, string counter) => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = ServeSlow(loop);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        for (int i = 0; i < count; i++)
        {
            await client.SendAsync(type, FrameFlags.None, id, payload);
        }

        Assert.Equal(Http2ErrorCode.ENHANCE_YOUR_CALM, (await client.ReadGoAwayAsync()).Code);
        Assert.Equal(1, bench.Counter("http2." + counter));
    });

    /// <summary>A proxy whose upstream accepts and never answers.</summary>
    private static ProxyBench ServeSlow(
        EventLoop loop, Action<Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager>? configure = null)
    {
        var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(configure);
        return bench;
    }
}
