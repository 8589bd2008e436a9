using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Clusters;

/// <summary>Makes the living side of clusters and hands out their dense indexes. Any thread, except where a member says main loop.</summary>
internal sealed class ClusterStateFactory(
    StatsStore stats, WorkerSet workers, Locality local, WorkerRandom random, RuntimeValues runtime)
{
    private readonly Lock _lock = new();

    // Guarded by the lock.
    private readonly Stack<int> _freeIndexes = [];
    private int _nextIndex;

    public EventLoop MainLoop => workers.MainLoop;

    public ClusterState Create(ClusterModel model)
    {
        int index;
        lock (_lock)
        {
            index = _freeIndexes.TryPop(out int free) ? free : _nextIndex++;
        }

        var state = new ClusterState(model, index, stats.Scope("cluster." + model.ObservabilityName), workers.CallerCount, local.Zone);
        state.Apply(runtime);
        if (model.Transport.MayEncrypt)
        {
            foreach (Tls.UpstreamTransport transport in model.Transport.All)
            {
                transport.Show(state.Stats.Scope);
            }
        }

        return state;
    }

    /// <summary>Main loop.</summary>
    public ClusterMembership Membership(ClusterState state) => new(state, local, workers, random, runtime);

    /// <summary>A new membership's hosts.</summary>
    public HostSet Build(ClusterModel model, AssignmentModel assignment)
    {
        var known = new HashSet<(Runtime.Sockets.NetAddress, string)>(assignment.Hosts.Count);
        var hosts = new List<Host>(assignment.Hosts.Count);
        foreach (HostConfig config in assignment.Hosts)
        {
            if (known.Add((config.Address, config.Hostname)))
            {
                hosts.Add(new Host(config, workers.CallerCount, addedAtMilliseconds: 0));
            }
        }

        return new HostSetBuilder(model.LoadBalancing, local, workers.CallerCount, runtime)
            .Build(hosts, assignment.OverprovisioningFactor, assignment.DropPerMillion, assignment.WeighsHealth);
    }

    /// <summary>A state for a report: it has no index and no statistics.</summary>
    public ClusterState Describe(ClusterModel model, AssignmentModel assignment)
    {
        var state = new ClusterState(model, index: -1, stats.Root, workers.CallerCount);
        state.Publish(Build(model, assignment));
        return state;
    }

    /// <summary>Main loop: every caller lets go of a removed cluster, then its index and statistics are free again.</summary>
    public void Release(ClusterState state)
    {
        state.MarkRemoved();
        workers.PostCallers(worker => worker.RemoveCluster(state), () =>
        {
            state.ReleaseStats();
            lock (_lock)
            {
                _freeIndexes.Push(state.Index);
            }
        });
    }
}
