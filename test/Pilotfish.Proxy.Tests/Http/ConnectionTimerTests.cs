using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using HttpProtocolOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>Timers of connections on either side: what their settings change.</summary>
public sealed class ConnectionTimerTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    [Theory]
    [InlineData(300, 1)]
    [InlineData(0, 0)]
    public void DelayedCloseTimeout_IsWhatAClientHasThatStillSends(int milliseconds, int counted) => WithClock(async (loop, clock) =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(hcm => hcm.DelayedCloseTimeout = Milliseconds(milliseconds));
        TestClient client = bench.Connect();
        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
        Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
        await TurnsAsync(loop);
        Assert.Equal(counted == 0, bench.AllConnectionsFinished);
        clock.AdvanceMilliseconds(299);
        await TurnsAsync(loop);
        Assert.Equal(counted == 0, bench.AllConnectionsFinished);
        clock.AdvanceMilliseconds(2);
        await Transport.TestPeers.UntilAsync(loop, () => bench.AllConnectionsFinished);
        Assert.Equal(counted, bench.Counter("http.test.downstream_cx_delayed_close_timeout"));
    });

    // The last response is longer than what the client takes at once: its time begins anew with every piece.
    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 1)]
    public void DelayedClose_WaitsForAClientThatTakesItsResponse(bool reads, int counted) => WithClock(async (loop, clock) =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(static hcm =>
        {
            hcm.CommonHttpProtocolOptions = new() { MaxRequestsPerConnection = 1 };
            hcm.DelayedCloseTimeout = Milliseconds(300);
        });
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: 600000\r\n\r\n{new string('x', 600_000)}");
        await Transport.TestPeers.UntilAsync(loop, () => bench.Logged.Count == 1);
        for (int taken = 0; taken < 500_000; taken += 100_000)
        {
            if (reads)
            {
                await client.ReadBytesAsync(100_000);
                await TurnsAsync(loop);
            }

            clock.AdvanceMilliseconds(299);
            await TurnsAsync(loop);
        }

        if (reads)
        {
            await client.ReadToEndAsync();
        }

        await Transport.TestPeers.UntilAsync(loop, () => bench.AllConnectionsFinished);
        Assert.Equal(counted, bench.Counter("http.test.downstream_cx_delayed_close_timeout"));
    });

    [Fact]
    public void DrainTimeout_LiesBetweenTheTwoGoAways() => WithClock(async (loop, clock) =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(static hcm =>
        {
            hcm.CommonHttpProtocolOptions = new() { MaxConnectionDuration = Milliseconds(100) };
            hcm.DrainTimeout = Milliseconds(2000);
        });
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.GetAsync(1);
        await client.ReadHeadersAsync();
        clock.AdvanceMilliseconds(101);
        Assert.Equal((int.MaxValue, Http2ErrorCode.NO_ERROR), await client.ReadGoAwayAsync());
        Task<(int, Http2ErrorCode)> second = client.ReadGoAwayAsync();
        clock.AdvanceMilliseconds(1998);
        await TurnsAsync(loop);
        Assert.False(second.IsCompleted);
        clock.AdvanceMilliseconds(3);
        Assert.Equal((1, Http2ErrorCode.NO_ERROR), await second);
    });

    // A request that is on its way when the time is over is served, as the last one; without one the connection ends after drain_timeout.
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void IdleTimeout_DrainsBeforeItCloses(bool http2, bool late) => WithClock(async (loop, clock) =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(static hcm =>
        {
            hcm.CommonHttpProtocolOptions = new() { IdleTimeout = Milliseconds(1000) };
            hcm.DrainTimeout = Milliseconds(500);
        });
        TestClient client = bench.Connect();
        var peer = new Http2Peer(client.Stream);
        if (http2)
        {
            await peer.StartClientAsync();
            await peer.GetAsync(1);
            await peer.ReadHeadersAsync();
        }
        else
        {
            await client.SendAsync(Get);
            Assert.DoesNotContain("connection: close", await client.ReadHeadAsync());
        }

        clock.AdvanceMilliseconds(1001);
        await Transport.TestPeers.UntilAsync(loop, () => bench.Counter("http.test.downstream_cx_idle_timeout") == 1);
        Assert.False(bench.AllConnectionsFinished);
        if (late && http2)
        {
            Assert.Equal(int.MaxValue, (await peer.ReadGoAwayAsync()).LastStream);
            await peer.GetAsync(3);
            Assert.Equal(3, (await peer.ReadHeadersAsync()).Id);
        }
        else if (late)
        {
            await client.SendAsync(Get);
            Assert.Contains("connection: close\r\n", await client.ReadHeadAsync());
        }

        clock.AdvanceMilliseconds(501);
        await Transport.TestPeers.UntilAsync(loop, () => bench.AllConnectionsFinished);
    });

    [Fact]
    public void IdleTimeout_OfAClientThatSaidNothing_ClosesAtOnce() => WithClock(async (loop, clock) =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(static hcm => hcm.CommonHttpProtocolOptions = new() { IdleTimeout = Milliseconds(1000) });
        TestClient client = bench.Connect();
        clock.AdvanceMilliseconds(1001);
        Assert.Equal("", await client.ReadToEndAsync());
        Assert.Equal(1, bench.Counter("http.test.downstream_cx_idle_timeout"));
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void UpstreamIdleTimeout_ClosesConnectionsThatNobodyUses(bool http2) => WithClock(async (loop, clock) =>
    {
        using var upstream = new TestUpstream(loop);
        var options = new HttpProtocolOptions
        {
            CommonHttpProtocolOptions = new Envoy.Config.Core.V3.HttpProtocolOptions { IdleTimeout = Milliseconds(500) },
            ExplicitHttpConfig = new(),
        };
        if (http2)
        {
            options.ExplicitHttpConfig.Http2ProtocolOptions = new();
        }
        else
        {
            options.ExplicitHttpConfig.HttpProtocolOptions = new();
        }

        var bench = new ProxyBench(loop);
        bench.AddHttpCluster("backend", options, upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        TestClient server = await upstream.AcceptAsync();
        var peer = new Http2Peer(server.Stream);
        if (http2)
        {
            await peer.StartServerAsync();
            await peer.ReadHeadersAsync();
            clock.AdvanceMilliseconds(2000);
            await peer.HeadersAsync(1, end: true, (":status", "204"));
        }
        else
        {
            await server.ReadHeadAsync();
            clock.AdvanceMilliseconds(2000);
            await server.SendAsync("HTTP/1.1 204 None\r\n\r\n");
        }

        // A request under way is no idleness, however long it takes.
        Assert.StartsWith("HTTP/1.1 204 ", await client.ReadHeadAsync());
        Assert.Equal(0, bench.Counter("cluster.backend.upstream_cx_idle_timeout"));
        clock.AdvanceMilliseconds(499);
        await TurnsAsync(loop);
        Assert.Equal(0, bench.Counter("cluster.backend.upstream_cx_idle_timeout"));
        clock.AdvanceMilliseconds(502);
        await Transport.TestPeers.UntilAsync(loop, () => bench.Counter("cluster.backend.upstream_cx_idle_timeout") == 1);
        await (http2 ? peer.ReadToEndAsync() : server.ReadToEndAsync());
    });

    private static Duration Milliseconds(int milliseconds) => Duration.FromTimeSpan(TimeSpan.FromMilliseconds(milliseconds));

    private static async Task TurnsAsync(EventLoop loop)
    {
        for (int turns = 0; turns < 50; turns++)
        {
            await loop.YieldAsync();
        }
    }

    private static void WithClock(Func<EventLoop, ManualLoopClock, Task> test)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, loop => test(loop, clock));
    }
}
