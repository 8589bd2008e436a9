namespace Pilotfish.Proxy.Clusters;

/// <summary>Where a cluster's hosts come from.</summary>
public enum DiscoveryKind
{
    Static,
    StrictDns,
    LogicalDns,
    Eds,
    OriginalDestination,
}
