namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// A cluster by name, interned: routes hold it, so that choosing a cluster costs no lookup and a route may name a cluster
/// that comes later or goes.
/// </summary>
public sealed class ClusterReference
{
    private volatile ClusterState? _current;

    internal ClusterReference(string name) => Name = name;

    public string Name { get; }

    /// <summary>Null while no such cluster exists (or while its first version warms).</summary>
    public ClusterState? Current => _current;

    internal void Set(ClusterState? state) => _current = state;
}
