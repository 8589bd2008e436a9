namespace Pilotfish.Bench.Peers.Loads;

/// <summary>What one round of load did; latencies in milliseconds, 0 where the load does not know them.</summary>
internal readonly record struct LoadResult(double Operations, double Seconds, double P50Milliseconds = 0, double P99Milliseconds = 0);
