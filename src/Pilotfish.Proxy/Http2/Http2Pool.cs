using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Tls;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Http2;

/// <summary>
/// HTTP/2 connections of one worker to one host: usually one. Another is opened only when every stream of those at hand is taken.
/// Requests that find no room wait in order, bounded by max_pending_requests.
/// </summary>
internal sealed class Http2Pool : IHostHttpPool
{
    private const string UpgradesRefused = "the upstream does not enable extended CONNECT (SETTINGS_ENABLE_CONNECT_PROTOCOL)";
    private const string NoSettings = "the upstream sent no SETTINGS within connect_timeout";

    private readonly WorkerCluster _cluster;
    private readonly Host _host;
    private readonly RoutingPriority _priority;
    private readonly UpstreamTransportOverrides? _overrides;
    private readonly CircuitBreaker _breaker;
    private readonly List<Http2UpstreamConnection> _connections = [];
    private readonly PendingRequests _pending;

    // Upgrades wait for a connection whose peer has said that it takes them; nobody waits behind them.
    private readonly PendingRequests _upgrades;
    private readonly double _ratio;
    private LoopTimer? _idleTimer;
    private LoopTimer? _settingsTimer;
    private int _connecting;
    private bool _drained;
    private StreamProvision _told;

    public Http2Pool(WorkerCluster cluster, Host host, RoutingPriority priority, UpstreamTransportOverrides? overrides)
    {
        _cluster = cluster;
        _host = host;
        _priority = priority;
        _overrides = overrides;
        _breaker = cluster.State.Breaker(priority);
        Http = ClusterHttp.Of(cluster.State);
        _pending = new PendingRequests(_breaker, ClusterStats, Worker.Stats, Http.RqCancelled);
        _upgrades = new PendingRequests(_breaker, ClusterStats, Worker.Stats, Http.RqCancelled);
        _ratio = cluster.State.Config.Preconnect.PerUpstreamRatio;
    }

    public Worker Worker => _cluster.Worker;

    public ClusterHttp Http { get; }

    public ClusterStats ClusterStats => _cluster.State.Stats;

    public bool IsEmpty => _connections.Count == 0 && _connecting == 0 && _pending.Count == 0 && _upgrades.Count == 0;

    public bool IsBusy => _connecting > 0 || _pending.Count > 0 || _upgrades.Count > 0
        || _connections.Exists(static connection => connection.ActiveStreams > 0);

    public void Acquire(IPoolRequester requester)
    {
        if (requester.IsUpgrade)
        {
            AcquireForUpgrade(requester);
        }
        else if (!TryHand(requester) && _pending.TryAdd(requester))
        {
            ConnectIfNeeded();
        }

        Tell();
        for (int i = 0; _ratio > PreconnectPolicy.RatioMin && i < PreconnectPolicy.AheadPerRequestMax; i++)
        {
            if (!TryConnectAhead(_ratio, anticipates: false))
            {
                break;
            }
        }
    }

    public bool ConnectAhead(double ratio) => TryConnectAhead(ratio, anticipates: true);

    private bool TryHand(IPoolRequester requester)
    {
        foreach (Http2UpstreamConnection connection in _connections)
        {
            if (connection.HasRoom)
            {
                Hand(connection, requester);
                return true;
            }
        }

        return false;
    }

    private void AcquireForUpgrade(IPoolRequester requester)
    {
        foreach (Http2UpstreamConnection connection in _connections)
        {
            if (connection.HasRoom && connection.Upgrades == UpgradeSupport.Yes)
            {
                Hand(connection, requester);
                return;
            }
        }

        if (RefusesUpgrades)
        {
            requester.OnPoolFailure(StreamResetReason.LocalReset, UpgradesRefused);
        }
        else if (_upgrades.TryAdd(requester))
        {
            ConnectIfNeeded();
            ArmSettingsTimer();
        }
    }

    // Every connection's peer has spoken, and none takes upgrades.
    private bool RefusesUpgrades => _connecting == 0 && _connections.Count > 0
        && !_connections.Exists(static connection => connection.Upgrades != UpgradeSupport.No);

    private bool AwaitsSettings => _connections.Exists(static connection => connection.Upgrades == UpgradeSupport.Unknown);

    // Hosts that are not in good health get no work that they were not asked for.
    private bool TryConnectAhead(double ratio, bool anticipates)
    {
        if (_drained || _host.Health != HostHealth.Healthy || !Provision().IsShort(ratio, anticipates))
        {
            return false;
        }

        int before = _connecting;
        ConnectAsync(ahead: true);
        return _connecting > before;
    }

    // A connection on its way counts with what this side allows: what the host allows it says later.
    private StreamProvision Provision()
    {
        long active = 0;
        long capacity = (long)_connecting * Http.Http2.ConcurrentStreamsMax;
        foreach (Http2UpstreamConnection connection in _connections)
        {
            active += connection.ActiveStreams;
            capacity += connection.Room;
        }

        return new StreamProvision(_pending.Count + _upgrades.Count, active, capacity);
    }

    private void Tell()
    {
        if (_cluster.Provision is { } sum)
        {
            sum.Replace(ref _told, Provision());
        }
    }

    public void GiveUp(IPoolRequester requester)
    {
        _pending.GiveUp(requester);
        _upgrades.GiveUp(requester);
        Tell();
    }

    public void Drain()
    {
        _drained = true;
        foreach (Http2UpstreamConnection connection in _connections.ToArray())
        {
            connection.Drain();
        }
    }

    public void Replace()
    {
        CloseIdle();
        foreach (Http2UpstreamConnection connection in _connections.ToArray())
        {
            connection.Drain();
        }

        _connections.Clear();
        ConnectIfNeeded();
        Tell();
    }

    public void CloseIdle()
    {
        foreach (Http2UpstreamConnection connection in _connections.ToArray())
        {
            connection.CloseIdle();
        }
    }

    /// <summary>Takes over a connection that was opened before its protocol was known.</summary>
    public void Adopt(UpstreamConnection established)
    {
        Worker.Stats.Add(Http.CxHttp2Total);
        var connection = new Http2UpstreamConnection(this, established, _cluster.State.Config.BufferLimitBytes);
        _connections.Add(connection);
        connection.Start();
        OnRoom(connection);
    }

    internal void OnRoom(Http2UpstreamConnection connection)
    {
        while (connection.HasRoom && _pending.TryTake(out IPoolRequester? first))
        {
            Hand(connection, first);
        }

        while (connection.HasRoom && connection.Upgrades == UpgradeSupport.Yes && _upgrades.TryTake(out IPoolRequester? upgrade))
        {
            Hand(connection, upgrade);
        }

        if (_upgrades.Count > 0)
        {
            SettleUpgrades();
        }

        Tell();
        if (connection.ActiveStreams > 0 || connection.IsClosed)
        {
            return;
        }

        if (_drained)
        {
            connection.Drain();
        }
        else
        {
            ArmIdleTimer();
        }
    }

    // What waits for an upgrade learns from each peer's SETTINGS, or from the lack of any, what to wait for.
    private void SettleUpgrades()
    {
        if (RefusesUpgrades)
        {
            _upgrades.Fail(StreamResetReason.LocalReset, UpgradesRefused);
            return;
        }

        ConnectIfNeeded();
        ArmSettingsTimer();
    }

    // Establishing a connection has connect_timeout; what it may be used for belongs to that.
    private void ArmSettingsTimer()
    {
        if (!AwaitsSettings)
        {
            return;
        }

        _settingsTimer ??= new LoopTimer(Worker.Loop, static state => ((Http2Pool)state!).OnSettingsTime(), this);
        if (!_settingsTimer.IsScheduled)
        {
            _settingsTimer.Schedule(_cluster.State.Config.ConnectTimeoutMilliseconds);
        }
    }

    private void OnSettingsTime()
    {
        if (_upgrades.Count > 0 && AwaitsSettings)
        {
            _upgrades.Fail(StreamResetReason.ConnectionTimeout, NoSettings);
        }
    }

    internal void OnDraining(Http2UpstreamConnection connection)
    {
        _connections.Remove(connection);
        ConnectIfNeeded();
        Tell();
    }

    internal void OnClosed(Http2UpstreamConnection connection)
    {
        _connections.Remove(connection);
        ConnectIfNeeded();
        Tell();
    }

    internal void OnExchangeEnded()
    {
        _host.RequestEnded();
        _breaker.Requests.Release();
        Worker.Stats.Decrement(ClusterStats.RqActive);
    }

    private void Hand(Http2UpstreamConnection connection, IPoolRequester requester)
    {
        if (!_breaker.Requests.TryAcquire())
        {
            Worker.Stats.Add(ClusterStats.RqPendingOverflow);
            Worker.Stats.Add(ClusterStats.RqActiveOverflow);
            requester.OnPoolFailure(StreamResetReason.Overflow, null);
            return;
        }

        _host.RequestStarted();
        Worker.Stats.Add(ClusterStats.RqTotal);
        Worker.Stats.Increment(ClusterStats.RqActive);
        Http2UpstreamStream stream = connection.Open(requester.Events);
        if (Http.RequestsPerConnectionMax > 0 && connection.Requests >= Http.RequestsPerConnectionMax)
        {
            Worker.Stats.Add(Http.CxMaxRequests);
            connection.Drain();
            _connections.Remove(connection);
        }

        requester.OnPoolReady(stream);
    }

    // A connection on its way will carry many: one at a time is enough.
    private void ConnectIfNeeded()
    {
        if (_connecting == 0 && (_pending.Count > 0 || (_upgrades.Count > 0 && !AwaitsSettings)))
        {
            ConnectAsync(ahead: false);
        }
    }

    // async void: an exception here is a bug and must end the loop, not vanish in a task.
    private async void ConnectAsync(bool ahead)
    {
        _connecting++;
        Tell();
        UpstreamConnectResult result = await _cluster.ConnectAsync(_host, new UpstreamConnectOptions
        {
            Priority = _priority,
            MayExceedLimit = !ahead && _connections.Count == 0,
            Transport = _overrides,
        });
        _connecting--;
        Tell();
        if (result.Connection is { } established)
        {
            Adopt(established);
            ConnectIfNeeded();
            return;
        }

        if (result.Failure == UpstreamConnectFailure.Overflow && (ahead || _connections.Count > 0))
        {
            // Waiting requests get streams when those at hand end; nobody waits for a connection that was opened ahead.
            return;
        }

        _pending.Fail(PoolFailures.ReasonOf(result.Failure), result.TransportFailure);
        _upgrades.Fail(PoolFailures.ReasonOf(result.Failure), result.TransportFailure);
    }

    private void ArmIdleTimer()
    {
        if (Http.IdleMilliseconds <= 0)
        {
            return;
        }

        _idleTimer ??= new LoopTimer(Worker.Loop, static state => ((Http2Pool)state!).CloseExpired(), this);
        if (!_idleTimer.IsScheduled)
        {
            _idleTimer.Schedule(Http.IdleMilliseconds);
        }
    }

    private void CloseExpired()
    {
        long now = Worker.Loop.NowMilliseconds;
        long next = -1;
        foreach (Http2UpstreamConnection connection in _connections.ToArray())
        {
            long due = connection.IdleSince + Http.IdleMilliseconds - now;
            if (connection.ActiveStreams == 0 && due <= 0)
            {
                Worker.Stats.Add(ClusterStats.CxIdleTimeout);
                connection.CloseIdle();
            }
            else
            {
                long wait = connection.ActiveStreams > 0 ? Http.IdleMilliseconds : due;
                next = next < 0 ? wait : Math.Min(next, wait);
            }
        }

        if (next >= 0)
        {
            _idleTimer!.Schedule(Math.Max(1, next));
        }
    }
}
