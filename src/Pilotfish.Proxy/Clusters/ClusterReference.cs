using System.Runtime.CompilerServices;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// A cluster by name, interned: routes hold it, so that choosing a cluster costs no lookup and a route may name a cluster
/// that comes later or goes.
/// </summary>
public sealed class ClusterReference
{
    private readonly Lock _gate;
    private volatile ClusterState? _current;
    private volatile RestingCluster? _resting;
    private Action? _arrived;

    /// <param name="name">The cluster's name.</param>
    /// <param name="gate">Held while a resting cluster wakes and while the main loop changes what is referred to.</param>
    internal ClusterReference(string name, Lock gate)
    {
        Name = name;
        _gate = gate;
    }

    public string Name { get; }

    /// <summary>
    /// Null while no such cluster exists (or while its first version warms). Looking is using: a cluster that rested wakes. Any thread.
    /// </summary>
    public ClusterState? Current => _current ?? Wake();

    /// <summary>Whether such a cluster serves, without waking it. Any thread.</summary>
    public bool Exists => _current is not null || _resting is not null;

    /// <summary>Whether anything but the cluster itself has asked for the name. Main loop.</summary>
    internal bool IsNamed { get; set; }

    /// <summary>Whether the first version of the cluster warms: nothing serves yet, but soon will. Main loop.</summary>
    internal bool IsArriving { get; set; }

    /// <summary>Calls back once when an arriving cluster serves, or was removed before it could. Main loop.</summary>
    internal void WhenArrived(Action callback) => _arrived += callback;

    /// <summary>Whether this, of the two that may be, is what the reference leads to. Main loop.</summary>
    internal bool LeadsTo(ClusterState? state, RestingCluster? resting) =>
        _resting == resting && (resting is not null || _current == state);

    /// <summary>At most one of the two: a living cluster, or one that nobody has used yet. Main loop.</summary>
    internal void Set(ClusterState? state, RestingCluster? resting = null)
    {
        lock (_gate)
        {
            _current = state;
            _resting = resting;
        }

        IsArriving = false;
        Action? arrived = _arrived;
        _arrived = null;
        arrived?.Invoke();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ClusterState? Wake()
    {
        if (_resting is null)
        {
            return _current;
        }

        lock (_gate)
        {
            // Another worker, or the main loop, may have been first.
            return _current ??= _resting?.WakeUnsynchronized();
        }
    }
}
