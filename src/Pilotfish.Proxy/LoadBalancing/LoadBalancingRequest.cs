using Pilotfish.Proxy.Clusters;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>What a request tells the balancer. Lives on the stack of one pick.</summary>
public readonly ref struct LoadBalancingRequest
{
    /// <summary>From the route's hash policy; null picks at random where a hash is wanted.</summary>
    public ulong? Hash { get; init; }

    /// <summary>The route's metadata_match.</summary>
    public SubsetMatch? Subset { get; init; }

    /// <summary>For ORIGINAL_DST clusters: where the client meant to go (or the override header's address).</summary>
    public NetAddress OriginalDestination { get; init; }

    /// <summary>Hosts that a retry should not use again.</summary>
    public ReadOnlySpan<Host?> Avoid { get; init; }

    /// <summary>Hosts of the attempts before this one.</summary>
    public ReadOnlySpan<Host?> Tried { get; init; }

    /// <summary>After each so many attempts the priorities tried so far are left out (previous_priorities); 0 never.</summary>
    public int PriorityUpdateFrequency { get; init; }

    /// <summary>Whether hosts that call themselves canary are avoided too.</summary>
    public bool OmitsCanaries { get; init; }

    /// <summary>Hosts whose metadata has all of this are avoided too; null = none.</summary>
    public SubsetMatch? Omits { get; init; }

    /// <summary>How many more picks are made to find a host that is not to be avoided; then any host will do.</summary>
    public int ReselectMax { get; init; }

    /// <summary>0 for the first attempt; consistent hashes move on with it.</summary>
    public uint Attempt { get; init; }
}
