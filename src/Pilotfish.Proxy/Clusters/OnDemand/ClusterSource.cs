using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Clusters.OnDemand;

/// <summary>A control plane that is asked for single clusters, and the names that it is asked for. Main loop.</summary>
internal sealed class ClusterSource(IDemandedNames names)
{
    /// <summary>
    /// Names without a cluster that stay subscribed, so that a cluster that appears is pushed. A header may name them: the oldest is given up,
    /// and asked for again with its next request.
    /// </summary>
    internal const int AbsentNamesMax = 1024;

    private readonly List<string> _absent = [];

    public void Ask(string name)
    {
        _absent.Remove(name);
        names.Ask(name);
    }

    /// <summary>The name leads nowhere, for now.</summary>
    public void NoteAbsent(string name)
    {
        _absent.Remove(name);
        _absent.Add(name);
        if (_absent.Count > AbsentNamesMax)
        {
            names.GiveUp(_absent[0]);
            _absent.RemoveAt(0);
        }
    }

    /// <summary>The name leads to a cluster, which keeps it subscribed.</summary>
    public void NotePresent(string name) => _absent.Remove(name);
}
