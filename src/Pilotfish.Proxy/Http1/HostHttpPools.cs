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
/// different keys are not interchangeable.
/// </summary>
internal sealed class HostHttpPools : IHostPool
{
    private const int ProtocolCount = 4;

    // PROXY headers and original_src make a pool per client: from this many on, empty ones are forgotten before another is made.
    private const int OthersBeforeSweep = 64;

    private readonly WorkerCluster _cluster;
    private readonly Host _host;

    // By protocol and priority: without overrides, the common case.
    private readonly IHostHttpPool?[] _plain = new IHostHttpPool?[2 * ProtocolCount];
    private List<(int Slot, UpstreamTransportOverrides Key, IHostHttpPool Pool)>? _others;
    private int _sweepAt = OthersBeforeSweep;
    private bool _hostLeft;

    private HostHttpPools(WorkerCluster cluster, Host host)
    {
        _cluster = cluster;
        _host = host;
    }

    /// <summary>The pool for a request that came in <paramref name="downstream"/>, by the cluster's protocol options.</summary>
    public static IHostHttpPool Of(
        WorkerCluster cluster, Host host, RoutingPriority priority, UpstreamTransportOverrides? overrides, HttpProtocol downstream) =>
        Of(cluster, host, priority, overrides, ClusterHttp.Of(cluster.State).PoolProtocolFor(downstream));

    /// <summary>The pool of what speaks <paramref name="protocol"/>.</summary>
    public static IHostHttpPool Of(
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
                || !Of(cluster, host, priority, overrides, downstream).ConnectAhead(provision.Ratio))
            {
                return;
            }
        }
    }

    public void OnHostLeft()
    {
        _hostLeft = true;
        ForEach(static pool => pool.Drain());
    }

    public void OnHostUnhealthy(bool closeActive) => ForEach(static pool => pool.CloseIdle());

    private IHostHttpPool Find(RoutingPriority priority, UpstreamTransportOverrides? overrides, UpstreamProtocol protocol)
    {
        int slot = ((int)protocol * 2) + (int)priority;
        if (overrides is null)
        {
            return _plain[slot] ??= Create(priority, null, protocol);
        }

        _others ??= [];
        foreach ((int s, UpstreamTransportOverrides key, IHostHttpPool pool) in _others)
        {
            if (s == slot && key == overrides)
            {
                return pool;
            }
        }

        if (_others.Count >= _sweepAt)
        {
            _others.RemoveAll(static other => other.Pool.IsEmpty);
            _sweepAt = Math.Max(OthersBeforeSweep, 2 * _others.Count);
        }

        IHostHttpPool made = Create(priority, overrides, protocol);
        _others.Add((slot, overrides, made));
        return made;
    }

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
        foreach (IHostHttpPool? pool in _plain)
        {
            if (pool is not null)
            {
                action(pool);
            }
        }

        if (_others is not null)
        {
            foreach ((_, _, IHostHttpPool pool) in _others)
            {
                action(pool);
            }
        }
    }
}
