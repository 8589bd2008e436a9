using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Overload;

/// <summary>The bootstrap's overload_manager, compiled.</summary>
internal sealed class OverloadPlan
{
    public const long DefaultRefreshMilliseconds = 1000;

    public required OverloadState State { get; init; }

    public long RefreshMilliseconds { get; init; } = DefaultRefreshMilliseconds;

    /// <summary>minimum_account_to_track_power_of_two; 0 = streams are not measured.</summary>
    public int TrackedPower { get; init; }

    /// <summary>`envoy.overload_actions.reset_high_memory_stream.count`.</summary>
    public Counter StreamsReset { get; set; }

    /// <summary>`overload.refresh_interval_delay`: milliseconds from one refresh to the next.</summary>
    public Histogram RefreshDelay { get; init; }

    public List<MonitorEntry> Monitors { get; } = [];

    public List<LevelEntry> Levels { get; } = [];

    /// <param name="Name">As triggers name it.</param>
    /// <param name="Monitor">Reads it.</param>
    /// <param name="Pressure">`overload.NAME.pressure`, in per cent.</param>
    /// <param name="FailedUpdates">`overload.NAME.failed_updates`.</param>
    public sealed record MonitorEntry(string Name, ResourceMonitor Monitor, Gauge Pressure, Counter FailedUpdates);

    /// <param name="Name">Of the action or load-shed point.</param>
    /// <param name="Level">What is set.</param>
    /// <param name="Triggers">The highest counts.</param>
    /// <param name="Scale">`overload.NAME.scale_percent`.</param>
    /// <param name="Active">`overload.NAME.active`; load-shed points have none.</param>
    public sealed record LevelEntry(string Name, OverloadLevel Level, IReadOnlyList<OverloadTrigger> Triggers, Gauge Scale, Gauge? Active);
}
