using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.ProxyProtocol;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tls;
using Pilotfish.Proxy.Tunnels;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Tcp;

/// <content>How an upstream is come by: at once or when the client has spoken, by a connection of its own or a tunnel, in several attempts.</content>
internal sealed partial class TcpSession
{
    /// <summary>How one attempt ended: the connection or the tunnel stands, or why not.</summary>
    private readonly record struct Attempt(bool IsConnected, bool IsOverflow, string? TransportFailure);

    // A tunnel's connection belongs to its pool: the session holds no more than the stream on it.
    private TunnelModel? Tunnel =>
        _proxy.Tunnel is { } tunnel && _downstream.Info.FilterState?.Get(TunnelModel.DisabledKey)?.PlainText != "true" ? tunnel : null;

    private async ValueTask<EndReason?> ConnectAsync(TcpRoute route)
    {
        if (_proxy.EarlyBytesMax is { } early && !await BeginEarlyAsync(early))
        {
            return _end ?? NetworkEndReasons.ClientGoneEarly;
        }

        EndReason? failure = await ConnectWithAttemptsAsync(route);
        _downstream.Stream.PeerCloseObserver = null;
        if (_early is not null)
        {
            await _early.StopAsync();
        }

        return failure ?? (IsClientGone ? _end ?? NetworkEndReasons.ClientGoneEarly : null);
    }

    private bool IsClientGone => _end is not null || _downstream.Stream.IsClosed;

    private async ValueTask<EndReason?> ConnectWithAttemptsAsync(TcpRoute route)
    {
        ulong? hash = _proxy.Hash(_downstream.Info.RemoteAddress);
        _info.Times.UpstreamConnectBegin = _worker.Loop.NowNanoseconds;
        string? transportFailure = null;
        BackOff? backOff = _proxy.BackOffBaseMilliseconds > 0 && _proxy.ConnectAttemptsMax > 1
            ? new BackOff(_proxy.BackOffBaseMilliseconds, _proxy.BackOffMaxMilliseconds, _worker.Random.NextDouble)
            : null;
        if (_proxy.Tlvs.Length > 0 && !_downstream.Info.HasProxyHeader)
        {
            _downstream.Info.PassThroughTlvs = TlvTemplate.Evaluate(_proxy.Tlvs, _info, _worker);
        }

        TunnelModel? tunnel = Tunnel;
        if (tunnel is not null && _early is null)
        {
            _downstream.Stream.PeerCloseObserver = this;
        }

        for (uint attempt = 0; attempt < _proxy.ConnectAttemptsMax; attempt++)
        {
            HostPick pick = Pick(route, hash, attempt);
            if (pick.Host is not { } host)
            {
                return pick.Failure!.About(route.Cluster.Name);
            }

            NoteHost(host);
            if (_info.Times.UpstreamRequestBegin == 0)
            {
                _info.Times.UpstreamRequestBegin = _worker.Loop.NowNanoseconds;
            }

            Attempt result = tunnel is null ? await ConnectOnceAsync(host) : await TunnelOnceAsync(tunnel, host);
            if (IsClientGone)
            {
                return _end ?? NetworkEndReasons.ClientGoneEarly;
            }

            if (result.IsConnected)
            {
                Established();
                return null;
            }

            if (result.IsOverflow)
            {
                return NetworkEndReasons.UpstreamOverflow.About(route.Cluster.Name);
            }

            transportFailure = result.TransportFailure;
            if (backOff is not null && attempt + 1 < _proxy.ConnectAttemptsMax)
            {
                await _worker.Loop.DelayAsync(backOff.NextMilliseconds());
                if (IsClientGone)
                {
                    return _end ?? NetworkEndReasons.ClientGoneEarly;
                }
            }
        }

        _worker.Stats.Add(_cluster!.State.Stats.CxConnectAttemptsExceeded);
        return NetworkEndReasons.ConnectFailed.About(route.Cluster.Name).WithTransportFailure(transportFailure);
    }

    private HostPick Pick(TcpRoute route, ulong? hash, uint attempt) => _cluster!.Pick(new LoadBalancingRequest
    {
        Hash = hash,
        Subset = route.Metadata,
        OriginalDestination = OriginalDestinations.Of(_cluster.State, _info, null, _worker.Stats),
        Attempt = attempt,
    });

    private void NoteHost(Host host)
    {
        _info.Upstream.HasHost = true;
        _info.Upstream.HostAddress = host.Address;
        _info.Upstream.Hostname = host.Hostname;
        _info.Upstream.Endpoint = host.Config.Metadata;
        _info.Upstream.RemoteAddress = host.Address;
        _info.Upstream.AttemptCount++;
    }

    private UpstreamTransportOverrides? Overrides() =>
        UpstreamOverrides.Of(_downstream.Info, _downstream.Info.FilterState, _cluster!.State.Config);

    private async ValueTask<Attempt> ConnectOnceAsync(Host host)
    {
        host.RequestStarted();
        UpstreamConnectResult result = await _cluster!.ConnectAsync(host, new UpstreamConnectOptions { Transport = Overrides() });
        _info.Times.UpstreamPoolReady = _worker.Loop.NowNanoseconds;
        if (result.Connection is { } connection)
        {
            _upstream = connection;
            return new Attempt(true, false, null);
        }

        host.RequestEnded();
        return new Attempt(false, result.Failure == UpstreamConnectFailure.Overflow, result.TransportFailure);
    }

    private async ValueTask<Attempt> TunnelOnceAsync(TunnelModel model, Host host)
    {
        var request = new HeaderMap();
        if (!model.TryWrite(request, _info, HttpWorker.Of(_worker)))
        {
            return new Attempt(false, false, "the tunnel's request would have a value that no header may have");
        }

        if (HostHttpPools.Of(_cluster!, host, RoutingPriority.Default, Overrides(), ClusterHttp.Of(_cluster!.State).OwnProtocol) is not { } pool)
        {
            return new Attempt(false, false, "max_connection_pools of the cluster is reached");
        }

        var tunnel = new TunnelStream(_worker.Loop, request, this);
        _tunnel = tunnel;
        TunnelFailure? failure = await tunnel.OpenAsync(pool);
        _info.Times.UpstreamPoolReady = _worker.Loop.NowNanoseconds;
        if (failure is { } failed)
        {
            tunnel.Close();
            _info.UpstreamBytes = tunnel.Meter;
            _tunnel = null;
            if (failed.Status != 0)
            {
                host.Monitor.OnResult(Health.OutlierResult.LocalConnectFailed, _worker.Loop.NowMilliseconds);
            }

            return new Attempt(false, failed.Reset == StreamResetReason.Overflow, failed.TransportFailure);
        }

        _upstream = tunnel.Connection;
        _info.Upstream.Protocol = tunnel.Protocol;
        return new Attempt(true, false, null);
    }

    private void Established()
    {
        UpstreamConnection connection = _upstream!;
        IByteStream stream = connection.Stream;
        connection.Host.Monitor.OnTcpConnected(_worker.Loop.NowMilliseconds);
        if (_cluster!.State.Config.CloseConnectionsOnHostHealthFailure)
        {
            _cluster.Watch(_watch = new LinkedListNode<IHostUser>(this));
        }

        _info.Upstream.IsConnected = true;
        _info.Upstream.ConnectionId = connection.Id;
        _info.Upstream.LocalAddress = stream.LocalAddress;
        _info.Upstream.RemoteAddress = stream.RemoteAddress;
        _info.Upstream.Tls = stream.Tls;
        _info.Times.UpstreamConnectEnd = connection.Times.ConnectEnd;
        _info.Times.UpstreamHandshakeEnd = connection.Times.HandshakeEnd;
        if (_proxy.LogsOnConnected)
        {
            if (_tunnel is { } tunnel)
            {
                _info.UpstreamBytes = tunnel.Meter;
            }

            _proxy.AccessLogs.Write(_worker, _info, AccessLogType.TcpUpstreamConnected);
        }
    }

    /// <summary>False when the client left before it had said anything.</summary>
    private async ValueTask<bool> BeginEarlyAsync(int bytesMax)
    {
        if (bytesMax > 0 || _proxy.AwaitsClient)
        {
            // That a client has spoken is known for certain when a byte of it was read.
            _early = new EarlyBytes(_downstream.Stream, Math.Max(1, bytesMax), _fromDownstream);
            if (_proxy.AwaitsClient && !await _early.FirstAsync())
            {
                return false;
            }

            if (!IsClientGone)
            {
                ReadAhead(_early);
            }
        }

        return !IsClientGone;
    }

    // async void: an exception here is a bug and must end the loop, not vanish in a task.
    private async void ReadAhead(EarlyBytes early)
    {
        if (await early.RunAsync() is not IoError.None and not IoError.Closed)
        {
            OnPeerClosed(reset: true);
        }
    }

    /// <summary>What the client said before there was anybody to hear it. False when the upstream did not take it.</summary>
    private async ValueTask<bool> SendEarlyAsync(EarlyBytes early, IByteStream upstream)
    {
        if (early.Length > 0)
        {
            _worker.Stats.Add(_proxy.Stats.EarlyDataReceived);
            IoResult sent = await upstream.SendAsync(early.Bytes);
            if (!sent.IsOk)
            {
                Abort(NetworkEndReasons.UpstreamReset, null);
                return false;
            }

            _fromDownstream.Add(early.Length, _worker.Loop.NowMilliseconds);
        }

        early.Release();
        if (early.IsEnded)
        {
            _downstreamEnded = true;
            _info.Times.DownstreamReceiveEnd = _worker.Loop.NowNanoseconds;
            upstream.ShutdownSend();
        }

        return true;
    }
}
