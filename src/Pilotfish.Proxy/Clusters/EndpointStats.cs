using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// `cluster.NAME.endpoint.ADDRESS.*` (envoy docs, cluster_stats, per endpoint statistics): what hosts count anyway, worked out when someone reads it.
/// </summary>
internal static class EndpointStats
{
    /// <summary>Shows a host in a scope of its own.</summary>
    public static void Show(StatScope scope, Host host)
    {
        scope.SetComputedCounter("cx_total", () => host.ConnectionsTotal);
        scope.SetComputedCounter("cx_connect_fail", () => host.ConnectFailures);
        scope.SetComputedCounter("rq_total", () => host.RequestsTotal);
        scope.SetComputedCounter("rq_success", () => host.Monitor.Succeeded);
        scope.SetComputedCounter("rq_error", () => host.Monitor.Failed);
        scope.SetComputedCounter("rq_timeout", () => host.Monitor.TimedOut);
        scope.SetComputedGauge("cx_active", () => host.ActiveConnections);
        scope.SetComputedGauge("rq_active", () => host.ActiveRequests);
        scope.SetComputedGauge("healthy", () => host.IsUnhealthy || host.IsDegraded ? 0 : 1);
    }
}
