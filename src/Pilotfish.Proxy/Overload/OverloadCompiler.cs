using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Overload.V3;
using Envoy.Extensions.ResourceMonitors.CgroupMemory.V3;
using Envoy.Extensions.ResourceMonitors.CpuUtilization.V3;
using Envoy.Extensions.ResourceMonitors.DownstreamConnections.V3;
using Envoy.Extensions.ResourceMonitors.FixedHeap.V3;
using Envoy.Extensions.ResourceMonitors.InjectedResource.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Stats;
using Pilotfish.Runtime.Diagnostics;
using Message = Envoy.Config.Overload.V3.OverloadManager;

namespace Pilotfish.Proxy.Overload;

/// <summary>Compiles overload_manager of the bootstrap (envoy docs, configuration/operations/overload_manager). Main loop.</summary>
internal sealed class OverloadCompiler(CompileContext context, ConnectionLimits limits)
{
    private const string Actions = "envoy.overload_actions.";
    private const string Points = "envoy.load_shed_points.";
    private const string HeapType = "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig";
    private const string CgroupType = "envoy.extensions.resource_monitors.cgroup_memory.v3.CgroupMemoryConfig";
    private const string ConnectionsType = "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig";
    private const string CpuType = "envoy.extensions.resource_monitors.cpu_utilization.v3.CpuUtilizationConfig";
    private const string InjectedType = "envoy.extensions.resource_monitors.injected_resource.v3.InjectedResourceConfig";
    private const string SystemRoot = "/";

    public OverloadPlan Compile(Message? message)
    {
        var plan = new OverloadPlan
        {
            State = context.Overload,
            TrackedPower = TrackedPower(message?.BufferFactoryConfig),
            RefreshDelay = context.Stats.Scope("overload").Histogram("refresh_interval_delay"),
            RefreshMilliseconds = Math.Max(1, ProtoValues.Milliseconds(message?.RefreshInterval, OverloadPlan.DefaultRefreshMilliseconds)),
        };
        if (message is null)
        {
            return plan;
        }

        for (int i = 0; i < message.ResourceMonitors.Count; i++)
        {
            AddMonitor(plan, message.ResourceMonitors[i], $"overload_manager.resource_monitors[{i}]");
        }

        for (int i = 0; i < message.Actions.Count; i++)
        {
            AddAction(plan, message.Actions[i], $"overload_manager.actions[{i}]");
        }

        for (int i = 0; i < message.LoadshedPoints.Count; i++)
        {
            AddPoint(plan, message.LoadshedPoints[i], $"overload_manager.loadshed_points[{i}]");
        }

        return plan;
    }

    private void AddMonitor(OverloadPlan plan, Envoy.Config.Overload.V3.ResourceMonitor monitor, string field)
    {
        ExtensionConfig config = Config.ExtensionRegistry.Unwrap(monitor.TypedConfig ?? new(), field + ".typed_config");
        if (plan.Monitors.Exists(other => other.Name == monitor.Name))
        {
            throw new ConfigRejectedException(field + ".name", $"Duplicate resource monitor {monitor.Name}");
        }

        ResourceMonitor made = config.MessageName switch
        {
            HeapType => new HeapMonitor(AtLeastOne(
                config.Parse(FixedHeapConfig.Parser).MaxHeapSizeBytes, field + ".typed_config.max_heap_size_bytes")),
            CgroupType => new CgroupMonitor(CgroupLimit(config, field), SystemRoot),
            ConnectionsType => Connections(config, field),
            CpuType => Cpu(config, field),
            InjectedType => Injected(config, field),
            _ => throw new ConfigRejectedException(
                field, $"resource monitor '{monitor.Name}' has type '{config.MessageName}', which Pilotfish does not have"),
        };
        StatScope scope = context.Stats.Scope("overload." + monitor.Name);

        // One read is over before the next begins: none is ever skipped.
        scope.Counter("skipped_updates");
        plan.Monitors.Add(new OverloadPlan.MonitorEntry(monitor.Name, made, scope.Gauge("pressure"), scope.Counter("failed_updates")));
    }

    private CpuMonitor Cpu(ExtensionConfig config, string field)
    {
        CpuUtilizationConfig.Types.UtilizationComputeStrategy mode = config.Parse(CpuUtilizationConfig.Parser).Mode;
        Pilotfish.Runtime.Loops.EventLoop loop = context.Workers.MainLoop;
        return mode switch
        {
            CpuUtilizationConfig.Types.UtilizationComputeStrategy.Host => new CpuMonitor(static () => CpuTimes.OfHost(SystemRoot)),
            CpuUtilizationConfig.Types.UtilizationComputeStrategy.Container => new CpuMonitor(() => CpuTimes.OfContainer(SystemRoot, loop.NowNanoseconds)),
            _ => throw new ConfigRejectedException(field + ".typed_config.mode", $"{(int)mode} is neither HOST nor CONTAINER"),
        };
    }

    private static InjectedMonitor Injected(ExtensionConfig config, string field)
    {
        string path = config.Parse(InjectedResourceConfig.Parser).Filename;
        return path.Length > 0 ? new InjectedMonitor(path) : throw new ConfigRejectedException(field + ".typed_config.filename", "the path is missing");
    }

    private ConnectionsMonitor Connections(ExtensionConfig config, string field)
    {
        long max = config.Parse(DownstreamConnectionsConfig.Parser).MaxActiveDownstreamConnections;
        if (max <= 0)
        {
            throw new ConfigRejectedException(
                field + ".typed_config.max_active_downstream_connections", $"{max} is not above 0");
        }

        limits.Global.Lower(max);
        return new ConnectionsMonitor(limits.Global, max);
    }

    private void AddAction(OverloadPlan plan, OverloadAction action, string field)
    {
        OverloadState state = context.Overload;
        OverloadLevel level = action.Name switch
        {
            Actions + "stop_accepting_requests" => state.StopAcceptingRequests,
            Actions + "stop_accepting_connections" => state.StopAcceptingConnections,
            Actions + "reject_incoming_connections" => state.RejectIncomingConnections,
            Actions + "disable_http_keepalive" => state.DisableHttpKeepAlive,
            Actions + "reduce_timeouts" => state.ReduceTimeouts,
            Actions + "shrink_heap" => state.ShrinkHeap,
            Actions + "close_idle_http_connections" => state.CloseIdleHttpConnections,
            Actions + "reset_high_memory_stream" => state.ResetHighMemoryStream,
            _ => throw new ConfigRejectedException(field + ".name", $"Unknown overload action {action.Name}"),
        };
        RequireFirst(plan, action.Name, "action", field);
        if (action.TypedConfig is not null && level != state.ReduceTimeouts && level != state.ShrinkHeap && level != state.ResetHighMemoryStream)
        {
            throw new ConfigRejectedException(field + ".typed_config", $"'{action.Name}' takes no configuration");
        }

        if (level == state.ReduceTimeouts)
        {
            AddTimers(action, field + ".typed_config");
        }

        if (level == state.ResetHighMemoryStream)
        {
            // Without it no stream's memory is counted, and whoever configured the action would believe in a protection that is none.
            plan.StreamsReset = plan.TrackedPower > 0
                ? context.Stats.Scope(action.Name).Counter("count")
                : throw new ConfigRejectedException(field + ".name", $"overload action '{action.Name}' requires buffer_factory_config");
        }

        StatScope scope = context.Stats.Scope("overload." + action.Name);
        plan.Levels.Add(new OverloadPlan.LevelEntry(
            action.Name, level, Triggers(plan, action.Triggers, field), scope.Gauge("scale_percent"), scope.Gauge("active")));
    }

    private void AddPoint(OverloadPlan plan, Envoy.Config.Overload.V3.LoadShedPoint point, string field)
    {
        OverloadState state = context.Overload;
        LoadShedPoint found = point.Name switch
        {
            Points + "tcp_listener_accept" => state.TcpListenerAccept,
            Points + "hcm_ondata_creating_codec" => state.HcmCodecCreation,
            Points + "http_connection_manager_decode_headers" => state.HcmDecodeHeaders,
            Points + "http1_server_abort_dispatch" => state.Http1ServerAbortDispatch,
            Points + "http2_server_go_away_on_dispatch" => state.Http2ServerGoAwayOnDispatch,
            Points + "http2_server_go_away_and_close_on_dispatch" => state.Http2ServerGoAwayAndCloseOnDispatch,
            Points + "http_downstream_filter_check" => state.HttpDownstreamFilterCheck,
            Points + "connection_pool_new_connection" => state.ConnectionPoolNewConnection,
            _ => throw new ConfigRejectedException(field + ".name", $"Unknown load shed point {point.Name}"),
        };
        RequireFirst(plan, point.Name, "load shed point", field);
        StatScope scope = context.Stats.Scope("overload." + point.Name);
        found.Count(scope.Counter("shed_load_count"));
        plan.Levels.Add(new OverloadPlan.LevelEntry(
            point.Name, found.Level, Triggers(plan, point.Triggers, field), scope.Gauge("scale_percent"), null));
    }

    // Two of one name would set the same level by turns.
    private static void RequireFirst(OverloadPlan plan, string name, string kind, string field)
    {
        if (plan.Levels.Exists(other => other.Name == name))
        {
            throw new ConfigRejectedException(field + ".name", $"Duplicate {kind} {name}");
        }
    }

    private static int TrackedPower(BufferFactoryConfig? config) => config?.MinimumAccountToTrackPowerOfTwo switch
    {
        null => 0,
        >= HighMemoryStreams.PowerMin and <= HighMemoryStreams.PowerMax and var power => (int)power,
        var power => throw new ConfigRejectedException("overload_manager.buffer_factory_config.minimum_account_to_track_power_of_two",
            $"{power} is not between {HighMemoryStreams.PowerMin} and {HighMemoryStreams.PowerMax}"),
    };

    private void AddTimers(OverloadAction action, string field)
    {
        ScaleTimersOverloadActionConfig config = action.TypedConfig is { } any && any.TryUnpack(out ScaleTimersOverloadActionConfig scale)
            ? scale
            : throw new ConfigRejectedException(field, "reduce_timeouts needs a ScaleTimersOverloadActionConfig");
        var known = new HashSet<ScaledTimerType>();
        foreach (ScaleTimersOverloadActionConfig.Types.ScaleTimer timer in config.TimerScaleFactors)
        {
            if (timer.Timer is ScaleTimersOverloadActionConfig.Types.TimerType.Unspecified
                || (int)timer.Timer > (int)ScaledTimerType.HttpDownstreamStreamFlush)
            {
                throw new ConfigRejectedException(field + ".timer_scale_factors", $"{(int)timer.Timer} is no timer type");
            }

            if (!known.Add((ScaledTimerType)timer.Timer))
            {
                throw new ConfigRejectedException(field + ".timer_scale_factors", $"two entries for timer type {(ScaledTimerType)timer.Timer}");
            }

            context.Overload.SetTimer((ScaledTimerType)timer.Timer, timer.MinTimeout is not null
                ? new TimerScale(ProtoValues.Milliseconds(timer.MinTimeout, 0), 0)
                : new TimerScale(-1, (timer.MinScale?.Value ?? 0) / 100));
        }
    }

    private static List<OverloadTrigger> Triggers(OverloadPlan plan, IReadOnlyList<Trigger> triggers, string field)
    {
        if (triggers.Count == 0)
        {
            throw new ConfigRejectedException(field + ".triggers", "nothing would ever trigger it");
        }

        var compiled = new List<OverloadTrigger>();
        for (int i = 0; i < triggers.Count; i++)
        {
            Trigger trigger = triggers[i];
            string at = $"{field}.triggers[{i}]";
            if (!plan.Monitors.Exists(monitor => monitor.Name == trigger.Name))
            {
                throw new ConfigRejectedException(at + ".name", $"Unknown trigger resource {trigger.Name}");
            }

            if (compiled.Exists(other => other.Monitor == trigger.Name))
            {
                throw new ConfigRejectedException(at + ".name", $"Duplicate trigger resource {trigger.Name}");
            }

            OverloadTrigger made = trigger.TriggerOneofCase switch
            {
                Trigger.TriggerOneofOneofCase.Threshold => new OverloadTrigger(trigger.Name, trigger.Threshold.Value, trigger.Threshold.Value),
                Trigger.TriggerOneofOneofCase.Scaled => new OverloadTrigger(
                    trigger.Name, trigger.Scaled.ScalingThreshold, trigger.Scaled.SaturationThreshold),
                _ => throw new ConfigRejectedException(at, "a trigger states threshold or scaled"),
            };
            if (made is not { Start: >= 0 and <= 1, Saturation: >= 0 and <= 1 })
            {
                throw new ConfigRejectedException(at, "a threshold is not between 0 and 1");
            }

            if (made.Start > made.Saturation
                || (made.Start >= made.Saturation && trigger.TriggerOneofCase == Trigger.TriggerOneofOneofCase.Scaled))
            {
                throw new ConfigRejectedException(at + ".scaled", "scaling_threshold must be less than saturation_threshold");
            }

            compiled.Add(made);
        }

        return compiled;
    }

    private static long AtLeastOne(ulong value, string field) => value is > 0 and <= long.MaxValue
        ? (long)value
        : throw new ConfigRejectedException(field, $"{value} is not above 0");

    private static long? CgroupLimit(ExtensionConfig config, string field) =>
        config.Parse(CgroupMemoryConfig.Parser).MaxMemoryBytes is { } bytes
            ? AtLeastOne(bytes, field + ".typed_config.max_memory_bytes")
            : null;
}
