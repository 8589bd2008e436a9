namespace Pilotfish.Proxy.Clusters.OnDemand;

/// <summary>A request or a connection that waits for a cluster.</summary>
internal interface IClusterWaiter
{
    /// <summary>Called once, on the waiter's loop, also after it was cancelled when both crossed.</summary>
    void OnCluster(ClusterDiscoveryStatus status);
}
