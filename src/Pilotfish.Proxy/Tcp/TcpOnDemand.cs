using Pilotfish.Proxy.Clusters.OnDemand;
using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Tcp;

/// <summary>on_demand: where a connection's cluster is asked for when it does not exist, and what is counted of it under `tcp.PREFIX.`.</summary>
internal sealed class TcpOnDemand(ClusterDemand clusters, StatScope scope)
{
    /// <summary>The timeout when unset, Envoy's for connections.</summary>
    public const long DefaultTimeoutMilliseconds = 60_000;

    public ClusterDemand Clusters => clusters;

    public Counter Attempt { get; } = scope.Counter("on_demand_cluster_attempt");

    public Counter Missing { get; } = scope.Counter("on_demand_cluster_missing");

    public Counter Timeout { get; } = scope.Counter("on_demand_cluster_timeout");

    public Counter Success { get; } = scope.Counter("on_demand_cluster_success");
}
