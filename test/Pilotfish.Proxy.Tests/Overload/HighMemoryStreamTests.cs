using Envoy.Config.Overload.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.ResourceMonitors.FixedHeap.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Overload;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using Message = Envoy.Config.Overload.V3.OverloadManager;

namespace Pilotfish.Proxy.Tests.Overload;

/// <summary>reset_high_memory_stream: which streams it chooses, and what becomes of them.</summary>
public sealed class HighMemoryStreamTests
{
    private const int Power = 15;
    private const string Action = "envoy.overload_actions.reset_high_memory_stream";

    [Theory]
    [InlineData((1 << 14) - 1, -1)]
    [InlineData(1 << 14, 0)]
    [InlineData((1 << 15) - 1, 0)]
    [InlineData(1 << 15, 1)]
    [InlineData(1 << 20, 6)]
    [InlineData(1 << 21, 7)]
    [InlineData(long.MaxValue, 7)]
    public void Class_IsThePowerOfTwoAboveTheLeast(long bytes, int index) => Assert.Equal(index, new HighMemoryStreams(Power).ClassOf(bytes));

    /// <summary>One stream per class, from 16 KB doubling to 2 MB: how many are ended.</summary>
    [Theory]
    [InlineData(0.01, 1)]
    [InlineData(0.12, 1)]
    [InlineData(0.13, 2)]
    [InlineData(0.5, 5)]
    [InlineData(0.99, 8)]
    [InlineData(1, 8)]
    public void Level_TakesMoreClassesAsItGrows_LargestFirst(double level, int ended)
    {
        var ends = new List<long>();
        var streams = new HighMemoryStreams(Power);
        for (int index = 0; index < HighMemoryStreams.Classes; index++)
        {
            streams.Offer(new Holder(1L << (Power - 1 + index), ends));
        }

        streams.Offer(new Holder(100, ends));
        Assert.Equal(ended, streams.Reset(level));
        var expected = new List<long>();
        for (int i = 0; i < ended; i++)
        {
            expected.Add(1L << (Power - 1 + HighMemoryStreams.Classes - 1 - i));
        }

        Assert.Equal(expected, ends);
    }

    [Fact]
    public void Run_EndsFiftyAtMost_TheLargest()
    {
        var ends = new List<long>();
        var streams = new HighMemoryStreams(Power);
        for (int i = 0; i < 80; i++)
        {
            streams.Offer(new Holder((1 << 20) + i, ends));
        }

        Assert.Equal(HighMemoryStreams.ResetsMax, streams.Reset(1));
        Assert.Equal((1 << 20) + 79, ends[0]);
        Assert.Equal((1 << 20) + 30, ends[^1]);
    }

    [Fact]
    public void BodyThatTheClientDoesNotTake_IsWhatCounts_TheStreamAloneEnds() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.SendAsync(FrameType.WINDOW_UPDATE, FrameFlags.None, 0, Http2Peer.Number(1 << 20));
        await client.GetAsync(1, "/large");
        TestClient large = await upstream.AcceptAsync();
        await large.ReadHeadAsync();
        await client.GetAsync(3, "/small");
        TestClient small = await upstream.AcceptAsync();
        await small.ReadHeadAsync();
        await large.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{new string('x', 200_000)}");
        await small.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab");
        Assert.Equal(1, (await client.ReadHeadersAsync()).Id);
        Assert.Equal(3, (await client.ReadHeadersAsync()).Id);
        await TurnsAsync(loop);

        // Nothing is reset while nothing is short.
        Assert.Equal(0, Reset(bench, 0.01));
        Assert.Equal(1, Reset(bench, 0.7));
        Assert.Equal(Http2ErrorCode.INTERNAL_ERROR, await client.ReadResetAsync());
        Assert.Equal("", await large.ReadToEndAsync());
        RecordedStream record = Assert.Single(bench.Recorded);
        Assert.Equal(("OM", "overload"), (record.Flags, record.Details));
        Assert.Equal(1, bench.Counter("http.test.downstream_rq_rx_reset"));
        Assert.Equal(0, Reset(bench, 1));
        await small.SendAsync("c");
        Assert.Contains("c", await client.ReadBodyAsync(1));
    });

    [Fact]
    public void BodyThatTheUpstreamDoesNotTake_Counts() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(configureRoute: static route => route.Route_.RetryPolicy = new RetryPolicy { RetryOn = "5xx" });
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.GetAsync(1, "/upload", "POST", end: false);
        TestClient server = await upstream.AcceptAsync();
        for (int i = 0; i < 4; i++)
        {
            await client.DataAsync(1, new string('x', 15_000), end: false);
        }

        await server.ReadHeadAsync();
        await TurnsAsync(loop);

        // Kept for a retry: 60,000 bytes in a buffer of 64 KB, class 2 of 8.
        Assert.Equal(0, Reset(bench, 0.6));
        Assert.Equal(1, Reset(bench, 0.7));
        Assert.Equal("OM", Assert.Single(bench.Recorded).Flags);
        Assert.Equal(1, bench.Counter("cluster.backend.upstream_rq_tx_reset"));
    });

    [Fact]
    public void Refresh_WhileActive_AsksForAReset_AndCountsUnderEnvoysName() => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        Message message = Configuration();
        message.BufferFactoryConfig = new BufferFactoryConfig { MinimumAccountToTrackPowerOfTwo = 20 };
        OverloadPlan plan = new OverloadCompiler(fixture.Context, ConnectionLimits.None).Compile(message);
        var heap = new ScriptedMonitor { Pressure = 0.85 };
        plan.Monitors[0] = plan.Monitors[0] with { Monitor = heap };
        var asked = new List<HighMemoryReset>();
        using var manager = new OverloadRefresher(plan, fixture.Workers, fixture.Stats.Main, static () => { }, asked.Add);
        manager.Start();
        HighMemoryReset reset = Assert.Single(asked);
        Assert.Equal(20, reset.Power);
        Assert.Equal(0.5, reset.Level, 3);
        fixture.Stats.Main.Add(reset.Count, 3);
        Assert.Equal(3, fixture.Counter(Action + ".count"));
        Assert.Equal(50, fixture.Gauge($"overload.{Action}.scale_percent"));
        return Task.CompletedTask;
    });

    [Fact]
    public void Action_WithoutTrackedSizes_IsRefusedByField() => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        ConfigRejectedException refused = Assert.Throws<ConfigRejectedException>(
            () => new OverloadCompiler(fixture.Context, ConnectionLimits.None).Compile(Configuration()));
        Assert.Equal($"overload_manager.actions[0].name: overload action '{Action}' requires buffer_factory_config", refused.Message);
        return Task.CompletedTask;
    });

    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    [InlineData(57)]
    public void Power_OutOfRange_IsRefusedByField(uint power) => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        Message message = Configuration();
        message.BufferFactoryConfig = new BufferFactoryConfig { MinimumAccountToTrackPowerOfTwo = power };
        ConfigRejectedException refused = Assert.Throws<ConfigRejectedException>(
            () => new OverloadCompiler(fixture.Context, ConnectionLimits.None).Compile(message));
        Assert.Equal(
            $"overload_manager.buffer_factory_config.minimum_account_to_track_power_of_two: {power} is not between 10 and 56", refused.Message);
        return Task.CompletedTask;
    });

    private static Message Configuration() => new()
    {
        ResourceMonitors =
        {
            new Envoy.Config.Overload.V3.ResourceMonitor
            {
                Name = "heap", TypedConfig = Any.Pack(new FixedHeapConfig { MaxHeapSizeBytes = 1 << 30 }),
            },
        },
        Actions =
        {
            new OverloadAction
            {
                Name = Action,
                Triggers =
                {
                    new Trigger { Name = "heap", Scaled = new ScaledTrigger { ScalingThreshold = 0.8, SaturationThreshold = 0.9 } },
                },
            },
        },
    };

    // What a worker does when the main loop asks for it.
    private static int Reset(ProxyBench bench, double level)
    {
        var streams = new HighMemoryStreams(Power);
        bench.OfferStreams(streams);
        return streams.Reset(level);
    }

    private static async Task TurnsAsync(EventLoop loop)
    {
        for (int turns = 0; turns < 100; turns++)
        {
            await loop.YieldAsync();
        }
    }

    private sealed class Holder(long bytes, List<long> ends) : IMemoryHolder
    {
        public long BufferedBytes => bytes;

        public void EndForMemory() => ends.Add(bytes);
    }

    private sealed class ScriptedMonitor : Pilotfish.Proxy.Overload.ResourceMonitor
    {
        public double? Pressure { get; set; }

        public override double? ReadPressure() => Pressure;
    }
}
