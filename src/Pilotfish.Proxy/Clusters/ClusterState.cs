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
    private object? _httpState;

    internal ClusterState(ClusterModel config, int index, StatScope scope, int workerCount)
    {
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

    public ClusterStats Stats => _stats ?? MakeStats();

    /// <summary>What the HTTP rooms derive from the configuration, made once; the value stored first wins.</summary>
    public object? HttpState => Volatile.Read(ref _httpState);

    /// <summary>Stores the HTTP rooms' state unless another worker was first; returns what is stored.</summary>
    public object SetHttpState(object state) => Interlocked.CompareExchange(ref _httpState, state, null) ?? state;

    public CircuitBreaker Breaker(RoutingPriority priority) => _breakers[(int)priority];

    /// <summary>The process's, where its runtime can hold such keys; set once, before requests come.</summary>
    internal MaintenanceModes? Maintenance { get; init; }

    /// <summary>The cluster's outlier detector; main loop only.</summary>
    internal Health.OutlierDetector? Outliers { get; set; }

    internal StatScope Scope => _scope;

    internal ClusterStats? StatsIfUsed => _stats;

    internal void Publish(HostSet hosts) => _hosts = hosts;

    internal void MarkRemoved() => _removed = true;

    // Two workers may make it at once: names resolve to the same cells, so either object is right.
    private ClusterStats MakeStats() => _stats ??= new ClusterStats(_scope);
}
