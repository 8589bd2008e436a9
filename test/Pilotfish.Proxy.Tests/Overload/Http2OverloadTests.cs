using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Overload;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Overload;

/// <summary>Connections that speak HTTP/2 under pressure: their timers end at their least, and they are told to go.</summary>
public sealed class Http2OverloadTests
{
    private const int Least = 2000;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void IdleConnection_EndsSooner(bool pressed) => Run(ScaledTimerType.HttpDownstreamConnectionIdle, pressed, async scene =>
    {
        Task end = scene.Client.ReadToEndAsync();
        await scene.PassAsync(4 * Least);
        Assert.Equal(pressed, end.IsCompleted);
        Assert.Equal(pressed ? 1 : 0, scene.Bench.Counter("http.test.downstream_cx_idle_timeout"));
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void OldConnection_DrainsSooner(bool pressed) => Run(ScaledTimerType.HttpDownstreamConnectionMax, pressed, async scene =>
    {
        await scene.PassAsync(4 * Least);
        Assert.Equal(pressed ? 1 : 0, scene.Bench.Counter("http.test.downstream_cx_max_duration_reached"));
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ResponseThatIsNotTaken_IsDroppedSooner(bool pressed) => Run(ScaledTimerType.HttpDownstreamStreamFlush, pressed, async scene =>
    {
        await scene.Client.SettingsAsync((SettingId.INITIAL_WINDOW_SIZE, 0));
        await scene.Client.GetAsync(1);
        TestClient server = await scene.Upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow");
        await Transport.TestPeers.UntilAsync(scene.Loop, () => scene.Bench.Recorded.Count == 1);
        await scene.PassAsync(4 * Least);
        Assert.Equal(pressed ? 1 : 0, scene.Bench.Counter("http2.tx_flush_timeout"));
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void RequestWithoutAnAnswer_IsGivenUpSooner(bool pressed) => Run(ScaledTimerType.HttpDownstreamStreamIdle, pressed, async scene =>
    {
        await scene.Client.GetAsync(1);
        TestClient server = await scene.Upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await scene.PassAsync(4 * Least);
        Assert.Equal(pressed ? 1 : 0, scene.Bench.Counter("http.test.downstream_rq_idle_timeout"));
    });

    // The load-shed points before frames are looked at; what is under way goes on in the milder case.
    [Fact]
    public void GoAwayOnDispatch_TellsTheClientToGo_ServesWhatItHas() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        (ProxyBench bench, Http2Peer client, TestClient server) = await AskAsync(loop, upstream);
        bench.Context.Overload.Http2ServerGoAwayOnDispatch.Level.Set(1);
        await client.SendAsync(FrameType.PING, FrameFlags.None, 0, new byte[8]);
        Assert.Equal((int.MaxValue, Http2ErrorCode.NO_ERROR), await client.ReadGoAwayAsync());
        await server.SendAsync("HTTP/1.1 204 None\r\n\r\n");
        Assert.Equal("204", (await client.ReadHeadersAsync()).Fields[":status"]);
    });

    [Fact]
    public void GoAwayAndCloseOnDispatch_EndsTheConnection() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        (ProxyBench bench, Http2Peer client, TestClient server) = await AskAsync(loop, upstream);
        bench.Context.Overload.Http2ServerGoAwayAndCloseOnDispatch.Level.Set(1);
        await client.SendAsync(FrameType.PING, FrameFlags.None, 0, new byte[8]);
        Assert.Equal(1, (await client.ReadGoAwayAsync()).LastStream);
        await client.ReadToEndAsync();
        Assert.Equal("", await server.ReadToEndAsync());
        Assert.Equal(1, bench.Counter("http.test.downstream_rq_overload_close"));
    });

    [Fact]
    public void DisableHttpKeepAlive_DrainsWithTheResponse() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        (ProxyBench bench, Http2Peer client, TestClient server) = await AskAsync(loop, upstream);
        bench.Context.Overload.DisableHttpKeepAlive.Set(1);
        await server.SendAsync("HTTP/1.1 204 None\r\n\r\n");
        Assert.Equal((int.MaxValue, Http2ErrorCode.NO_ERROR), await client.ReadGoAwayAsync());
        Assert.Equal("204", (await client.ReadHeadersAsync()).Fields[":status"]);
        Assert.Equal(1, bench.Counter("http.test.downstream_cx_overload_disable_keepalive"));
    });

    private static async Task<(ProxyBench Bench, Http2Peer Client, TestClient Server)> AskAsync(EventLoop loop, TestUpstream upstream)
    {
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.GetAsync(1);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        return (bench, client, server);
    }

    private static void Run(ScaledTimerType type, bool pressed, Func<Scene, Task> body)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            bench.AddCluster("backend", upstream.Address);
            OverloadState overload = bench.Context.Overload;
            overload.SetTimer(type, new TimerScale(Least, 0));
            bench.Serve(static hcm => hcm.CommonHttpProtocolOptions = new()
            {
                IdleTimeout = Duration.FromTimeSpan(TimeSpan.FromHours(1)),
                MaxConnectionDuration = Duration.FromTimeSpan(TimeSpan.FromHours(2)),
            });
            var scene = new Scene(loop, clock, bench, upstream);
            await scene.Client.StartClientAsync();
            await scene.PassAsync(10);
            overload.ReduceTimeouts.Set(pressed ? 1 : 0);
            await body(scene);
        });
    }

    private sealed class Scene(EventLoop loop, ManualLoopClock clock, ProxyBench bench, TestUpstream upstream)
    {
        public EventLoop Loop => loop;

        public ProxyBench Bench => bench;

        public TestUpstream Upstream => upstream;

        public Http2Peer Client { get; } = new(bench.Connect().Stream);

        public async Task PassAsync(int milliseconds)
        {
            for (int passed = 0; passed < milliseconds; passed += 250)
            {
                clock.AdvanceMilliseconds(250);
                for (int turns = 0; turns < 20; turns++)
                {
                    await loop.YieldAsync();
                }
            }
        }
    }
}
