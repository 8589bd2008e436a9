using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// `ring_hash_lb.*` and `maglev_lb.*` of one cluster (envoy docs, cluster_stats): how large its table is and how evenly it is shared. Worked out
/// when someone reads them, of the healthy hosts of the first priority that has any.
/// </summary>
internal static class HashTableGauges
{
    /// <summary>Shows the gauges of a cluster that has such tables. Any thread.</summary>
    public static void Show(ClusterState state)
    {
        StatScope scope = state.Scope;
        switch (state.Config.LoadBalancing.Algorithm)
        {
            case LoadBalancingAlgorithm.RingHash:
                scope.SetComputedGauge("ring_hash_lb.size", () => Table(state)?.Size ?? 0);
                scope.SetComputedGauge("ring_hash_lb.min_hashes_per_host", () => Table(state)?.PlacesPerHost.Least ?? 0);
                scope.SetComputedGauge("ring_hash_lb.max_hashes_per_host", () => Table(state)?.PlacesPerHost.Most ?? 0);
                break;
            case LoadBalancingAlgorithm.Maglev:
                scope.SetComputedGauge("maglev_lb.min_entries_per_host", () => Table(state)?.PlacesPerHost.Least ?? 0);
                scope.SetComputedGauge("maglev_lb.max_entries_per_host", () => Table(state)?.PlacesPerHost.Most ?? 0);
                break;
        }
    }

    private static HashTable? Table(ClusterState state)
    {
        foreach (PriorityLevel level in state.Hosts.Priorities)
        {
            if (level.Healthy.Table is { } table)
            {
                return table;
            }
        }

        return null;
    }
}
