using Envoy.Config.Overload.V3;
using Envoy.Extensions.ResourceMonitors.CgroupMemory.V3;
using Envoy.Extensions.ResourceMonitors.DownstreamConnections.V3;
using Envoy.Extensions.ResourceMonitors.FixedHeap.V3;
using Envoy.Type.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Overload;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Testing;
using Message = Envoy.Config.Overload.V3.OverloadManager;

namespace Pilotfish.Proxy.Tests.Overload;

/// <summary>From pressure to levels, and what of the configuration is refused.</summary>
public sealed class OverloadManagerTests
{
    [Theory]
    [InlineData(0.9, 0.9, 0.899, 0)]
    [InlineData(0.9, 0.9, 0.9, 1)]
    [InlineData(0.8, 0.9, 0.8, 0)]
    [InlineData(0.8, 0.9, 0.85, 0.5)]
    [InlineData(0.8, 0.9, 2, 1)]
    [InlineData(0, 1, 0.25, 0.25)]
    public void Trigger_Pressure_BecomesALevel(double start, double saturation, double pressure, double level) =>
        Assert.Equal(level, new OverloadTrigger("m", start, saturation).Level(pressure), 6);

    [Fact]
    public void Level_HalfTriggered_StrikesAboutHalfTheTime()
    {
        var level = new OverloadLevel();
        var random = new Workers.WorkerRandom(3);
        Assert.False(level.Strikes(random));
        level.Set(0.5);
        int strikes = 0;
        for (int i = 0; i < 10_000; i++)
        {
            strikes += level.Strikes(random) ? 1 : 0;
        }

        Assert.InRange(strikes, 4700, 5300);
        level.Set(1);
        Assert.True(level.IsSaturated && level.Strikes(random));
    }

    [Fact]
    public void Refresh_HighestTriggerCounts_AndAFailedReadKeepsTheLastPressure()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var fixture = new TransportFixture(loop);
            var plan = new OverloadCompiler(fixture.Context, ConnectionLimits.None).Compile(Configuration());
            var heap = new ScriptedMonitor();
            plan.Monitors[0] = plan.Monitors[0] with { Monitor = heap };
            using var manager = new OverloadRefresher(plan, fixture.Workers, fixture.Stats.Main, static () => { }, static _ => { });
            OverloadState state = fixture.Context.Overload;
            heap.Pressure = 0.85;
            manager.Start();
            Assert.Equal(0.5, state.ReduceTimeouts.Value, 3);
            Assert.False(state.StopAcceptingRequests.IsActive);
            Assert.Equal(85, Gauge(fixture, "heap", "pressure"));
            Assert.Equal(50, Gauge(fixture, "envoy.overload_actions.reduce_timeouts", "scale_percent"));
            Assert.Equal(0, Gauge(fixture, "envoy.overload_actions.reduce_timeouts", "active"));

            heap.Pressure = 0.96;
            await NextAsync();
            Assert.True(state.StopAcceptingRequests.IsSaturated);
            Assert.True(state.TcpListenerAccept.Level.IsSaturated);
            Assert.Equal(1, Gauge(fixture, "envoy.overload_actions.stop_accepting_requests", "active"));

            heap.Pressure = null;
            await NextAsync();
            Assert.True(state.StopAcceptingRequests.IsSaturated);
            Assert.Equal(1, fixture.Stats.Value(fixture.Stats.Scope("overload.heap").Counter("failed_updates")));

            heap.Pressure = 0.1;
            await NextAsync();
            Assert.False(state.StopAcceptingRequests.IsActive || state.ReduceTimeouts.IsActive);

            async Task NextAsync()
            {
                clock.Advance(TimeSpan.FromSeconds(1.1));
                await loop.YieldAsync();
                await loop.YieldAsync();
            }
        });
    }

    [Fact]
    public void Scaled_TimeOut_ShrinksLinearlyToItsLeast()
    {
        var state = new OverloadState();
        state.SetTimer(ScaledTimerType.HttpDownstreamConnectionIdle, new TimerScale(2000, 0));
        state.SetTimer(ScaledTimerType.TransportSocketConnect, new TimerScale(-1, 0.1));
        Assert.Equal(10_000, state.Scaled(ScaledTimerType.HttpDownstreamConnectionIdle, 10_000));
        state.ReduceTimeouts.Set(0.5);
        Assert.Equal(6000, state.Scaled(ScaledTimerType.HttpDownstreamConnectionIdle, 10_000));
        Assert.Equal(1000, state.Scaled(ScaledTimerType.HttpDownstreamConnectionIdle, 1000));
        Assert.Equal(5500, state.Scaled(ScaledTimerType.TransportSocketConnect, 10_000));
        Assert.Equal(10_000, state.Scaled(ScaledTimerType.HttpDownstreamStreamIdle, 10_000));
        state.ReduceTimeouts.Set(1);
        Assert.Equal(2000, state.Scaled(ScaledTimerType.HttpDownstreamConnectionIdle, 10_000));
    }

    [Fact]
    public void ScaledTimer_PressureRisesAfterItWasArmed_FiresEarlier()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var state = new OverloadState();
            state.SetTimer(ScaledTimerType.HttpDownstreamConnectionIdle, new TimerScale(2000, 0));
            int fired = 0;
            var timer = new ScaledTimer(loop, ScaledTimerType.HttpDownstreamConnectionIdle, _ => fired++, null);
            timer.Schedule(state, 3_600_000);
            await PassAsync(10);
            Assert.Equal(0, fired);
            state.ReduceTimeouts.Set(1);
            await PassAsync(3);
            Assert.Equal(1, fired);
            Assert.False(timer.IsScheduled);

            async Task PassAsync(int seconds)
            {
                for (int i = 0; i < seconds * 4; i++)
                {
                    clock.Advance(TimeSpan.FromSeconds(0.25));
                    await loop.YieldAsync();
                }
            }
        });
    }

    public static TheoryData<string, Action<Message>, string> Wrong => new()
    {
        { "unknown action", m => m.Actions.Add(new OverloadAction { Name = "envoy.overload_actions.fly" }), "Unknown overload action" },
        { "unknown point", m => m.LoadshedPoints.Add(new Envoy.Config.Overload.V3.LoadShedPoint { Name = "x" }), "Unknown load shed point x" },
        { "unknown resource", m => m.Actions[0].Triggers[0].Name = "other", "Unknown trigger resource other" },
        { "same monitor twice", m => m.ResourceMonitors.Add(m.ResourceMonitors[0]), "Duplicate resource monitor heap" },
        { "bounds the wrong way", m => m.Actions[0].Triggers[0] = Scaled("heap", 0.9, 0.8), "must be less than saturation_threshold" },
        { "no heap size", m => m.ResourceMonitors[0].TypedConfig = Any.Pack(new FixedHeapConfig()), "not above 0" },
        { "unknown monitor", m => m.ResourceMonitors[0].TypedConfig = Any.Pack(new Duration()), "does not have" },
        { "no trigger kind", m => m.Actions[0].Triggers[0] = new Trigger { Name = "heap" }, "threshold or scaled" },
        { "same action twice", m => m.Actions.Add(m.Actions[0]), "Duplicate action envoy.overload_actions.stop_accepting_requests" },
        { "same point twice", m => m.LoadshedPoints.Add(m.LoadshedPoints[0]), "Duplicate load shed point envoy.load_shed_points.tcp_listener_accept" },
        { "same resource twice", m => m.Actions[0].Triggers.Add(m.Actions[0].Triggers[0]), "actions[0].triggers[1].name: Duplicate trigger resource heap" },
        { "no triggers", m => m.LoadshedPoints[0].Triggers.Clear(), "loadshed_points[0].triggers" },
        { "threshold above one", m => m.Actions[0].Triggers[0].Threshold.Value = 1.1, "not between 0 and 1" },
        { "bound below zero", m => m.Actions[1].Triggers[0] = Scaled("heap", -0.1, 0.8), "not between 0 and 1" },
        { "config of an action without", m => m.Actions[0].TypedConfig = Any.Pack(new Empty()), "actions[0].typed_config" },
        { "same timer twice", m => m.Actions[1].TypedConfig = TimersTwice(), "two entries for timer type HttpDownstreamConnectionIdle" },
        { "timers without config", m => m.Actions[1].TypedConfig = null, "ScaleTimersOverloadActionConfig" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Configuration_Wrong_IsRejectedWithTheField(string label, Action<Message> spoil, string problem) => LoopRunner.Run(loop =>
    {
        Assert.NotEmpty(label);
        Message message = Configuration();
        spoil(message);
        var compiler = new OverloadCompiler(new TransportFixture(loop).Context, ConnectionLimits.None);
        ConfigRejectedException rejected = Assert.Throws<ConfigRejectedException>(() => compiler.Compile(message));
        Assert.Contains(problem, rejected.Message, StringComparison.Ordinal);
        Assert.Contains("overload_manager.", rejected.Message, StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Fact]
    public void ConnectionsMonitor_LowersTheGlobalLimit() => LoopRunner.Run(loop =>
    {
        var limits = ConnectionLimits.None;
        new OverloadCompiler(new TransportFixture(loop).Context, limits).Compile(new Message
        {
            ResourceMonitors =
            {
                new Envoy.Config.Overload.V3.ResourceMonitor
                {
                    Name = "envoy.resource_monitors.global_downstream_max_connections",
                    TypedConfig = Any.Pack(new DownstreamConnectionsConfig { MaxActiveDownstreamConnections = 1 }),
                },
            },
        });
        Assert.True(limits.Global.TryAcquire());
        Assert.False(limits.Global.TryAcquire());
        return Task.CompletedTask;
    });

    [Theory]
    [InlineData(1UL << 30, null)]
    [InlineData(0UL, "overload_manager.resource_monitors[0].typed_config.max_memory_bytes: 0 is not above 0")]
    public void CgroupMonitor_IsTakenFromTheBootstrap(ulong limit, string? refusal) => LoopRunner.Run(loop =>
    {
        var limits = ConnectionLimits.None;
        OverloadPlan Compile() => new OverloadCompiler(new TransportFixture(loop).Context, limits).Compile(new Message
        {
            ResourceMonitors =
            {
                new Envoy.Config.Overload.V3.ResourceMonitor
                {
                    Name = "envoy.resource_monitors.cgroup_memory",
                    TypedConfig = Any.Pack(new CgroupMemoryConfig { MaxMemoryBytes = limit }),
                },
            },
        });
        if (refusal is null)
        {
            Assert.IsType<CgroupMonitor>(Assert.Single(Compile().Monitors).Monitor);
        }
        else
        {
            Assert.Equal(refusal, Assert.Throws<ConfigRejectedException>(Compile).Message);
        }

        return Task.CompletedTask;
    });

    [Fact]
    public void Cgroup_VersionTwoAndOne_AreReadBelowAnyRoot()
    {
        DirectoryInfo root = Directory.CreateTempSubdirectory("pilotfish-cgroup");
        try
        {
            Assert.Null(ProcessMemory.ReadCgroup(root.FullName));
            Write("sys/fs/cgroup/memory/memory.usage_in_bytes", "300\n");
            Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
            Assert.Equal((300, null), ProcessMemory.ReadCgroup(root.FullName));
            Assert.Equal(0, new CgroupMonitor(null, root.FullName).ReadPressure());
            Write("proc/self/cgroup", "0::/pod\n");
            Write("sys/fs/cgroup/pod/memory.current", "500\n");
            Write("sys/fs/cgroup/pod/memory.max", "1000\n");
            Assert.Equal((500, 1000), ProcessMemory.ReadCgroup(root.FullName));
            Assert.Equal(0.5, new CgroupMonitor(null, root.FullName).ReadPressure());
            Assert.Equal(0.625, new CgroupMonitor(800, root.FullName).ReadPressure());
            Write("sys/fs/cgroup/pod/memory.max", "max\n");
            Assert.Equal((500, null), ProcessMemory.ReadCgroup(root.FullName));
            Assert.InRange(ProcessMemory.ResidentBytes()!.Value, 1 << 20, 1L << 40);
        }
        finally
        {
            root.Delete(recursive: true);
        }

        void Write(string path, string text)
        {
            string full = Path.Combine(root.FullName, path);
            Directory.CreateDirectory(Path.GetDirectoryName(full)!);
            File.WriteAllText(full, text);
        }
    }

    private static long Gauge(TransportFixture fixture, string of, string name) =>
        fixture.Stats.Value(fixture.Stats.Scope("overload." + of).Gauge(name));

    private static Trigger Scaled(string monitor, double from, double to) => new()
    {
        Name = monitor, Scaled = new ScaledTrigger { ScalingThreshold = from, SaturationThreshold = to },
    };

    private static Message Configuration() => new()
    {
        ResourceMonitors =
        {
            new Envoy.Config.Overload.V3.ResourceMonitor
            {
                Name = "heap", TypedConfig = Any.Pack(new FixedHeapConfig { MaxHeapSizeBytes = 1UL << 40 }),
            },
        },
        Actions =
        {
            new OverloadAction
            {
                Name = "envoy.overload_actions.stop_accepting_requests",
                Triggers = { new Trigger { Name = "heap", Threshold = new ThresholdTrigger { Value = 0.95 } } },
            },
            new OverloadAction
            {
                Name = "envoy.overload_actions.reduce_timeouts",
                Triggers = { Scaled("heap", 0.8, 0.9) },
                TypedConfig = Any.Pack(new ScaleTimersOverloadActionConfig
                {
                    TimerScaleFactors =
                    {
                        new ScaleTimersOverloadActionConfig.Types.ScaleTimer
                        {
                            Timer = ScaleTimersOverloadActionConfig.Types.TimerType.HttpDownstreamConnectionIdle,
                            MinScale = new Percent { Value = 10 },
                        },
                    },
                }),
            },
        },
        LoadshedPoints =
        {
            new Envoy.Config.Overload.V3.LoadShedPoint
            {
                Name = "envoy.load_shed_points.tcp_listener_accept",
                Triggers = { new Trigger { Name = "heap", Threshold = new ThresholdTrigger { Value = 0.9 } } },
            },
        },
    };

    private static Any TimersTwice()
    {
        var timer = new ScaleTimersOverloadActionConfig.Types.ScaleTimer
        {
            Timer = ScaleTimersOverloadActionConfig.Types.TimerType.HttpDownstreamConnectionIdle,
            MinTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(1)),
        };
        return Any.Pack(new ScaleTimersOverloadActionConfig { TimerScaleFactors = { timer, timer.Clone() } });
    }

    private sealed class ScriptedMonitor : Proxy.Overload.ResourceMonitor
    {
        public double? Pressure { get; set; }

        public override double? ReadPressure() => Pressure;
    }
}
