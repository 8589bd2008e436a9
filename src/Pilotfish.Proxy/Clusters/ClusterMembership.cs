using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Health;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// Owns the hosts of one cluster state: reconciles what discovery says with the hosts that exist, applies health, publishes host
/// sets, tells workers about hosts that left. Main loop.
/// </summary>
internal sealed class ClusterMembership : IHostSink
{
    private readonly WorkerSet _workers;
    private readonly HostSetBuilder _builder;
    private readonly OutlierDetector? _outliers;
    private readonly ActiveHealthChecker? _checker;
    private readonly MembershipStats _stats;
    private readonly RuntimeValues _runtime;
    private readonly StatCells _cells;
    private Dictionary<(NetAddress Address, string Hostname), Host> _hosts = [];
    private List<Host> _ordered = [];
    private uint _overprovisioningFactor = PriorityLoads.DefaultOverprovisioningFactor;
    private uint _dropPerMillion;
    private bool _weighsHealth;
    private ulong? _panicThreshold;
    private SubsetStats? _subsetStats;
    private readonly Dictionary<Host, StatScope> _endpoints = [];

    public ClusterMembership(ClusterState state, Locality local, WorkerSet workers, WorkerRandom random, RuntimeValues runtime)
    {
        State = state;
        _workers = workers;
        _runtime = runtime;
        _panicThreshold = runtime.Number(HostSetBuilder.PanicKey);
        _builder = new HostSetBuilder(state.Config.LoadBalancing, local, workers.CallerCount, runtime);
        _stats = new MembershipStats(state.Scope);
        _cells = state.Scope.Store.Main;
        _outliers = state.Config.Outlier is { } policy
            ? new OutlierDetector(policy, workers.MainLoop, random, state.Scope, OnHealthChanged, runtime)
            : null;
        state.Outliers = _outliers;
        _checker = state.Config.HealthCheck is { } check
            ? new ActiveHealthChecker(check, state, workers.MainLoop, random, OnChecked, runtime)
            : null;
        state.Apply(runtime);
    }

    public ClusterState State { get; }

    public ClusterMembership Living => this;

    /// <summary>Whether the last update changed anything.</summary>
    public bool Rebuilt { get; private set; }

    public IReadOnlyList<Host> Hosts => _ordered;

    internal OutlierDetector? Outliers => _outliers;

    public void Update(AssignmentModel assignment, Envoy.Config.Endpoint.V3.ClusterLoadAssignment? message) =>
        Update(assignment.Hosts, assignment.OverprovisioningFactor, assignment.DropPerMillion, assignment.WeighsHealth);

    /// <summary>Takes over hosts that were made when the cluster woke, before anything else.</summary>
    public void Adopt(HostSet set)
    {
        (_overprovisioningFactor, _dropPerMillion, _weighsHealth) = (set.OverprovisioningFactor, set.DropPerMillion, set.WeighsHealth);
        foreach (Host host in set.All)
        {
            _hosts.Add(KeyOf(host.Config), host);
            _ordered.Add(host);
        }

        _cells.Add(_stats.Change, set.All.Length);
        _outliers?.SetHosts(_ordered);
        CountSubsets(null, set.Subsets);
        ShowEndpoints();
        Count(set);
    }

    public void Update(
        IReadOnlyList<HostConfig> configs,
        uint overprovisioningFactor = PriorityLoads.DefaultOverprovisioningFactor,
        uint dropPerMillion = 0,
        bool weighsHealth = false)
    {
        bool changed = overprovisioningFactor != _overprovisioningFactor || dropPerMillion != _dropPerMillion || weighsHealth != _weighsHealth;
        (_overprovisioningFactor, _dropPerMillion, _weighsHealth) = (overprovisioningFactor, dropPerMillion, weighsHealth);
        var next = new Dictionary<(NetAddress, string), Host>(configs.Count);
        var ordered = new List<Host>(configs.Count);
        foreach (HostConfig config in configs)
        {
            (NetAddress, string) key = KeyOf(config);
            if (next.ContainsKey(key))
            {
                continue;
            }

            if (_hosts.Remove(key, out Host? host))
            {
                changed |= host.Update(config) | host.SetHealth(HostHealth.PendingDynamicRemoval, on: false);
            }
            else
            {
                host = new Host(config, _workers.CallerCount, _workers.MainLoop.NowMilliseconds);
                ExpectCheck(host);
                changed = true;
                _cells.Add(_stats.Change);
            }

            next.Add(key, host);
            ordered.Add(host);
        }

        List<Host> gone = Removed(next, ordered);
        bool first = _ordered.Count == 0;
        _hosts = next;
        _ordered = ordered;
        Rebuilt = changed || gone.Count > 0 || first;
        if (!Rebuilt)
        {
            return;
        }

        _cells.Add(_stats.Change, gone.Count);
        _outliers?.SetHosts(_ordered);
        Publish();
        _checker?.SetHosts(_ordered);
        Leave(State.Config.CloseConnectionsOnHostSetChange ? [.. gone, .. _ordered] : gone);
    }

    // The one host of LOGICAL_DNS is the same at whatever address.
    private (NetAddress Address, string Hostname) KeyOf(HostConfig config) =>
        (State.Config.Discovery == DiscoveryKind.LogicalDns ? default : config.Address, config.Hostname);

    /// <summary>Begins active checks and runs the action when each host had its first: at once without any.</summary>
    public void WhenChecked(Action action)
    {
        if (_checker is null)
        {
            action();
        }
        else
        {
            _checker.Begin(action);
        }
    }

    /// <summary>The runtime has other values.</summary>
    public void ApplyRuntime()
    {
        State.Apply(_runtime);
        _outliers?.Apply(_runtime);
        ulong? panicThreshold = _runtime.Number(HostSetBuilder.PanicKey);
        if (panicThreshold != _panicThreshold)
        {
            _panicThreshold = panicThreshold;
            Publish();
        }
    }

    /// <summary>A host's health flags changed (ejection, active check).</summary>
    internal void OnHealthChanged(Host host)
    {
        Publish();
        if (host.IsUnhealthy)
        {
            bool closeActive = State.Config.CloseConnectionsOnHostHealthFailure;
            _workers.PostCallers(worker =>
            {
                host.Slot(worker.Index)?.OnHostUnhealthy();
                if (closeActive)
                {
                    worker.FindCluster(State)?.EndUsersOf(host);
                }
            });
        }
    }

    /// <summary>The cluster state is done with: nothing of it changes any more.</summary>
    public void Close()
    {
        _outliers?.Close();
        _checker?.Close();
        foreach (StatScope scope in _endpoints.Values)
        {
            scope.Dispose();
        }

        _endpoints.Clear();
    }

    // A checked host is taken for down until it has answered once.
    private void ExpectCheck(Host host)
    {
        if (_checker is not null && !host.Config.ActiveHealthCheckDisabled)
        {
            host.SetHealth(HostHealth.FailedActiveHealthCheck, on: true);
            host.SetHealth(HostHealth.PendingActiveHealthCheck, on: State.Config.IgnoresNewHostsUntilFirstCheck);
        }
    }

    // Discovery is eventually consistent and a passed check is not: a host that discovery dropped stays while its checks pass.
    private List<Host> Removed(Dictionary<(NetAddress Address, string Hostname), Host> next, List<Host> ordered)
    {
        var gone = new List<Host>();
        foreach (((NetAddress, string) key, Host host) in _hosts)
        {
            bool stays = _checker is not null && !State.Config.IgnoresHealthOnHostRemoval && !host.Config.ActiveHealthCheckDisabled
                && (host.Health & HostHealth.FailedActiveHealthCheck) == 0;
            if (stays)
            {
                host.SetHealth(HostHealth.PendingDynamicRemoval, on: true);
                next.Add(key, host);
                ordered.Add(host);
            }
            else
            {
                gone.Add(host);
            }
        }

        return gone;
    }

    private void OnChecked(Host host, bool passed, bool changed)
    {
        if (passed && _outliers is { Policy.ActiveCheckUnejects: true } outliers)
        {
            outliers.Uneject(host.Monitor);
        }

        if (!changed)
        {
            return;
        }

        OnHealthChanged(host);
        if ((host.Health & HostHealth.PendingDynamicRemoval) != 0 && (host.Health & HostHealth.FailedActiveHealthCheck) != 0)
        {
            var present = new List<HostConfig>(_ordered.Count);
            foreach (Host other in _ordered)
            {
                if (other != host && (other.Health & HostHealth.PendingDynamicRemoval) == 0)
                {
                    present.Add(other.Config);
                }
            }

            Update(present, _overprovisioningFactor, _dropPerMillion, _weighsHealth);
        }
    }

    private void Publish()
    {
        HostSet set = _builder.Build(_ordered, _overprovisioningFactor, _dropPerMillion, _weighsHealth);
        CountSubsets(State.Hosts.Subsets, set.Subsets);
        ShowEndpoints();
        State.Publish(set);
        Count(set);
    }

    // track_cluster_stats.per_endpoint_stats: hosts that left take theirs along.
    private void ShowEndpoints()
    {
        if (!State.Config.TracksEndpoints)
        {
            return;
        }

        var present = new HashSet<Host>(_ordered);
        foreach (Host gone in new List<Host>(_endpoints.Keys))
        {
            if (!present.Contains(gone) && _endpoints.Remove(gone, out StatScope? scope))
            {
                scope.Dispose();
            }
        }

        foreach (Host host in _ordered)
        {
            if (!_endpoints.ContainsKey(host))
            {
                StatScope scope = State.Scope.Scope("endpoint." + host.AddressText);
                EndpointStats.Show(scope, host);
                _endpoints.Add(host, scope);
            }
        }
    }

    private void Count(HostSet set)
    {
        uint heaviest = 0;
        foreach (Host host in set.All)
        {
            heaviest = Math.Max(heaviest, host.Weight);
        }

        _cells.Set(_stats.MaxHostWeight, heaviest);
        _cells.Set(_stats.Total, set.All.Length);
        _cells.Set(_stats.Healthy, set.HealthyCount);
        _cells.Set(_stats.Degraded, set.DegradedCount);
        _cells.Set(_stats.Excluded, set.ExcludedCount);
    }

    private void CountSubsets(SubsetIndex? before, SubsetIndex? after)
    {
        if (after is null)
        {
            return;
        }

        _subsetStats ??= new SubsetStats(State.Scope);
        _cells.Add(_subsetStats.Created, after.CountBeside(before));
        _cells.Add(_subsetStats.Removed, before?.CountBeside(after) ?? 0);
        _cells.Set(_subsetStats.Active, after.Count);
        _cells.Set(_subsetStats.Duplicates, after.DuplicateCount);
    }

    private void Leave(List<Host> hosts)
    {
        if (hosts.Count == 0)
        {
            return;
        }

        _workers.PostCallers(worker =>
        {
            foreach (Host host in hosts)
            {
                host.Slot(worker.Index)?.OnHostLeft();
            }
        });
    }
}
