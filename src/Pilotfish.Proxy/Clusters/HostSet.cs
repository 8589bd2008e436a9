using Pilotfish.Proxy.LoadBalancing;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// The membership of a cluster (or of one of its subsets) at a moment: immutable, published by the main loop, read at each
/// pick. Only the balancers' places in it are mutable, one slot per worker.
/// </summary>
public sealed class HostSet
{
    private readonly WorkerBalancer?[] _balancers;

    internal HostSet(Host[] all, PriorityLevel[] priorities, int listCount, int workerCount)
    {
        All = all;
        Priorities = priorities;
        ListCount = listCount;
        _balancers = new WorkerBalancer?[workerCount];
    }

    public static HostSet Empty(int workerCount) => new([], [], 1, workerCount);

    public Host[] All { get; }

    public PriorityLevel[] Priorities { get; }

    public int HealthyCount { get; internal init; }

    public int DegradedCount { get; internal init; }

    public int ExcludedCount { get; internal init; }

    internal int ListCount { get; }

    internal PriorityLoads Loads { get; init; } = PriorityLoads.None;

    internal uint OverprovisioningFactor { get; init; } = PriorityLoads.DefaultOverprovisioningFactor;

    /// <summary>Below so many percent of usable hosts a priority panics.</summary>
    internal double PanicThresholdPercent { get; init; }

    /// <summary>This proxy's locality.</summary>
    internal Locality Local { get; init; } = new("", "", "");

    internal SubsetIndex? Subsets { get; init; }

    /// <summary>The chance that a request is dropped because the control plane asked for it, in parts per million.</summary>
    internal uint DropPerMillion { get; init; }

    /// <summary>weighted_priority_health of the assignment.</summary>
    internal bool WeighsHealth { get; init; }

    /// <summary>This worker's place in the set; that worker's loop only.</summary>
    internal ref WorkerBalancer? Balancer(int worker) => ref _balancers[worker];
}
