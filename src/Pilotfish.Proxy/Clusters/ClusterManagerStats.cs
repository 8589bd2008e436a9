using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Clusters;

/// <summary>`cluster_manager.*`.</summary>
internal sealed class ClusterManagerStats(StatScope scope)
{
    public Counter Added { get; } = scope.Counter("cluster_added");

    public Counter Modified { get; } = scope.Counter("cluster_modified");

    public Counter Removed { get; } = scope.Counter("cluster_removed");

    public Gauge Active { get; } = scope.Gauge("active_clusters");

    public Gauge Warming { get; } = scope.Gauge("warming_clusters");
}
