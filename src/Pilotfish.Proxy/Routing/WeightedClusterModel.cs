using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.RuntimeLayers;

namespace Pilotfish.Proxy.Routing;

/// <summary>One destination of a route that splits traffic.</summary>
public sealed class WeightedClusterModel
{
    /// <summary>Null when the destination is named by <see cref="ClusterHeader"/>.</summary>
    public ClusterReference? Cluster { get; init; }

    public byte[]? ClusterHeader { get; init; }

    public uint Weight { get; init; }

    /// <summary>`runtime_key_prefix.NAME`, whose number counts instead of the weight; null without a prefix.</summary>
    public RuntimeKey? WeightKey { get; init; }

    /// <summary>The weight of this moment.</summary>
    public ulong CurrentWeight => WeightKey?.Entry?.Integer ?? Weight;

    public HeaderMutations RequestHeaders { get; init; } = HeaderMutations.None;

    public HeaderMutations ResponseHeaders { get; init; } = HeaderMutations.None;

    public SubsetMatch? Subset { get; init; }

    public byte[]? HostRewrite { get; init; }

    public PerRouteConfigs FilterConfigs { get; init; } = PerRouteConfigs.None;
}
