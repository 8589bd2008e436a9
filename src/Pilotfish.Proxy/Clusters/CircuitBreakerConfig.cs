namespace Pilotfish.Proxy.Clusters;

/// <summary>The thresholds of one priority; defaults are Envoy's.</summary>
public sealed record CircuitBreakerConfig
{
    public const uint DefaultLimit = 1024;
    public const uint DefaultRetries = 3;

    public uint ConnectionsMax { get; init; } = DefaultLimit;
    public uint PendingRequestsMax { get; init; } = DefaultLimit;
    public uint RequestsMax { get; init; } = DefaultLimit;
    public uint RetriesMax { get; init; } = DefaultRetries;
    public uint ConnectionPoolsMax { get; init; } = uint.MaxValue;
    public RetryBudget? RetryBudget { get; init; }

    /// <summary>Whether the remaining_* gauges are shown.</summary>
    public bool TrackRemaining { get; init; }

    /// <summary>max_connections of one host; no limit when absent.</summary>
    public uint HostConnectionsMax { get; init; } = uint.MaxValue;
}
