namespace Pilotfish.Bench.Peers.Loads;

/// <summary>One round of one peer. Operations are requests, or MiB for TCP.</summary>
internal readonly record struct Sample(
    double OperationsPerSecond, double CpuMicrosecondsPerOperation, double P50Milliseconds, double P99Milliseconds, long ResidentKilobytes)
{
    /// <summary>The part of the processor time that was spent in the peer's own code, as the kernel's ticks sample it.</summary>
    public double UserMicrosecondsPerOperation { get; init; }

    /// <summary>0 where the load does not measure it.</summary>
    public double P999Milliseconds { get; init; }
}
