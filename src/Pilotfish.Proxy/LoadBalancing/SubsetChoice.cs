namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>What led a request to its subset of hosts.</summary>
internal enum SubsetChoice
{
    /// <summary>Hosts have what it asks for.</summary>
    Selected,

    /// <summary>fallback_policy of the cluster.</summary>
    ClusterFallback,

    /// <summary>fallback_policy of the selector whose keys it has.</summary>
    SelectorFallback,
}
