using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Clusters.OnDemand;

/// <summary>Where clusters are asked for when a request needs them, and how long the request waits. Immutable.</summary>
internal sealed class ClusterDemand(OnDemandClusters clusters, ClusterSource source, long timeoutMilliseconds)
{
    /// <summary>
    /// Asks for a cluster; the callback runs on the caller's loop once the cluster serves, or is known not to exist, or the time is over. Any
    /// loop.
    /// </summary>
    /// <param name="name">The cluster's.</param>
    /// <param name="caller">The request's loop.</param>
    /// <param name="ready">Called with <paramref name="state"/>.</param>
    /// <param name="state">The waiter; names it to <see cref="PostCancel"/>, too.</param>
    public void PostDemand(string name, EventLoop caller, Action<object?> ready, object state) =>
        clusters.PostDemand(source, name, timeoutMilliseconds, caller, ready, state);

    /// <summary>The request is over. Any loop.</summary>
    public void PostCancel(string name, object state) => clusters.PostCancel(name, state);
}
