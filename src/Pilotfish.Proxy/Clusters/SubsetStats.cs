using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Clusters;

/// <summary>`cluster.NAME.lb_subsets_*` that follow the membership, written by the main loop; of clusters with subsets alone.</summary>
internal sealed class SubsetStats(StatScope scope)
{
    public Gauge Active { get; } = scope.Gauge("lb_subsets_active");

    public Counter Created { get; } = scope.Counter("lb_subsets_created");

    public Counter Removed { get; } = scope.Counter("lb_subsets_removed");

    public Gauge Duplicates { get; } = scope.Gauge("lb_subsets_single_host_per_subset_duplicate");
}
