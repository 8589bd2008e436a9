using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Http2;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Tls;

namespace Pilotfish.Proxy.Http;

/// <summary>
/// auto_config: the host's first handshake decides between HTTP/2 and HTTP/1.1 for the requests that wait and for those that come later.
/// A plaintext host is HTTP/1.1.
/// </summary>
internal sealed class AlpnPool(WorkerCluster cluster, Host host, RoutingPriority priority, UpstreamTransportOverrides? overrides) : IHostHttpPool
{
    private readonly List<IPoolRequester> _waiting = [];
    private IHostHttpPool? _chosen;
    private bool _connecting;
    private bool _drained;

    public bool IsEmpty => !_connecting && _waiting.Count == 0 && (_chosen is null || _chosen.IsEmpty);

    public bool IsBusy => _connecting || _waiting.Count > 0 || _chosen is { IsBusy: true };

    public void Acquire(IPoolRequester requester)
    {
        if (_chosen is { } chosen)
        {
            chosen.Acquire(requester);
            return;
        }

        if (_waiting.Count >= cluster.State.Breaker(priority).Config.PendingRequestsMax)
        {
            cluster.Worker.Stats.Add(cluster.State.Stats.RqPendingOverflow);
            requester.OnPoolFailure(StreamResetReason.Overflow, null);
            return;
        }

        _waiting.Add(requester);
        if (!_connecting)
        {
            DecideAsync(ahead: false);
        }
    }

    public void GiveUp(IPoolRequester requester)
    {
        if (!_waiting.Remove(requester))
        {
            _chosen?.GiveUp(requester);
        }
    }

    public void Drain()
    {
        _drained = true;
        _chosen?.Drain();
    }

    public void CloseIdle() => _chosen?.CloseIdle();

    public void Replace() => _chosen?.Replace();

    public bool ConnectAhead(double ratio)
    {
        if (_chosen is { } chosen)
        {
            return chosen.ConnectAhead(ratio);
        }

        // The first connection tells what it is worth; another is not opened before that.
        if (_connecting || _drained || host.Health != HostHealth.Healthy)
        {
            return false;
        }

        DecideAsync(ahead: true);
        return _connecting;
    }

    // async void: an exception here is a bug and must end the loop, not vanish in a task.
    private async void DecideAsync(bool ahead)
    {
        _connecting = true;
        UpstreamConnectResult result = await cluster.ConnectAsync(host, new UpstreamConnectOptions
        {
            Priority = priority,
            MayExceedLimit = !ahead,
            Transport = overrides,
        });
        _connecting = false;
        IPoolRequester[] waiting = [.. _waiting];
        _waiting.Clear();
        if (result.Connection is not { } connection)
        {
            foreach (IPoolRequester requester in waiting)
            {
                requester.OnPoolFailure(PoolFailures.ReasonOf(result.Failure), result.TransportFailure);
            }

            return;
        }

        if (connection.Stream.Tls?.ApplicationProtocol is "h2" or "istio-h2")
        {
            var pool = new Http2Pool(cluster, host, priority, overrides);
            _chosen = pool;
            pool.Adopt(connection);
        }
        else
        {
            var pool = new Http1Pool(cluster, host, priority, overrides);
            _chosen = pool;
            pool.Adopt(connection);
        }

        foreach (IPoolRequester requester in waiting)
        {
            _chosen.Acquire(requester);
        }

        if (_drained)
        {
            _chosen.Drain();
        }
    }
}
