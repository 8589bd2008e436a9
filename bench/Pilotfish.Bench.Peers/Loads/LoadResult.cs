namespace Pilotfish.Bench.Peers.Loads;

/// <summary>What one round of load did; latencies in milliseconds, 0 where the load does not know them.</summary>
internal readonly record struct LoadResult(double Operations, double Seconds, double P50Milliseconds = 0, double P99Milliseconds = 0)
{
    /// <summary>Operations that the proxy answered wrongly or not; they are not among <see cref="Operations"/>.</summary>
    public double Failed { get; init; }
}
