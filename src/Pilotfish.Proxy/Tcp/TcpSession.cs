using System.Globalization;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Clusters.OnDemand;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tunnels;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Tcp;

/// <summary>
/// One proxied TCP connection: 1 choose a cluster, 2 connect (with attempts), by itself or through a tunnel, 3 move bytes both ways until
/// both sides have finished, 4 account for it. The connection's loop only.
/// </summary>
internal sealed partial class TcpSession : IDrainObserver, IPeerCloseObserver, ITunnelOwner, IHostUser
{
    private readonly TcpProxy _proxy;
    private readonly DownstreamConnection _downstream;
    private readonly Worker _worker;
    private readonly StreamInfo _info = new();
    private readonly ClientProgress _fromDownstream;
    private readonly TransferProgress _fromUpstream = new();
    private UpstreamConnection? _upstream;
    private TunnelStream? _tunnel;
    private EarlyBytes? _early;
    private WorkerCluster? _cluster;
    private LinkedListNode<IHostUser>? _watch;
    private LoopTimer? _idle;
    private LoopTimer? _duration;
    private LoopTimer? _log;
    private EndReason? _end;
    private long _idleMilliseconds;
    private bool _upstreamEnded;
    private bool _downstreamEnded;

    public TcpSession(TcpProxy proxy, DownstreamConnection downstream)
    {
        _proxy = proxy;
        _downstream = downstream;
        _worker = downstream.Worker;
        _fromDownstream = new ClientProgress(proxy.Stats, _worker.Stats);
        _info.Start(downstream.Info, downstream.Info.StartTime, downstream.Info.StartNanoseconds);

        // There is no response; the reason of the end is the connection's.
        _info.ResponseCodeDetails = "";
    }

    public async void Run()
    {
        _worker.Stats.Add(_proxy.Stats.CxTotal);
        _downstream.DrainObserver = this;
        if (_proxy.DurationMaxMilliseconds > 0)
        {
            _duration = new LoopTimer(_worker.Loop, static state => ((TcpSession)state!).OnDurationPassed(), this);
            _duration.Schedule(_proxy.Duration(_worker.Random.NextDouble()));
        }

        if (_proxy.LogMilliseconds > 0)
        {
            _log = new LoopTimer(_worker.Loop, static state => ((TcpSession)state!).OnLogDue(), this);
            _log.Schedule(_proxy.LogMilliseconds);
        }

        if (!_proxy.AccessLogs.IsEmpty)
        {
            _info.StreamId = Guid.NewGuid();
        }

        if (_proxy.LogsOnStart)
        {
            _proxy.AccessLogs.Write(_worker, _info, AccessLogType.TcpConnectionStart);
        }

        StartIdleTimer();

        // 1.
        string? own = _downstream.Info.FilterState?.Get(TcpProxy.ClusterKey)?.PlainText;
        TcpRoute? route = _proxy.Choose(own, _worker.Random);
        string name = own ?? route!.Cluster.Name;
        _info.ClusterName = name;
        ClusterState? state = route?.Cluster.Current;
        if (state is null && _proxy.OnDemand is { } onDemand)
        {
            if (!await DiscoverAsync(onDemand, name))
            {
                Finish(_end ?? NetworkEndReasons.ClientGoneEarly, reset: false);
                return;
            }

            route = own is null ? route : _proxy.Choose(own, _worker.Random);
            state = route?.Cluster.Current;
        }

        if (route is null || state is null)
        {
            _worker.Stats.Add(_proxy.Stats.CxNoRoute);
            _info.ClusterObservabilityName = name;
            Finish(NetworkEndReasons.NoCluster.About(name), reset: false);
            return;
        }

        _info.ClusterObservabilityName = state.Config.ObservabilityName;
        _info.ClusterMetadata = state.Config.Metadata;
        _cluster = _worker.Cluster(state);

        // 2.
        EndReason? failure = await ConnectAsync(route);
        if (failure is not null)
        {
            Finish(_end ?? failure, reset: false);
            return;
        }

        // 3.
        await TransferAsync(_tunnel ?? _upstream!.Stream);

        // 4.
        Finish(_end ?? NetworkEndReasons.TcpCompleted, reset: false);
    }

    Host IHostUser.Host => _upstream!.Host;

    void IHostUser.OnHostFailed() => Abort(NetworkEndReasons.HostFailed, null);

    public void OnDrainStarted()
    {
        // A byte stream has no message boundary at which to say goodbye: it goes on until the deadline, as in Envoy.
    }

    /// <summary>The client, whom nobody reads from while a tunnel opens.</summary>
    public void OnPeerClosed(bool reset)
    {
        // One that has only said its last may still want the answer.
        if (reset)
        {
            _downstream.Info.CloseType = DetectedCloseType.RemoteReset;
            Abort(NetworkEndReasons.ClientGoneEarly, null);
        }
    }

    public void OnTunnelHeaders(HeaderMap headers)
    {
        if (_proxy.Tunnel!.PropagatesHeaders)
        {
            _downstream.Info.EnsureFilterState().Set(TunnelFields.HeadersKey, new TunnelFields(headers));
        }
    }

    public void OnTunnelTrailers(HeaderMap trailers)
    {
        if (_proxy.Tunnel!.PropagatesTrailers)
        {
            _downstream.Info.EnsureFilterState().Set(TunnelFields.TrailersKey, new TunnelFields(trailers));
        }
    }

    public void OnTunnelOver()
    {
        // What the far side said goes to the client first.
        if (_upstreamEnded)
        {
            Abort(NetworkEndReasons.TcpCompleted, null);
        }
    }

    public void OnDrainDeadline() => Abort(NetworkEndReasons.Drained, LocalCloseReasons.DrainedConnection);

    private async ValueTask TransferAsync(IByteStream upstream)
    {
        IByteStream downstream = _downstream.Stream;
        long now = _worker.Loop.NowMilliseconds;
        _fromUpstream.Add(0, now);
        if (_early is { } early && !await SendEarlyAsync(early, upstream))
        {
            return;
        }

        ValueTask<PumpResult> up = _downstreamEnded ? default : BytePump.RunAsync(downstream, upstream, _fromDownstream);
        ValueTask<PumpResult> down = BytePump.RunAsync(upstream, downstream, _fromUpstream);

        // Each direction closes over its own end; whichever fails takes the other down with it.
        Task upward = WatchAsync(up, fromUpstream: false);
        await WatchAsync(down, fromUpstream: true);
        await upward;
    }

    private async Task WatchAsync(ValueTask<PumpResult> pump, bool fromUpstream)
    {
        PumpResult result = await pump;
        if (result.Error == IoError.None)
        {
            if (fromUpstream)
            {
                _upstreamEnded = true;
                _info.Times.UpstreamReceiveEnd = _worker.Loop.NowNanoseconds;
                if (_tunnel is { IsOver: true })
                {
                    Abort(NetworkEndReasons.TcpCompleted, null);
                }
            }
            else
            {
                _info.Times.DownstreamReceiveEnd = _worker.Loop.NowNanoseconds;
            }

            return;
        }

        // The side whose stream failed: the source of a failed read, the destination of a failed write.
        bool upstreamFailed = fromUpstream == result.SourceFailed;
        if (upstreamFailed && !fromUpstream && _tunnel is not null && !_upstreamEnded)
        {
            // The tunnel takes no more. What it brought before goes to the client first; the other direction finds the end.
            return;
        }

        Abort(upstreamFailed ? NetworkEndReasons.UpstreamReset : NetworkEndReasons.DownstreamReset, null);
        if (!upstreamFailed && result.Error == IoError.ConnectionReset)
        {
            _downstream.Info.CloseType = DetectedCloseType.RemoteReset;
        }
    }

    private void StartIdleTimer()
    {
        _fromDownstream.Add(0, _worker.Loop.NowMilliseconds);
        _idleMilliseconds = long.TryParse(
            _downstream.Info.FilterState?.Get(TcpProxy.IdleTimeoutKey)?.PlainText, NumberStyles.None, CultureInfo.InvariantCulture, out long own)
            ? own
            : _proxy.IdleMilliseconds;
        if (_idleMilliseconds > 0)
        {
            _idle = new LoopTimer(_worker.Loop, static state => ((TcpSession)state!).OnIdleCheck(), this);
            _idle.Schedule(_idleMilliseconds);
        }
    }

    // The timer is not moved by every byte: when it fires it looks at the last activity and sleeps for the rest.
    private void OnIdleCheck()
    {
        long last = Math.Max(_fromDownstream.LastActivityMilliseconds, _fromUpstream.LastActivityMilliseconds);
        long idle = _worker.Loop.NowMilliseconds - last;
        if (idle < _idleMilliseconds)
        {
            _idle!.Schedule(_idleMilliseconds - idle);
            return;
        }

        _worker.Stats.Add(_proxy.Stats.IdleTimeout);
        Abort(NetworkEndReasons.IdleTimeout, LocalCloseReasons.TcpIdleTimeout);
    }

    private void OnDurationPassed()
    {
        _worker.Stats.Add(_proxy.Stats.MaxDuration);
        Abort(NetworkEndReasons.MaxDuration, LocalCloseReasons.MaxDuration);
    }

    private void OnLogDue()
    {
        TakeBytes();
        _proxy.AccessLogs.Write(_worker, _info, AccessLogType.TcpPeriodic);
        _log!.Schedule(_proxy.LogMilliseconds);
    }

    /// <summary>Ends from outside the flow: closing the streams makes whatever <see cref="Run"/> awaits return.</summary>
    private void Abort(EndReason reason, string? localCloseReason)
    {
        if (_end is not null)
        {
            return;
        }

        _end = reason;
        _downstream.Info.LocalCloseReason ??= localCloseReason;
        bool reset = reason.Cause is EndCause.ClientGone or EndCause.UpstreamReset;
        Close(_downstream.Stream, reset);
        CloseUpstream(reset);
        OnCluster(ClusterDiscoveryStatus.Missing);
    }

    private void CloseUpstream(bool reset)
    {
        if (_tunnel is { } tunnel)
        {
            tunnel.Close();
        }
        else if (_upstream is { } upstream)
        {
            Close(upstream.Stream, reset);
        }
    }

    private static void Close(IByteStream stream, bool reset)
    {
        if (reset)
        {
            stream.Reset();
        }
        else
        {
            stream.Close();
        }
    }

    private void Finish(EndReason reason, bool reset)
    {
        _idle?.Cancel();
        _duration?.Cancel();
        _log?.Cancel();
        if (_watch is not null)
        {
            WorkerCluster.Unwatch(_watch);
        }

        _downstream.DrainObserver = null;
        _downstream.Stream.PeerCloseObserver = null;
        Close(_downstream.Stream, reset);
        CloseUpstream(reset);
        _early?.Release();
        if (_upstream is { } upstream && _tunnel is null)
        {
            upstream.Host.RequestEnded();
            upstream.Finished(byRemote: _upstreamEnded || reason.Cause == EndCause.UpstreamReset);
        }

        Account();
        _info.Times.DownstreamSendEnd = _worker.Loop.NowNanoseconds;
        _info.End(reason);
        _proxy.AccessLogs.Write(_worker, _info, AccessLogType.TcpConnectionEnd);
        _downstream.Finished(reason);
    }

    private void Account()
    {
        StatCells cells = _worker.Stats;
        (long received, long sent) = (_fromDownstream.Bytes, _fromUpstream.Bytes);
        cells.Add(_proxy.Stats.RxBytesTotal, received);
        cells.Add(_proxy.Stats.TxBytesTotal, sent);
        if (_cluster is not null && _tunnel is null)
        {
            cells.Add(_cluster.State.Stats.CxTxBytesTotal, received);
            cells.Add(_cluster.State.Stats.CxRxBytesTotal, sent);
        }

        TakeBytes();
    }

    private void TakeBytes()
    {
        (long received, long sent) = (_fromDownstream.Bytes, _fromUpstream.Bytes);
        _info.BytesReceived = received;
        _info.BytesSent = sent;
        _info.Downstream.WireBytesReceived = received;
        _info.Downstream.WireBytesSent = sent;
        if (_tunnel is { } tunnel)
        {
            _info.UpstreamBytes = tunnel.Meter;
            return;
        }

        _info.UpstreamBytes.WireBytesSent = received;
        _info.UpstreamBytes.WireBytesReceived = sent;
    }
}
