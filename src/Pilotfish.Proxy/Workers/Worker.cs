using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Stats;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Workers;

/// <summary>
/// One traffic thread: a loop and what lives on it. Everything here is that loop's alone, apart from <see cref="Index"/>,
/// <see cref="Loop"/>'s Post methods and reading <see cref="Stats"/>.
/// </summary>
public sealed class Worker
{
    private WorkerCluster?[] _clusters = new WorkerCluster?[16];

    public Worker(int index, EventLoop loop, StatCells stats, ulong randomSeed)
    {
        Index = index;
        Loop = loop;
        Stats = stats;
        Random = new WorkerRandom(randomSeed);
    }

    public int Index { get; }

    public EventLoop Loop { get; }

    public StatCells Stats { get; }

    public WorkerRandom Random { get; }

    /// <summary>What the HTTP rooms keep per worker; its type belongs to them.</summary>
    public object? HttpState { get; set; }

    /// <summary>Downstream connections that this worker serves now, for exact balance and drain.</summary>
    public int ConnectionCount { get; internal set; }

    /// <summary>This worker's side of a cluster; made on first use.</summary>
    public WorkerCluster Cluster(ClusterState state)
    {
        WorkerCluster?[] clusters = _clusters;
        return (uint)state.Index < (uint)clusters.Length && clusters[state.Index] is { } cluster && cluster.State == state
            ? cluster
            : AddCluster(state);
    }

    /// <summary>Forgets a removed cluster; what still runs on it keeps its own reference.</summary>
    internal void RemoveCluster(ClusterState state)
    {
        if (state.Index < _clusters.Length && _clusters[state.Index]?.State == state)
        {
            _clusters[state.Index]!.Close();
            _clusters[state.Index] = null;
        }
    }

    /// <summary>Closes what idles towards every cluster and ends the calls of the proxy's own: the process stops.</summary>
    internal void CloseClusters()
    {
        foreach (WorkerCluster? cluster in _clusters)
        {
            cluster?.Close();
        }

        Array.Clear(_clusters);
    }

    /// <summary>This worker's side of a cluster if it was ever used.</summary>
    internal WorkerCluster? FindCluster(ClusterState state) =>
        state.Index < _clusters.Length && _clusters[state.Index] is { } cluster && cluster.State == state ? cluster : null;

    private WorkerCluster AddCluster(ClusterState state)
    {
        if (state.Index >= _clusters.Length)
        {
            Array.Resize(ref _clusters, Math.Max(_clusters.Length * 2, state.Index + 1));
        }

        var cluster = new WorkerCluster(this, state);
        // An index is given to another cluster only after every worker dropped the former one's entry; one that came back
        // late (a request that still ran on a removed cluster) must not push out the present owner.
        if (_clusters[state.Index] is null || !state.IsRemoved)
        {
            _clusters[state.Index] = cluster;
        }

        return cluster;
    }
}
