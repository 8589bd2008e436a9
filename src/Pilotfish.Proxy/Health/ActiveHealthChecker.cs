using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Health;

/// <summary>Checks every host of one cluster for as long as it is a member. Main loop.</summary>
internal sealed class ActiveHealthChecker
{
    private const uint PercentMax = 100;

    private readonly ClusterState _state;
    private readonly WorkerCluster _cluster;
    private readonly WorkerRandom _random;
    private readonly StatCells _cells;
    private readonly HealthCheckObserver _checked;
    private readonly RuntimeValues _runtime;
    private readonly Dictionary<Host, HealthCheckSession> _sessions = [];
    private IReadOnlyList<Host> _hosts = [];
    private Action? _firstRoundDone;
    private bool _begun;
    private bool _closed;

    /// <param name="policy">The cluster's check.</param>
    /// <param name="state">The cluster.</param>
    /// <param name="loop">The main loop.</param>
    /// <param name="random">For jitter.</param>
    /// <param name="onChecked">Hears of each finished check.</param>
    /// <param name="runtime">For the bounds of all intervals.</param>
    public ActiveHealthChecker(
        HealthCheckPolicy policy, ClusterState state, EventLoop loop, WorkerRandom random, HealthCheckObserver onChecked, RuntimeValues runtime)
    {
        _runtime = runtime;
        Policy = policy;
        Loop = loop;
        _random = random;
        _checked = onChecked;
        _cells = state.Scope.Store.Main;
        Stats = new HealthCheckStats(state.OwnScope("health_check"));

        // Checks run beside the traffic loops: this side of the cluster belongs to the main loop alone. Those that need a pool have a state of
        // their own, too, or the pool would count as traffic.
        _state = state;
        _cluster = policy.Kind is HealthCheckKind.Http2 or HealthCheckKind.Grpc
            ? Apart(state, loop, random)
            : new WorkerCluster(new Worker(0, loop, _cells, random.NextUInt64()), state);
    }

    public HealthCheckPolicy Policy { get; }

    public EventLoop Loop { get; }

    public HealthCheckStats Stats { get; }

    /// <summary>Begins with hosts that came, ends with hosts that left.</summary>
    public void SetHosts(IReadOnlyList<Host> hosts)
    {
        _hosts = hosts;
        if (!_begun)
        {
            return;
        }

        var present = new HashSet<Host>(hosts);
        foreach (Host gone in new List<Host>(_sessions.Keys))
        {
            if (!present.Contains(gone))
            {
                _sessions.Remove(gone, out HealthCheckSession? session);
                session!.End();
                gone.Monitor.Attach((ActiveHealthChecker?)null);
            }
        }

        foreach (Host host in hosts)
        {
            if (!host.Config.ActiveHealthCheckDisabled && !_sessions.ContainsKey(host))
            {
                var session = new HealthCheckSession(this, host, HealthProbe.Create(_cluster, host, Policy));
                _sessions.Add(host, session);
                host.Monitor.Attach(this);
                session.Start(Jitter(Policy.InitialJitterMilliseconds));
            }
        }

        UpdateGauges();
        TellFirstRound();
    }

    /// <summary>
    /// Begins to check: the cluster has its hosts and its secrets. Runs the action when every present host was checked once.
    /// </summary>
    public void Begin(Action firstRoundDone)
    {
        _begun = true;
        _firstRoundDone = firstRoundDone;
        SetHosts(_hosts);
    }

    public void Close()
    {
        _closed = true;
        _firstRoundDone = null;
        foreach ((Host host, HealthCheckSession session) in _sessions)
        {
            session.End();
            host.Monitor.Attach((ActiveHealthChecker?)null);
        }

        _sessions.Clear();
        UpdateGauges();
    }

    /// <summary>Any thread: a host told by an answer to a request that it fails its checks from now on.</summary>
    public void PostImmediateFailure(Host host) => Loop.Post(
        static state =>
        {
            (ActiveHealthChecker checker, Host host) = ((ActiveHealthChecker, Host))state!;
            if (!checker._closed && checker._sessions.TryGetValue(host, out HealthCheckSession? session))
            {
                session.FailNow();
            }
        },
        (this, host));

    public void Count(Counter counter) => _cells.Add(counter);

    /// <summary>The pause before a host's next check. While the cluster was never used, hosts are looked at rarely.</summary>
    public long NextInterval(bool healthy, bool pending)
    {
        bool used = _state.StatsIfUsed is { } stats && _state.Scope.Store.Value(stats.CxTotal) > 0;
        long pause = used
            ? healthy
                ? pending ? Policy.HealthyEdgeMilliseconds : Policy.IntervalMilliseconds
                : pending ? Policy.UnhealthyEdgeMilliseconds : Policy.UnhealthyMilliseconds
            : healthy && !pending ? Policy.NoTrafficHealthyMilliseconds : Policy.NoTrafficMilliseconds;
        return Bounded(pause + Jitter(pause * Policy.IntervalJitterPercent / PercentMax) + Jitter(Policy.IntervalJitterMilliseconds));
    }

    // health_check.max_interval wins over min_interval, and a millisecond over both.
    private long Bounded(long pause)
    {
        ulong least = _runtime.Number("health_check.min_interval") ?? 0;
        ulong most = _runtime.Number("health_check.max_interval") ?? long.MaxValue;
        return (long)Math.Clamp(Math.Min(Math.Max((ulong)pause, least), most), 1, long.MaxValue);
    }

    public void OnChecked(HealthCheckSession session, bool passed, bool changed)
    {
        if (_closed)
        {
            return;
        }

        UpdateGauges();
        _checked(session.Host, passed, changed);
        TellFirstRound();
    }

    private static WorkerCluster Apart(ClusterState state, EventLoop loop, WorkerRandom random)
    {
        var unseen = new StatsStore();
        return new WorkerCluster(
            new Worker(0, loop, unseen.Main, random.NextUInt64()), new ClusterState(state.Config, index: 0, unseen.Scope("checks"), workerCount: 1));
    }

    private void TellFirstRound()
    {
        if (_firstRoundDone is null)
        {
            return;
        }

        foreach (HealthCheckSession session in _sessions.Values)
        {
            if (!session.IsChecked)
            {
                return;
            }
        }

        Action action = _firstRoundDone;
        _firstRoundDone = null;
        action();
    }

    private long Jitter(long below) => below > 0 ? _random.NextBelow((int)Math.Min(int.MaxValue, below)) : 0;

    private void UpdateGauges()
    {
        (int healthy, int degraded) = (0, 0);
        foreach (Host host in _sessions.Keys)
        {
            healthy += host.IsUnhealthy ? 0 : 1;
            degraded += host.IsDegraded ? 1 : 0;
        }

        _cells.Set(Stats.Healthy, healthy);
        _cells.Set(Stats.Degraded, degraded);
    }
}
