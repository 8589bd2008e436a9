using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.RuntimeLayers;

namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>Zone aware routing: prefer hosts of the proxy's own locality while it has its share of the hosts.</summary>
public sealed record ZoneAwarePolicy(double RoutingEnabledPercent, ulong ClusterSizeMin)
{
    public static readonly ZoneAwarePolicy Default = new(100, 6);

    /// <summary>cluster_manager.local_cluster_name: the proxies of this proxy's kind; null = there is no zone aware routing.</summary>
    public ClusterReference? LocalCluster { get; init; }

    /// <summary>`upstream.zone_routing.enabled`: a whole percentage in place of the configured one.</summary>
    public RuntimeKey? EnabledKey { get; init; }

    /// <summary>`upstream.zone_routing.min_cluster_size`.</summary>
    public RuntimeKey? SizeKey { get; init; }

    /// <summary>force_local_zone: with so many healthy hosts in the zone all requests stay; null = shares alone decide.</summary>
    public uint? ForcedLocalSizeMin { get; init; }

    /// <summary>`upstream.zone_routing.force_local_zone.min_size`; 0 is none.</summary>
    public RuntimeKey? ForcedSizeKey { get; init; }

    /// <summary>locality_basis HEALTHY_HOSTS_WEIGHT: shares are of weights instead of hosts.</summary>
    public bool CountsWeights { get; init; }

    internal uint? LocalSizeMin =>
        ForcedSizeKey?.Entry?.Integer is { } least and > 0 ? (uint)Math.Min(uint.MaxValue, least) : ForcedLocalSizeMin;

    /// <summary>Percent of requests, of this moment.</summary>
    public double EnabledPercent => EnabledKey?.Entry?.Integer ?? RoutingEnabledPercent;

    public ulong SizeMin => SizeKey?.Entry?.Integer ?? ClusterSizeMin;
}
