using Pilotfish.Proxy.LoadBalancing;

namespace Pilotfish.Proxy.Clusters;

/// <summary>A compiled ClusterLoadAssignment.</summary>
internal sealed record AssignmentModel
{
    public IReadOnlyList<HostConfig> Hosts { get; init; } = [];

    /// <summary>Names to resolve with the host that each answer becomes (DNS clusters).</summary>
    public IReadOnlyList<NamedEndpoint> Names { get; init; } = [];

    public uint OverprovisioningFactor { get; init; } = PriorityLoads.DefaultOverprovisioningFactor;

    public uint DropPerMillion { get; init; }

    /// <summary>weighted_priority_health: whether a priority's health is a share of its hosts' weights instead of their number.</summary>
    public bool WeighsHealth { get; init; }

    /// <summary>Without a new assignment within this time the endpoints are stale and go; 0 = never.</summary>
    public long StaleAfterMilliseconds { get; init; }
}
