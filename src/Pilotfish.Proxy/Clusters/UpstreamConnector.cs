using Pilotfish.Proxy.Health;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Tls;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Clusters;

/// <summary>Opens connections to hosts: breaker, socket, connect, transport, each under one deadline, and the accounting.</summary>
internal sealed class UpstreamConnector(WorkerCluster cluster)
{
    public async ValueTask<UpstreamConnectResult> ConnectAsync(Host host, UpstreamConnectOptions options)
    {
        Worker worker = cluster.Worker;
        ClusterState state = cluster.State;
        StatCells cells = worker.Stats;
        if (state.Config.Overload.ConnectionPoolNewConnection.Sheds(worker))
        {
            cells.Add(state.Stats.CxOverflow);
            return UpstreamConnectResult.Failed(UpstreamConnectFailure.Overflow, "the overload manager sheds new upstream connections");
        }

        if (!TryAdmit(host, options))
        {
            cells.Add(state.Stats.CxOverflow);
            return UpstreamConnectResult.Failed(UpstreamConnectFailure.Overflow, "max_connections of the cluster is reached");
        }

        cells.Add(state.Stats.CxTotal);
        cells.Increment(state.Stats.CxActive);
        long begin = worker.Loop.NowNanoseconds;
        var deadline = new Deadline();
        var timer = new LoopTimer(worker.Loop, static pending => ((Deadline)pending!).Pass(), deadline);
        timer.Schedule(state.Config.ConnectTimeoutMilliseconds);
        UpstreamConnectResult result = await ConnectWithinAsync(host, options, deadline, begin);
        timer.Cancel();
        if (result.Connection is null)
        {
            CountFailure(host, options.Priority, result.Failure);
            return result;
        }

        cells.Record(state.Stats.CxConnectMilliseconds, (worker.Loop.NowNanoseconds - begin) / 1_000_000);
        host.Monitor.OnResult(OutlierResult.LocalConnectSuccess, worker.Loop.NowMilliseconds);
        return result;
    }

    private async ValueTask<UpstreamConnectResult> ConnectWithinAsync(
        Host host, UpstreamConnectOptions options, Deadline deadline, long begin)
    {
        SocketStream? socket;
        IoError error;
        HostConfig config = host.Config;
        if (config.AdditionalAddresses.Count == 0)
        {
            socket = SocketStream.Create(cluster.Worker.Loop, SocketsFor(config.Address, options.Transport));
            deadline.Stream = socket;
            error = await socket.ConnectAsync(config.Address);
        }
        else
        {
            var race = new AddressRace(
                cluster.Worker.Loop, cluster.State.Config.AddressOrder.Of(config.Address, config.AdditionalAddresses),
                address => SocketStream.Create(cluster.Worker.Loop, SocketsFor(address, options.Transport)),
                () => cluster.Worker.Stats.Add(cluster.State.Stats.CxTotal));
            deadline.Race = race;
            (socket, error) = await race.RunAsync();
            deadline.Stream = socket;
        }

        if (error != IoError.None || socket is null || deadline.Passed)
        {
            socket?.Close();
            return deadline.Passed
                ? UpstreamConnectResult.Failed(UpstreamConnectFailure.Timeout, null)
                : UpstreamConnectResult.Failed(SideOf(error), TransportFailures.OfConnect(SideOf(error), error));
        }

        long connected = cluster.Worker.Loop.NowNanoseconds;
        UpstreamTransport transport = cluster.State.Config.Transport.For(host, options.Transport);
        IByteStream stream = socket;
        if (!transport.IsRaw)
        {
            UpstreamHandshake handshake = await transport.WrapAsync(
                socket, new UpstreamTransportRequest(cluster, host, options.Transport));
            if (handshake.Stream is null || deadline.Passed)
            {
                socket.Close();
                return deadline.Passed
                    ? UpstreamConnectResult.Failed(UpstreamConnectFailure.Timeout, null)
                    : UpstreamConnectResult.Failed(handshake.Failure, handshake.TransportFailure);
            }

            stream = handshake.Stream;
        }

        NetworkFilterSession[] sessions = [];
        if (cluster.State.Config.Filters.Count > 0)
        {
            sessions = Sessions(host);
            foreach (NetworkFilterSession session in sessions)
            {
                if (await session.OnNewConnectionAsync() is not null || deadline.Passed)
                {
                    stream.Close();
                    return Refuse(sessions, deadline.Passed);
                }

                stream = session.Wrap(stream);
            }
        }

        var times = new ConnectTimes(begin, connected, cluster.Worker.Loop.NowNanoseconds);
        return new UpstreamConnectResult(
            new UpstreamConnection(cluster, host, stream, options.Priority, times, sessions), UpstreamConnectFailure.None, null);
    }

    private NetworkFilterSession[] Sessions(Host host)
    {
        var sessions = new List<NetworkFilterSession>();
        foreach (NetworkFilter filter in cluster.State.Config.Filters)
        {
            if (filter.NewUpstreamConnection(cluster, host) is { } session)
            {
                sessions.Add(session);
            }
        }

        return [.. sessions];
    }

    private static UpstreamConnectResult Refuse(NetworkFilterSession[] sessions, bool timedOut)
    {
        foreach (NetworkFilterSession session in sessions)
        {
            session.OnFinished(NetworkEndReasons.UpstreamClosedHere);
        }

        return timedOut
            ? UpstreamConnectResult.Failed(UpstreamConnectFailure.Timeout, null)
            : UpstreamConnectResult.Failed(UpstreamConnectFailure.Local, "a network filter of the cluster refused the connection");
    }

    private SocketStreamOptions SocketsFor(NetAddress address, UpstreamTransportOverrides? overrides)
    {
        SocketStreamOptions sockets = cluster.State.Config.SocketsFor(address);
        return overrides is not null && overrides.Source.Kind == address.Kind
            ? sockets with { Source = overrides.Source, Transparent = true, Mark = overrides.Mark }
            : sockets;
    }

    private bool TryAdmit(Host host, UpstreamConnectOptions options)
    {
        CircuitBreaker breaker = cluster.State.Breaker(options.Priority);
        if (host.ActiveConnections >= breaker.Config.HostConnectionsMax && !options.MayExceedLimit)
        {
            return false;
        }

        if (!breaker.Connections.TryAcquire())
        {
            if (!options.MayExceedLimit)
            {
                return false;
            }

            cluster.Worker.Stats.Add(cluster.State.Stats.CxOverflow);
            breaker.Connections.Acquire();
        }

        host.ConnectionOpened();
        return true;
    }

    private void CountFailure(Host host, RoutingPriority priority, UpstreamConnectFailure failure)
    {
        StatCells cells = cluster.Worker.Stats;
        ClusterStats stats = cluster.State.Stats;
        bool timedOut = failure == UpstreamConnectFailure.Timeout;
        cells.Decrement(stats.CxActive);
        cells.Add(stats.CxConnectFail);
        cells.Add(stats.CxDestroy);
        cells.Add(timedOut || failure == UpstreamConnectFailure.Local ? stats.CxDestroyLocal : stats.CxDestroyRemote);
        if (timedOut)
        {
            cells.Add(stats.CxConnectTimeout);
        }

        if (failure == UpstreamConnectFailure.Local)
        {
            cells.Add(stats.BindErrors);
        }

        cluster.State.Breaker(priority).Connections.Release();
        host.ConnectFailed();
        host.ConnectionClosed();
        host.Slot(cluster.Worker.Index)?.OnConnectionGone();
        host.Monitor.OnResult(
            timedOut ? OutlierResult.LocalConnectTimeout : OutlierResult.LocalConnectFailed, cluster.Worker.Loop.NowMilliseconds);
    }

    private static UpstreamConnectFailure SideOf(IoError error) => error switch
    {
        IoError.AddressNotAvailable or IoError.TooManyFiles or IoError.NoBuffers or IoError.AddressInUse
            or IoError.PermissionDenied => UpstreamConnectFailure.Local,
        _ => UpstreamConnectFailure.Remote,
    };

    /// <summary>connect_timeout covers the handshake too; passing it closes whatever is under way.</summary>
    private sealed class Deadline
    {
        public SocketStream? Stream { get; set; }

        public AddressRace? Race { get; set; }

        public bool Passed { get; private set; }

        public void Pass()
        {
            Passed = true;
            Race?.Abort();
            Stream?.Close();
        }
    }
}
