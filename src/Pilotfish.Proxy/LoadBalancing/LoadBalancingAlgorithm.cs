namespace Pilotfish.Proxy.LoadBalancing;

public enum LoadBalancingAlgorithm
{
    RoundRobin,
    LeastRequest,
    Random,
    RingHash,
    Maglev,

    /// <summary>The cluster makes the host itself (ORIGINAL_DST).</summary>
    ClusterProvided,
}
