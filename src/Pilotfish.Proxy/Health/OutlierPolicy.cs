namespace Pilotfish.Proxy.Health;

/// <summary>Outlier detection as configured; defaults are Envoy's. "Enforcing" is the percent chance that a detection ejects.</summary>
public sealed record OutlierPolicy
{
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
}
