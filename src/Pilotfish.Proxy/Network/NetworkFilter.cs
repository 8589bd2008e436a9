using Pilotfish.Proxy.Clusters;

namespace Pilotfish.Proxy.Network;

/// <summary>
/// A filter before the terminal one, compiled: shared by all connections and workers, immutable. What it keeps per connection is
/// in the session that it makes.
/// </summary>
public abstract class NetworkFilter
{
    /// <summary>The filter's session for a new connection; null when it has nothing to do for this one.</summary>
    public abstract NetworkFilterSession? NewConnection(DownstreamConnection connection);

    /// <summary>
    /// The filter's session for a new connection to a host of the cluster that carries the filter, above its transport; null when it
    /// has nothing to do there. Loop of the worker that connects.
    /// </summary>
    public virtual NetworkFilterSession? NewUpstreamConnection(WorkerCluster cluster, Host host) => null;
}
