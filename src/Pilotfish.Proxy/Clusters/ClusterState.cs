using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// The living side of one cluster under one configuration: membership, breakers, statistics. A push that changes the
/// configuration makes a new one; requests keep the one that they picked from.
/// </summary>
public sealed class ClusterState
{
    private readonly StatScope _scope;
    private readonly CircuitBreaker[] _breakers;
    private ClusterStats? _stats;
    private volatile HostSet _hosts;
    private volatile bool _removed;
    private volatile uint _refusedPercent;
    private bool _isOverridden;

    // Guarded by the list itself.
    private readonly List<StatScope> _ownScopes = [];
    private object? _httpState;

    internal ClusterState(ClusterModel config, int index, StatScope scope, int workerCount, string localZone = "")
    {
        LocalZone = localZone;
        Config = config;
        Index = index;
        _scope = scope;
        _hosts = HostSet.Empty(workerCount);
        _breakers = new CircuitBreaker[config.CircuitBreakers.Count];
        for (int i = 0; i < _breakers.Length; i++)
        {
            _breakers[i] = new CircuitBreaker(config.CircuitBreakers[i]);
        }
    }

    public ClusterModel Config { get; }

    public string Name => Config.Name;

    /// <summary>The present membership; take it once per use.</summary>
    public HostSet Hosts => _hosts;

    /// <summary>Dense and reused: where workers keep their side of the cluster.</summary>
    public int Index { get; }

    public bool IsRemoved => _removed;

    /// <summary>The zone that this proxy runs in; empty when not stated.</summary>
    internal string LocalZone { get; }

    public ClusterStats Stats => _stats ?? MakeStats();

    /// <summary>What the HTTP rooms derive from the configuration, made once; the value stored first wins.</summary>
    public object? HttpState => Volatile.Read(ref _httpState);

    /// <summary>Stores the HTTP rooms' state unless another worker was first; returns what is stored.</summary>
    public object SetHttpState(object state) => Interlocked.CompareExchange(ref _httpState, state, null) ?? state;

    public CircuitBreaker Breaker(RoutingPriority priority) => _breakers[(int)priority];

    /// <summary>How many of a hundred requests are refused, 0 to 100: the runtime key `upstream.maintenance_mode.NAME`.</summary>
    internal uint RefusedPercent => _refusedPercent;

    /// <summary>The cluster's outlier detector; main loop only.</summary>
    internal Health.OutlierDetector? Outliers { get; set; }

    internal StatScope Scope => _scope;

    internal ClusterStats? StatsIfUsed => _stats;

    /// <summary>A scope below the cluster's, which goes with it. Any thread.</summary>
    internal StatScope OwnScope(string name)
    {
        StatScope scope = _scope.Scope(name);
        lock (_ownScopes)
        {
            _ownScopes.Add(scope);
        }

        return scope;
    }

    /// <summary>Nobody uses the state any more: its statistics go, unless another version of the cluster has them too. Main loop.</summary>
    internal void ReleaseStats()
    {
        lock (_ownScopes)
        {
            foreach (StatScope own in _ownScopes)
            {
                own.Dispose();
            }

            _ownScopes.Clear();
        }

        _scope.Dispose();
    }

    /// <summary>Takes the place of a state whose statistics are in use: the gauges show this one's breakers from now on. Main loop.</summary>
    internal void TakeOverStats(ClusterState former)
    {
        if (former.StatsIfUsed is not null && former._scope == _scope)
        {
            MakeStats();
        }
    }

    internal void Publish(HostSet hosts) => _hosts = hosts;

    /// <summary>
    /// Takes over what the runtime says of this cluster: maintenance and breakers. On the thread that makes the state, then on the main loop.
    /// </summary>
    internal void Apply(RuntimeValues runtime)
    {
        if (!runtime.NamesClusters && !_isOverridden)
        {
            return;
        }

        _isOverridden = runtime.NamesClusters;
        _refusedPercent = (uint)Math.Min(100, runtime.Number(RuntimeValues.MaintenancePrefix + Name) ?? 0);
        for (int i = 0; i < _breakers.Length; i++)
        {
            _breakers[i].Apply(runtime, $"{RuntimeValues.BreakerPrefix}{Name}.{((RoutingPriority)i == RoutingPriority.High ? "high" : "default")}.");
        }
    }

    internal void MarkRemoved() => _removed = true;

    // Two workers may make it at once: names resolve to the same cells, so either object is right.
    private ClusterStats MakeStats()
    {
        ClusterStats stats = _stats ??= new ClusterStats(_scope);
        if (!_removed)
        {
            for (int i = 0; i < _breakers.Length; i++)
            {
                BreakerGauges.Show(_scope, _breakers[i], (RoutingPriority)i);
            }

            HashTableGauges.Show(this);
        }

        return stats;
    }
}
