using Envoy.Config.Overload.V3;
using Envoy.Extensions.ResourceMonitors.FixedHeap.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Overload;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Testing;
using LoadShedPoint = Pilotfish.Proxy.Overload.LoadShedPoint;
using Message = Envoy.Config.Overload.V3.OverloadManager;

namespace Pilotfish.Proxy.Tests.Overload;

/// <summary>Each action and load-shed point by Envoy's name: what it sets, and the statistics that there are for it.</summary>
public sealed class OverloadNameTests
{
    public static TheoryData<string, Func<OverloadState, OverloadLevel>> Actions => new()
    {
        { "stop_accepting_requests", state => state.StopAcceptingRequests },
        { "stop_accepting_connections", state => state.StopAcceptingConnections },
        { "reject_incoming_connections", state => state.RejectIncomingConnections },
        { "disable_http_keepalive", state => state.DisableHttpKeepAlive },
        { "reduce_timeouts", state => state.ReduceTimeouts },
        { "shrink_heap", state => state.ShrinkHeap },
        { "close_idle_http_connections", state => state.CloseIdleHttpConnections },
        { "reset_high_memory_stream", state => state.ResetHighMemoryStream },
    };

    public static TheoryData<string, Func<OverloadState, LoadShedPoint>> Points => new()
    {
        { "tcp_listener_accept", state => state.TcpListenerAccept },
        { "hcm_ondata_creating_codec", state => state.HcmCodecCreation },
        { "http_connection_manager_decode_headers", state => state.HcmDecodeHeaders },
        { "http1_server_abort_dispatch", state => state.Http1ServerAbortDispatch },
        { "http2_server_go_away_on_dispatch", state => state.Http2ServerGoAwayOnDispatch },
        { "http2_server_go_away_and_close_on_dispatch", state => state.Http2ServerGoAwayAndCloseOnDispatch },
        { "http_downstream_filter_check", state => state.HttpDownstreamFilterCheck },
        { "connection_pool_new_connection", state => state.ConnectionPoolNewConnection },
    };

    [Theory]
    [MemberData(nameof(Actions))]
    public void Action_SetsItsLevel_AndHasItsStatistics(string action, Func<OverloadState, OverloadLevel> level)
    {
        string name = "envoy.overload_actions." + action;
        var timers = new ScaleTimersOverloadActionConfig
        {
            TimerScaleFactors =
            {
                new ScaleTimersOverloadActionConfig.Types.ScaleTimer
                {
                    Timer = ScaleTimersOverloadActionConfig.Types.TimerType.HttpDownstreamConnectionIdle,
                    MinTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(1)),
                },
            },
        };
        Press(
            new Message
            {
                Actions =
                {
                    new OverloadAction { Name = name, Triggers = { Half() }, TypedConfig = action == "reduce_timeouts" ? Any.Pack(timers) : null },
                },
                BufferFactoryConfig = action == "reset_high_memory_stream" ? new() { MinimumAccountToTrackPowerOfTwo = 20 } : null,
            },
            (fixture, state) =>
            {
                Assert.Equal(0.5, level(state).Value, 3);
                Assert.Equal(["active", "scale_percent"], Leaves(fixture, name));
                Assert.Equal(50, fixture.Gauge($"overload.{name}.scale_percent"));
                Assert.Equal(0, fixture.Gauge($"overload.{name}.active"));
            });
    }

    [Theory]
    [MemberData(nameof(Points))]
    public void Point_SetsItsLevel_AndHasItsStatistics(string point, Func<OverloadState, LoadShedPoint> found)
    {
        string name = "envoy.load_shed_points." + point;
        Press(
            new Message { LoadshedPoints = { new Envoy.Config.Overload.V3.LoadShedPoint { Name = name, Triggers = { Half() } } } },
            (fixture, state) =>
            {
                Assert.Equal(0.5, found(state).Level.Value, 3);
                Assert.Equal(["scale_percent", "shed_load_count"], Leaves(fixture, name));
                Assert.Equal(50, fixture.Gauge($"overload.{name}.scale_percent"));
            });
    }

    [Fact]
    public void Monitor_HasItsStatistics() => Press(
        new Message(), (fixture, _) => Assert.Equal(["failed_updates", "pressure", "skipped_updates"], Leaves(fixture, "heap")));

    [Fact]
    public void FixedHeap_IsTheResidentShareOfItsMaximum()
    {
        Assert.Equal(0.25, new HeapMonitor(1000, static () => 250).ReadPressure());
        Assert.Null(new HeapMonitor(1000, static () => null).ReadPressure());
    }

    [Fact]
    public void ShrinkHeap_WaitsTenSecondsBetweenTwo()
    {
        var shrinker = new HeapShrinker();
        Assert.True(shrinker.IsDue(0));
        shrinker.Shrink(5);
        Assert.False(shrinker.IsDue(10_004));
        Assert.True(shrinker.IsDue(10_005));
    }

    // Pressure of 0.85 between 0.8 and 0.9.
    private static void Press(Message message, Action<TransportFixture, OverloadState> body) => LoopRunner.Run(loop =>
    {
        message.ResourceMonitors.Add(new Envoy.Config.Overload.V3.ResourceMonitor
        {
            Name = "heap",
            TypedConfig = Any.Pack(new FixedHeapConfig { MaxHeapSizeBytes = 1 }),
        });
        var fixture = new TransportFixture(loop);
        OverloadPlan plan = new OverloadCompiler(fixture.Context, ConnectionLimits.None).Compile(message);
        plan.Monitors[0] = plan.Monitors[0] with { Monitor = new HeapMonitor(100, static () => 85) };
        using var refresher = new OverloadRefresher(plan, fixture.Workers, fixture.Stats.Main, static () => { }, static _ => { });
        refresher.Start();
        body(fixture, fixture.Context.Overload);
        return Task.CompletedTask;
    });

    private static Trigger Half() => new()
    {
        Name = "heap",
        Scaled = new ScaledTrigger { ScalingThreshold = 0.8, SaturationThreshold = 0.9 },
    };

    private static string[] Leaves(TransportFixture fixture, string name) =>
        [.. fixture.Stats.Entries().Where(entry => entry.Scope.Prefix == "overload." + name).Select(static entry => entry.Leaf).Order(StringComparer.Ordinal)];
}
