using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// The hosts that one worker made from original destinations. A host that nothing used for a cleanup interval goes, with its
/// idle connections: its address may belong to another pod by now.
/// </summary>
internal sealed class OriginalDestinationHosts
{
    // A scan of the whole address space through a capture must not grow the process: beyond this, hosts without
    // connections are dropped at once rather than at the next cleanup.
    private const int HostsMax = 65536;

    private readonly WorkerCluster _cluster;
    private readonly OriginalDestinationPolicy _policy;
    private readonly Dictionary<NetAddress, Entry> _hosts = [];
    private readonly List<NetAddress> _stale = [];
    private readonly LoopTimer _cleanup;

    public OriginalDestinationHosts(WorkerCluster cluster, OriginalDestinationPolicy policy)
    {
        _cluster = cluster;
        _policy = policy;
        _cleanup = new LoopTimer(cluster.Worker.Loop, static state => ((OriginalDestinationHosts)state!).Cleanup(), this);
    }

    public IReadOnlyCollection<Host> Hosts
    {
        get
        {
            var hosts = new List<Host>(_hosts.Count);
            foreach (Entry entry in _hosts.Values)
            {
                hosts.Add(entry.Host);
            }

            return hosts;
        }
    }

    public HostPick Pick(NetAddress destination)
    {
        NetAddress address = _policy.PortOverride == 0 || !destination.IsIp ? destination : destination.WithPort(_policy.PortOverride);
        if (!address.IsIp || address.Port == 0)
        {
            _cluster.Worker.Stats.Add(_cluster.State.Stats.CxNoneHealthy);
            return HostPick.None(EndReasons.NoHealthyUpstream);
        }

        if (!_hosts.TryGetValue(address, out Entry? entry))
        {
            if (_hosts.Count >= HostsMax)
            {
                Cleanup();
            }

            entry = new Entry(new Host(
                new HostConfig(address, ""), _cluster.Worker.Index + 1, _cluster.Worker.Loop.NowMilliseconds));
            _hosts.Add(address, entry);
            if (!_cleanup.IsScheduled)
            {
                _cleanup.Schedule(_policy.CleanupMilliseconds);
            }
        }

        entry.Used = true;
        return HostPick.Of(entry.Host);
    }

    public void Close()
    {
        _cleanup.Cancel();
        foreach (Entry entry in _hosts.Values)
        {
            entry.Host.Slot(_cluster.Worker.Index)?.OnHostLeft();
        }

        _hosts.Clear();
    }

    private void Cleanup()
    {
        _stale.Clear();
        foreach ((NetAddress address, Entry entry) in _hosts)
        {
            if (!entry.Used && entry.Host.ActiveRequests == 0)
            {
                _stale.Add(address);
            }

            entry.Used = false;
        }

        foreach (NetAddress address in _stale)
        {
            _hosts.Remove(address, out Entry? gone);
            gone!.Host.Slot(_cluster.Worker.Index)?.OnHostLeft();
        }

        if (_hosts.Count > 0)
        {
            _cleanup.Schedule(_policy.CleanupMilliseconds);
        }
    }

    private sealed class Entry(Host host)
    {
        public Host Host { get; } = host;

        public bool Used { get; set; }
    }
}
