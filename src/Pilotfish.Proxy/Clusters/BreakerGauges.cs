using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// `circuit_breakers.PRIORITY.*` of one cluster (envoy docs, cluster_stats): whether each breaker is at its limit and, with track_remaining,
/// how much room it has. They are worked out when someone reads them, so requests pay nothing.
/// </summary>
internal static class BreakerGauges
{
    /// <summary>Shows the breakers in the cluster's scope, in place of those of an earlier configuration. Any thread.</summary>
    public static void Show(StatScope scope, CircuitBreaker breakers, RoutingPriority priority)
    {
        string prefix = priority == RoutingPriority.High ? "circuit_breakers.high." : "circuit_breakers.default.";
        Show("cx_open", "remaining_cx", breakers.Connections);
        Show("rq_pending_open", "remaining_pending", breakers.PendingRequests);
        Show("rq_open", "remaining_rq", breakers.Requests);
        Show("cx_pool_open", "remaining_cx_pools", breakers.ConnectionPools);
        scope.SetComputedGauge(prefix + "rq_retry_open", () => breakers.Retries.IsOpen ? 1 : 0);
        scope.SetComputedGauge(
            prefix + "remaining_retries", breakers.Config.TrackRemaining ? () => breakers.RetriesRemaining : null);

        void Show(string open, string remaining, Breaker breaker)
        {
            scope.SetComputedGauge(prefix + open, () => breaker.IsOpen ? 1 : 0);
            scope.SetComputedGauge(prefix + remaining, breakers.Config.TrackRemaining ? () => breaker.Remaining : null);
        }
    }
}
