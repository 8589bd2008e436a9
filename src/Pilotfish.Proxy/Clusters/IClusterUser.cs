namespace Pilotfish.Proxy.Clusters;

/// <summary>Something long-lived that runs on one worker's side of a cluster and must not outlast the cluster. That worker's loop only.</summary>
internal interface IClusterUser
{
    /// <summary>The cluster was removed, or replaced by another configuration. The user has been taken off the cluster's list.</summary>
    void OnClusterRemoved();
}
