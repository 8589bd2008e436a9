using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Tls;

namespace Pilotfish.Proxy.Tunnels;

/// <summary>
/// TCP connections of one worker to one host for requests whose payload is TCP: a connection for each, none of which is ever used again.
/// Who waits is bounded by max_pending_requests, connections by max_connections, of which the first of a host may pass the limit.
/// </summary>
internal sealed class RawPool : IHostHttpPool
{
    private readonly WorkerCluster _cluster;
    private readonly Host _host;
    private readonly RoutingPriority _priority;
    private readonly UpstreamTransportOverrides? _overrides;
    private readonly CircuitBreaker _breaker;
    private readonly PendingRequests _pending;
    private int _connecting;
    private int _open;

    public RawPool(WorkerCluster cluster, Host host, RoutingPriority priority, UpstreamTransportOverrides? overrides)
    {
        _cluster = cluster;
        _host = host;
        _priority = priority;
        _overrides = overrides;
        _breaker = cluster.State.Breaker(priority);
        _pending = new PendingRequests(_breaker, ClusterStats, Cells, ClusterHttp.Of(cluster.State).RqCancelled);
    }

    public bool IsEmpty => _open == 0 && _connecting == 0 && _pending.Count == 0;

    public bool IsBusy => !IsEmpty;

    internal ClusterStats ClusterStats => _cluster.State.Stats;

    internal StatCells Cells => _cluster.Worker.Stats;

    public void Acquire(IPoolRequester requester)
    {
        if (_pending.TryAdd(requester))
        {
            ConnectAsync();
        }
    }

    public void GiveUp(IPoolRequester requester) => _pending.GiveUp(requester);

    // Every connection belongs to a request, which ends it.
    public void Drain()
    {
    }

    public void CloseIdle()
    {
    }

    public void Replace()
    {
    }

    public bool ConnectAhead(double ratio) => false;

    internal void OnClosed()
    {
        _open--;
        _host.RequestEnded();
        _breaker.Requests.Release();
        Cells.Decrement(ClusterStats.RqActive);
    }

    // async void: an exception here is a bug and must end the loop, not vanish in a task.
    private async void ConnectAsync()
    {
        _connecting++;
        UpstreamConnectResult result = await _cluster.ConnectAsync(_host, new UpstreamConnectOptions
        {
            Priority = _priority,
            MayExceedLimit = _open == 0 && _connecting == 1,
            Transport = _overrides,
        });
        _connecting--;
        if (result.Connection is { } connection)
        {
            Hand(connection);
        }
        else if (_pending.TryTake(out IPoolRequester? first))
        {
            Cells.Add(ClusterStats.RqPendingFailureEject);
            first.OnPoolFailure(PoolFailures.ReasonOf(result.Failure), result.TransportFailure);
        }
    }

    private void Hand(UpstreamConnection connection)
    {
        bool isWanted = _pending.TryTake(out IPoolRequester? requester);
        if (!isWanted || !_breaker.Requests.TryAcquire())
        {
            connection.Stream.Close();
            connection.Finished(byRemote: false);
            if (isWanted)
            {
                Cells.Add(ClusterStats.RqPendingOverflow);
                Cells.Add(ClusterStats.RqActiveOverflow);
                requester!.OnPoolFailure(StreamResetReason.Overflow, null);
            }

            return;
        }

        _open++;
        _host.RequestStarted();
        Cells.Add(ClusterStats.RqTotal);
        Cells.Increment(ClusterStats.RqActive);
        requester!.OnPoolReady(new RawUpstreamStream(this, connection, _cluster.State.Config.BufferLimitBytes, requester.Events));
    }
}
