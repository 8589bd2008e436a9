namespace Pilotfish.Proxy.Clusters.OnDemand;

/// <summary>How a question for a cluster ended.</summary>
internal enum ClusterDiscoveryStatus : byte
{
    /// <summary>It serves.</summary>
    Available,

    /// <summary>The control plane has none of that name, or one that was refused, or too much is asked for already.</summary>
    Missing,

    /// <summary>The time for the answer is over.</summary>
    Timeout,
}
