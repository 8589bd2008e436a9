using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Tls;

namespace Pilotfish.Proxy.Http1;

/// <summary>
/// Everything one worker keeps of HTTP for one host: a pool per routing priority and transport override, since connections of
/// different keys are not interchangeable.
/// </summary>
internal sealed class HostHttpPools : IHostPool
{
    // PROXY headers and original_src make a pool per client: from this many on, empty ones are forgotten before another is made.
    private const int OthersBeforeSweep = 64;

    private readonly WorkerCluster _cluster;
    private readonly Host _host;
    private readonly Http1Pool?[] _plain = new Http1Pool?[2];
    private List<(RoutingPriority Priority, UpstreamTransportOverrides Key, Http1Pool Pool)>? _others;
    private int _sweepAt = OthersBeforeSweep;
    private bool _hostLeft;

    private HostHttpPools(WorkerCluster cluster, Host host)
    {
        _cluster = cluster;
        _host = host;
    }

    public static IUpstreamHttpPool Of(WorkerCluster cluster, Host host, RoutingPriority priority, UpstreamTransportOverrides? overrides)
    {
        ref IHostPool? slot = ref host.Slot(cluster.Worker.Index);
        if (slot is not HostHttpPools pools)
        {
            pools = new HostHttpPools(cluster, host);
            slot = pools;
        }

        return pools.Find(priority, overrides);
    }

    public void OnHostLeft()
    {
        _hostLeft = true;
        ForEach(static pool => pool.Drain());
    }

    public void OnHostUnhealthy(bool closeActive) => ForEach(static pool => pool.CloseIdle());

    private Http1Pool Find(RoutingPriority priority, UpstreamTransportOverrides? overrides)
    {
        if (overrides is null)
        {
            return _plain[(int)priority] ??= Create(priority, null);
        }

        _others ??= [];
        foreach ((RoutingPriority p, UpstreamTransportOverrides key, Http1Pool pool) in _others)
        {
            if (p == priority && key == overrides)
            {
                return pool;
            }
        }

        if (_others.Count >= _sweepAt)
        {
            _others.RemoveAll(static other => other.Pool.IsEmpty);
            _sweepAt = Math.Max(OthersBeforeSweep, 2 * _others.Count);
        }

        Http1Pool made = Create(priority, overrides);
        _others.Add((priority, overrides, made));
        return made;
    }

    private Http1Pool Create(RoutingPriority priority, UpstreamTransportOverrides? overrides)
    {
        var pool = new Http1Pool(_cluster, _host, priority, overrides);
        if (_hostLeft)
        {
            pool.Drain();
        }

        return pool;
    }

    private void ForEach(Action<Http1Pool> action)
    {
        foreach (Http1Pool? pool in _plain)
        {
            if (pool is not null)
            {
                action(pool);
            }
        }

        if (_others is not null)
        {
            foreach ((_, _, Http1Pool pool) in _others)
            {
                action(pool);
            }
        }
    }
}
