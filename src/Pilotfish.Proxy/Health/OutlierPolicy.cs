using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Health;

/// <summary>Outlier detection as configured; defaults are Envoy's. "Enforcing" is the percent chance that a detection ejects.</summary>
public sealed record OutlierPolicy
{
    private const string Prefix = "outlier_detection.";

    // A century in milliseconds: longer is the same to a timer, and multiples of it still fit.
    private const ulong TimeMax = 100UL * 366 * 24 * 3600 * 1000;

    public long IntervalMilliseconds { get; init; } = 10_000;
    public long BaseEjectionMilliseconds { get; init; } = 30_000;
    public long EjectionMaxMilliseconds { get; init; } = 300_000;
    public long EjectionJitterMilliseconds { get; init; }
    public uint EjectionPercentMax { get; init; } = 10;
    public bool AlwaysEjectOneHost { get; init; }
    public uint Consecutive5xx { get; init; } = 5;
    public uint Enforcing5xx { get; init; } = 100;
    public uint ConsecutiveGatewayFailure { get; init; } = 5;
    public uint EnforcingGatewayFailure { get; init; }
    public bool SplitsLocalOrigin { get; init; }
    public uint ConsecutiveLocalOriginFailure { get; init; } = 5;
    public uint EnforcingLocalOriginFailure { get; init; } = 100;
    public uint SuccessRateHostsMin { get; init; } = 5;
    public uint SuccessRateVolumeMin { get; init; } = 100;
    public uint SuccessRateStdevFactor { get; init; } = 1900;
    public uint EnforcingSuccessRate { get; init; } = 100;
    public uint EnforcingLocalOriginSuccessRate { get; init; } = 100;
    public uint FailurePercentageThreshold { get; init; } = 85;
    public uint FailurePercentageHostsMin { get; init; } = 5;
    public uint FailurePercentageVolumeMin { get; init; } = 50;
    public uint EnforcingFailurePercentage { get; init; }
    public uint EnforcingFailurePercentageLocalOrigin { get; init; }

    /// <summary>A passed active check takes an ejected host back.</summary>
    public bool ActiveCheckUnejects { get; init; } = true;

    /// <summary>
    /// With what the runtime says under `outlier_detection.` in place of what is configured (envoy docs, cluster_manager/cluster_runtime).
    /// </summary>
    public OutlierPolicy With(RuntimeValues runtime) => this with
    {
        IntervalMilliseconds = Math.Max(1, Time(runtime, "interval_ms", IntervalMilliseconds)),
        BaseEjectionMilliseconds = Time(runtime, "base_ejection_time_ms", BaseEjectionMilliseconds),
        EjectionMaxMilliseconds = Time(runtime, "max_ejection_time_ms", EjectionMaxMilliseconds),
        EjectionJitterMilliseconds = Time(runtime, "max_ejection_time_jitter_ms", EjectionJitterMilliseconds),
        EjectionPercentMax = Count(runtime, "max_ejection_percent", EjectionPercentMax),
        Consecutive5xx = Count(runtime, "consecutive_5xx", Consecutive5xx),
        Enforcing5xx = Count(runtime, "enforcing_consecutive_5xx", Enforcing5xx),
        ConsecutiveGatewayFailure = Count(runtime, "consecutive_gateway_failure", ConsecutiveGatewayFailure),
        EnforcingGatewayFailure = Count(runtime, "enforcing_consecutive_gateway_failure", EnforcingGatewayFailure),
        ConsecutiveLocalOriginFailure = Count(runtime, "consecutive_local_origin_failure", ConsecutiveLocalOriginFailure),
        EnforcingLocalOriginFailure = Count(runtime, "enforcing_consecutive_local_origin_failure", EnforcingLocalOriginFailure),
        SuccessRateHostsMin = Count(runtime, "success_rate_minimum_hosts", SuccessRateHostsMin),
        SuccessRateVolumeMin = Count(runtime, "success_rate_request_volume", SuccessRateVolumeMin),
        SuccessRateStdevFactor = Count(runtime, "success_rate_stdev_factor", SuccessRateStdevFactor),
        EnforcingSuccessRate = Count(runtime, "enforcing_success_rate", EnforcingSuccessRate),
        EnforcingLocalOriginSuccessRate = Count(runtime, "enforcing_local_origin_success_rate", EnforcingLocalOriginSuccessRate),
        FailurePercentageThreshold = Count(runtime, "failure_percentage_threshold", FailurePercentageThreshold),
        FailurePercentageHostsMin = Count(runtime, "failure_percentage_minimum_hosts", FailurePercentageHostsMin),
        FailurePercentageVolumeMin = Count(runtime, "failure_percentage_request_volume", FailurePercentageVolumeMin),
        EnforcingFailurePercentage = Count(runtime, "enforcing_failure_percentage", EnforcingFailurePercentage),
        EnforcingFailurePercentageLocalOrigin = Count(runtime, "enforcing_failure_percentage_local_origin", EnforcingFailurePercentageLocalOrigin),
    };

    private static long Time(RuntimeValues runtime, string key, long configured) =>
        runtime.Number(Prefix + key) is { } milliseconds ? (long)Math.Min(TimeMax, milliseconds) : configured;

    private static uint Count(RuntimeValues runtime, string key, uint configured) =>
        runtime.Number(Prefix + key) is { } number ? (uint)Math.Min(uint.MaxValue, number) : configured;
}
