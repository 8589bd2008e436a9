using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.AsyncClient;

/// <summary>Which host of its cluster a call of the proxy's own goes to: what a route would say. Immutable; any thread.</summary>
internal sealed record AsyncTarget
{
    public static AsyncTarget Any { get; } = new();

    /// <summary>For consistent hashing; null = at random.</summary>
    public ulong? Hash { get; init; }

    /// <summary>Only hosts whose metadata has all of this; null = the cluster's fallback.</summary>
    public SubsetMatch? Subset { get; init; }

    /// <summary>The host itself, for a cluster of type ORIGINAL_DST.</summary>
    public NetAddress OriginalDestination { get; init; }

    public RoutingPriority Priority { get; init; }

    /// <summary>What the balancer is told.</summary>
    public LoadBalancingRequest Request => new() { Hash = Hash, Subset = Subset, OriginalDestination = OriginalDestination };
}
