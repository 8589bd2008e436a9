using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Clusters.OnDemand;

/// <summary>Where clusters are asked for when a request needs them, and how long the request waits. Immutable.</summary>
internal sealed class ClusterDemand(OnDemandClusters clusters, ClusterSource source, long timeoutMilliseconds, bool isCounted)
{
    /// <summary>
    /// Asks for a cluster; the waiter hears on its loop once the cluster serves, or is known not to exist, or the time is over. Any loop.
    /// </summary>
    /// <param name="name">The cluster's.</param>
    /// <param name="loop">The waiter's loop.</param>
    /// <param name="waiter">Who waits.</param>
    public void PostDemand(string name, EventLoop loop, IClusterWaiter waiter) =>
        clusters.PostDemand(source, name, timeoutMilliseconds, isCounted, loop, waiter);

    /// <summary>The waiter is over. Any loop.</summary>
    public void PostCancel(string name, IClusterWaiter waiter) => clusters.PostCancel(name, waiter);
}
