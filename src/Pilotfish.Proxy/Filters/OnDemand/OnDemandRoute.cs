using Pilotfish.Proxy.Clusters.OnDemand;

namespace Pilotfish.Proxy.Filters.OnDemand;

/// <summary>What a route says in the filter's place.</summary>
/// <param name="Clusters">Null: clusters are not asked for on this route.</param>
internal sealed record OnDemandRoute(ClusterDemand? Clusters);
