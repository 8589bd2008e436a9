using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Tls;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Http1;

/// <summary>
/// HTTP/1 connections of one worker to one host. The connection used last is used next, so that surplus ones grow old and close. Requests
/// that find none wait in order, bounded by max_pending_requests; connections are opened for them, bounded by max_connections.
/// </summary>
internal sealed class Http1Pool : IHostHttpPool
{
    private readonly WorkerCluster _cluster;
    private readonly Host _host;
    private readonly RoutingPriority _priority;
    private readonly UpstreamTransportOverrides? _overrides;
    private readonly CircuitBreaker _breaker;
    private readonly List<Http1UpstreamConnection> _idle = [];
    private readonly PendingRequests _pending;
    private readonly double _ratio;
    private LoopTimer? _idleTimer;
    private int _connecting;
    private int _open;
    private int _generation;
    private bool _drained;
    private StreamProvision _told;

    public Http1Pool(WorkerCluster cluster, Host host, RoutingPriority priority, UpstreamTransportOverrides? overrides)
    {
        _cluster = cluster;
        _host = host;
        _priority = priority;
        _overrides = overrides;
        _breaker = cluster.State.Breaker(priority);
        Http = ClusterHttp.Of(cluster.State);
        _pending = new PendingRequests(_breaker, ClusterStats, Worker.Stats, Http.RqCancelled);
        _ratio = cluster.State.Config.Preconnect.PerUpstreamRatio;
    }

    public Worker Worker => _cluster.Worker;

    public ClusterHttp Http { get; }

    public ClusterStats ClusterStats => _cluster.State.Stats;

    /// <summary>Nothing is open, opening or waited for.</summary>
    public bool IsEmpty => _open == 0 && _connecting == 0 && _pending.Count == 0;

    public bool IsBusy => _open > _idle.Count || _connecting > 0 || _pending.Count > 0;

    public void Acquire(IPoolRequester requester)
    {
        if (!TryHandIdle(requester) && _pending.TryAdd(requester) && _connecting < _pending.Count)
        {
            ConnectAsync(ahead: false);
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

    private bool TryHandIdle(IPoolRequester requester)
    {
        while (_idle.Count > 0)
        {
            Http1UpstreamConnection connection = _idle[^1];
            _idle.RemoveAt(_idle.Count - 1);
            if (!connection.IsClosed)
            {
                Hand(connection, requester);
                return true;
            }
        }

        return false;
    }

    // Hosts that are not in good health get no work that they were not asked for.
    private bool TryConnectAhead(double ratio, bool anticipates)
    {
        if (_drained || _host.Health != HostHealth.Healthy || !Provision.IsShort(ratio, anticipates))
        {
            return false;
        }

        int before = _connecting;
        ConnectAsync(ahead: true);
        return _connecting > before;
    }

    private StreamProvision Provision => new(_pending.Count, _open - _idle.Count, _idle.Count + _connecting);

    private void Tell()
    {
        if (_cluster.Provision is { } sum)
        {
            sum.Replace(ref _told, Provision);
        }
    }

    public void GiveUp(IPoolRequester requester)
    {
        _pending.GiveUp(requester);
        Tell();
    }

    /// <summary>The host left its cluster: idle connections close now, others after their exchange.</summary>
    public void Drain()
    {
        _drained = true;
        CloseIdle();
    }

    public void Replace()
    {
        _generation++;
        CloseIdle();
    }

    public void CloseIdle()
    {
        Http1UpstreamConnection[] idle = [.. _idle];
        _idle.Clear();
        foreach (Http1UpstreamConnection connection in idle)
        {
            connection.CloseIdle();
        }
    }

    /// <summary>Takes over a new connection, perhaps one that was opened before its protocol was known.</summary>
    public void Adopt(UpstreamConnection established)
    {
        _open++;
        Worker.Stats.Add(Http.CxHttp1Total);
        var connection = new Http1UpstreamConnection(this, established, _cluster.State.Config.BufferLimitBytes) { Generation = _generation };
        connection.Start();
        OnIdle(connection);
    }

    internal void OnIdle(Http1UpstreamConnection connection)
    {
        bool spent = Http.RequestsPerConnectionMax > 0 && connection.Requests >= Http.RequestsPerConnectionMax;
        if (spent)
        {
            Worker.Stats.Add(Http.CxMaxRequests);
        }

        if (spent || connection.Generation != _generation || (_drained && _pending.Count == 0))
        {
            connection.CloseIdle();
            return;
        }

        if (_pending.TryTake(out IPoolRequester? first))
        {
            Hand(connection, first);
            Tell();
            return;
        }

        connection.IdleSince = Worker.Loop.NowMilliseconds;
        _idle.Add(connection);
        Tell();
        ArmIdleTimer();
    }

    internal void OnClosed(Http1UpstreamConnection connection)
    {
        _open--;
        _idle.Remove(connection);
        if (_pending.Count > _connecting)
        {
            ConnectAsync(ahead: false);
        }

        Tell();
    }

    internal void OnExchangeEnded()
    {
        _host.RequestEnded();
        _breaker.Requests.Release();
        Worker.Stats.Decrement(ClusterStats.RqActive);
    }

    private void Hand(Http1UpstreamConnection connection, IPoolRequester requester)
    {
        if (!_breaker.Requests.TryAcquire())
        {
            // The connection is fine; the cluster has too many requests.
            connection.IdleSince = Worker.Loop.NowMilliseconds;
            _idle.Add(connection);
            Worker.Stats.Add(ClusterStats.RqPendingOverflow);
            Worker.Stats.Add(ClusterStats.RqActiveOverflow);
            requester.OnPoolFailure(StreamResetReason.Overflow, null);
            return;
        }

        _host.RequestStarted();
        Worker.Stats.Add(ClusterStats.RqTotal);
        Worker.Stats.Increment(ClusterStats.RqActive);
        connection.Begin(requester.Events);
        requester.OnPoolReady(connection);
    }

    // async void: an exception here is a bug and must end the loop, not vanish in a task.
    private async void ConnectAsync(bool ahead)
    {
        _connecting++;
        Tell();
        UpstreamConnectResult result = await _cluster.ConnectAsync(_host, new UpstreamConnectOptions
        {
            Priority = _priority,
            MayExceedLimit = !ahead && _open == 0 && _connecting == 1,
            Transport = _overrides,
        });
        _connecting--;
        Tell();
        if (result.Connection is { } established)
        {
            Adopt(established);
            return;
        }

        if (result.Failure == UpstreamConnectFailure.Overflow && (ahead || _open + _connecting > 0))
        {
            // Waiting requests get the connections that exist when these become free; nobody waits for one that was opened ahead.
            return;
        }

        _pending.Fail(PoolFailures.ReasonOf(result.Failure), result.TransportFailure);
    }

    private void ArmIdleTimer()
    {
        if (Http.IdleMilliseconds <= 0)
        {
            return;
        }

        _idleTimer ??= new LoopTimer(Worker.Loop, static state => ((Http1Pool)state!).CloseExpired(), this);
        if (!_idleTimer.IsScheduled)
        {
            _idleTimer.Schedule(Http.IdleMilliseconds);
        }
    }

    // One timer for all: it looks at the oldest, which lies at the front, and sleeps until that one is due.
    private void CloseExpired()
    {
        long now = Worker.Loop.NowMilliseconds;
        while (_idle.Count > 0 && now - _idle[0].IdleSince >= Http.IdleMilliseconds)
        {
            Http1UpstreamConnection oldest = _idle[0];
            _idle.RemoveAt(0);
            Worker.Stats.Add(ClusterStats.CxIdleTimeout);
            oldest.CloseIdle();
        }

        if (_idle.Count > 0)
        {
            _idleTimer!.Schedule(_idle[0].IdleSince + Http.IdleMilliseconds - now);
        }
    }
}
