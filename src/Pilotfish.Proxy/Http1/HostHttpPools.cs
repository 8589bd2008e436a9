using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http2;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tls;
using Pilotfish.Proxy.Tunnels;

namespace Pilotfish.Proxy.Http1;

/// <summary>
/// Everything one worker keeps of HTTP for one host: a pool per protocol, routing priority and transport override, since connections of
/// different keys are not interchangeable. Pools count towards max_connection_pools from when they are asked for until they are empty.
/// </summary>
internal sealed class HostHttpPools : IHostPool
{
    private const int ProtocolCount = 4;

    private readonly WorkerCluster _cluster;
    private readonly Host _host;

    // By protocol and priority: without overrides, the common case.
    private readonly IHostHttpPool?[] _plain = new IHostHttpPool?[2 * ProtocolCount];

    // Those of the same kind that are empty and do not count: kept, since hosts that close after each request would otherwise cost an
    // object for each.
    private readonly IHostHttpPool?[] _resting = new IHostHttpPool?[2 * ProtocolCount];

    // PROXY headers and original_src make a pool per client.
    private List<(int Slot, UpstreamTransportOverrides Key, IHostHttpPool Pool)>? _others;
    private bool _hostLeft;
    private bool _checkPending;

    private HostHttpPools(WorkerCluster cluster, Host host)
    {
        _cluster = cluster;
        _host = host;
    }

    /// <summary>
    /// The pool for a request that came in <paramref name="downstream"/>, by the cluster's protocol options; null when it would be one more
    /// than max_connection_pools.
    /// </summary>
    public static IHostHttpPool? Of(
        WorkerCluster cluster, Host host, RoutingPriority priority, UpstreamTransportOverrides? overrides, HttpProtocol downstream) =>
        Of(cluster, host, priority, overrides, ClusterHttp.Of(cluster.State).PoolProtocolFor(downstream));

    /// <summary>The pool of what speaks <paramref name="protocol"/>; null when it would be one more than max_connection_pools.</summary>
    public static IHostHttpPool? Of(
        WorkerCluster cluster, Host host, RoutingPriority priority, UpstreamTransportOverrides? overrides, UpstreamProtocol protocol)
    {
        ref IHostPool? slot = ref host.Slot(cluster.Worker.Index);
        if (slot is not HostHttpPools pools)
        {
            pools = new HostHttpPools(cluster, host);
            slot = pools;
        }

        return pools.Find(priority, overrides, protocol);
    }

    /// <summary>
    /// predictive_preconnect_ratio: a request is about to take a stream; connections are opened to the hosts that the next ones will
    /// likely go to. The pool of each host sees to its own ratio.
    /// </summary>
    public static void Anticipate(WorkerCluster cluster, in LoadBalancingRequest request, RoutingPriority priority,
        UpstreamTransportOverrides? overrides, HttpProtocol downstream)
    {
        ClusterProvision provision = cluster.Provision!;
        for (int i = 0; i < PreconnectPolicy.AheadPerRequestMax && provision.IsShort; i++)
        {
            if (cluster.Foresee(in request) is not { } host
                || Of(cluster, host, priority, overrides, downstream) is not { } pool || !pool.ConnectAhead(provision.Ratio))
            {
                return;
            }
        }
    }

    public void OnHostLeft()
    {
        _hostLeft = true;
        ForEach(static pool => pool.Drain());
        ForgetEmpty();
    }

    public void OnHostUnhealthy() => ForEach(static pool => pool.Replace());

    public void OnConnectionGone()
    {
        if (!_checkPending)
        {
            _checkPending = true;
            _cluster.Worker.Loop.Defer(static state => ((HostHttpPools)state!).Check(), this);
        }
    }

    private void Check()
    {
        _checkPending = false;
        ForgetEmpty();
    }

    private IHostHttpPool? Find(RoutingPriority priority, UpstreamTransportOverrides? overrides, UpstreamProtocol protocol)
    {
        int slot = ((int)protocol * 2) + (int)priority;
        if (overrides is null)
        {
            return _plain[slot] ?? Begin(slot, priority, protocol);
        }

        if (_others is not null)
        {
            foreach ((int s, UpstreamTransportOverrides key, IHostHttpPool pool) in _others)
            {
                if (s == slot && key == overrides)
                {
                    return pool;
                }
            }
        }

        if (!TryCount(priority))
        {
            return null;
        }

        IHostHttpPool made = Create(priority, overrides, protocol);
        (_others ??= []).Add((slot, overrides, made));
        return made;
    }

    private IHostHttpPool? Begin(int slot, RoutingPriority priority, UpstreamProtocol protocol)
    {
        if (!TryCount(priority))
        {
            return null;
        }

        IHostHttpPool pool = _resting[slot] ?? Create(priority, null, protocol);
        _resting[slot] = null;
        _plain[slot] = pool;
        return pool;
    }

    // A place under max_connection_pools: a free one, that of a pool that is empty, or that of one of this host which has idle connections only.
    private bool TryCount(RoutingPriority priority)
    {
        Breaker breaker = _cluster.State.Breaker(priority).ConnectionPools;
        if (!breaker.TryAcquire())
        {
            ForgetAllEmpty();
            if (!breaker.TryAcquire() && !(TryCloseIdle(priority) && breaker.TryAcquire()))
            {
                _cluster.Worker.Stats.Add(_cluster.State.Stats.CxPoolOverflow);
                return false;
            }
        }

        // Whoever asked may be refused by the pool, and then no connection ends that would tell of it.
        OnConnectionGone();
        return true;
    }

    private void ForgetAllEmpty()
    {
        foreach (Host host in _cluster.State.Hosts.All)
        {
            (host.Slot(_cluster.Worker.Index) as HostHttpPools)?.ForgetEmpty();
        }

        foreach (Host host in _cluster.OwnHosts)
        {
            (host.Slot(_cluster.Worker.Index) as HostHttpPools)?.ForgetEmpty();
        }
    }

    private bool TryCloseIdle(RoutingPriority priority)
    {
        for (int slot = (int)priority; slot < _plain.Length; slot += 2)
        {
            if (_plain[slot] is { IsBusy: false } pool && TryClose(pool))
            {
                return true;
            }
        }

        if (_others is not null)
        {
            foreach ((int slot, _, IHostHttpPool pool) in _others)
            {
                if (slot % 2 == (int)priority && !pool.IsBusy && TryClose(pool))
                {
                    return true;
                }
            }
        }

        return false;
    }

    private bool TryClose(IHostHttpPool pool)
    {
        pool.CloseIdle();
        if (!pool.IsEmpty)
        {
            return false;
        }

        ForgetEmpty();
        return true;
    }

    private void ForgetEmpty()
    {
        for (int slot = 0; slot < _plain.Length; slot++)
        {
            if (_plain[slot] is { IsEmpty: true } pool)
            {
                _plain[slot] = null;
                _resting[slot] = pool;
                Uncount(slot);
            }
        }

        for (int i = (_others?.Count ?? 0) - 1; i >= 0; i--)
        {
            (int slot, _, IHostHttpPool pool) = _others![i];
            if (pool.IsEmpty)
            {
                _others.RemoveAt(i);
                Uncount(slot);
            }
        }
    }

    private void Uncount(int slot) => _cluster.State.Breaker((RoutingPriority)(slot % 2)).ConnectionPools.Release();

    private IHostHttpPool Create(RoutingPriority priority, UpstreamTransportOverrides? overrides, UpstreamProtocol protocol)
    {
        IHostHttpPool pool = protocol switch
        {
            UpstreamProtocol.Http2 => new Http2Pool(_cluster, _host, priority, overrides),
            UpstreamProtocol.Alpn => new AlpnPool(_cluster, _host, priority, overrides),
            UpstreamProtocol.Raw => new RawPool(_cluster, _host, priority, overrides),
            _ => new Http1Pool(_cluster, _host, priority, overrides),
        };
        if (_hostLeft)
        {
            pool.Drain();
        }

        return pool;
    }

    private void ForEach(Action<IHostHttpPool> action)
    {
        for (int slot = 0; slot < _plain.Length; slot++)
        {
            if (_plain[slot] is { } pool)
            {
                action(pool);
            }

            if (_resting[slot] is { } resting)
            {
                action(resting);
            }
        }

        if (_others is not null)
        {
            foreach ((_, _, IHostHttpPool pool) in _others.ToArray())
            {
                action(pool);
            }
        }
    }
}
