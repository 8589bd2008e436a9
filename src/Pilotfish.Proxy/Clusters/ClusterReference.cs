namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// A cluster by name, interned: routes hold it, so that choosing a cluster costs no lookup and a route may name a cluster
/// that comes later or goes.
/// </summary>
public sealed class ClusterReference
{
    private volatile ClusterState? _current;
    private Action? _arrived;

    internal ClusterReference(string name) => Name = name;

    public string Name { get; }

    /// <summary>Null while no such cluster exists (or while its first version warms).</summary>
    public ClusterState? Current => _current;

    /// <summary>Whether anything but the cluster itself has asked for the name. Main loop.</summary>
    internal bool IsNamed { get; set; }

    /// <summary>Whether the first version of the cluster warms: nothing serves yet, but soon will. Main loop.</summary>
    internal bool IsArriving { get; set; }

    /// <summary>Calls back once when an arriving cluster serves, or was removed before it could. Main loop.</summary>
    internal void WhenArrived(Action callback) => _arrived += callback;

    internal void Set(ClusterState? state)
    {
        _current = state;
        IsArriving = false;
        Action? arrived = _arrived;
        _arrived = null;
        arrived?.Invoke();
    }
}
