using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Listeners;

/// <summary>
/// The way of an accepted socket: 1 admit, 2 listener filters, 3 hand-off by original destination, 4 filter chain, 5 transport,
/// 6 network filters, 7 the terminal filter. Immutable; each worker runs it on its own connections.
/// </summary>
internal sealed class ConnectionAcceptor(ListenerTable table)
{
    /// <summary>Takes an accepted socket on its worker; never throws for what a peer does.</summary>
    public async void Accept(Worker worker, SocketStream socket, ListenerState listener)
    {
        var info = new ConnectionInfo
        {
            StartTime = worker.Loop.WallNow,
            StartNanoseconds = worker.Loop.NowNanoseconds,
            LocalAddress = socket.LocalAddress.Unmap(),
            DirectLocalAddress = socket.LocalAddress.Unmap(),
            RemoteAddress = socket.RemoteAddress.Unmap(),
            DirectRemoteAddress = socket.RemoteAddress.Unmap(),
        };
        var pending = new PendingConnection(worker, socket, info);
        bool handsOff = true;
        while (true)
        {
            // 1. The model of this moment serves the connection to its end.
            ListenerModel? model = listener.Model;
            if (model is null || listener.StoppedAccepting || IsShed(worker, model)
                || !listener.TryAdmit(worker, model.IgnoresGlobalConnectionLimit))
            {
                socket.Close();
                return;
            }

            // 2. Listener filters, only when there are any: the common outbound TCP listener has none and awaits nothing.
            if (model.ListenerFilters.Count > 0 && !await InspectAsync(pending, model))
            {
                listener.Release(worker);
                socket.Close();
                return;
            }

            // 3. A listener that was reached by hand-off does not hand on.
            if (handsOff && model.UseOriginalDestination && info.LocalAddressRestored
                && table.Find(info.LocalAddress) is { } other && other != listener)
            {
                listener.Release(worker);
                listener = other;
                handsOff = false;
                continue;
            }

            await StartAsync(worker, socket, info, model);
            return;
        }
    }

    private static bool IsShed(Worker worker, ListenerModel model)
    {
        if (!model.Overload.RejectIncomingConnections.Strikes(worker.Random) && !model.Overload.TcpListenerAccept.Sheds(worker))
        {
            return false;
        }

        worker.Stats.Add(model.State.Stats.CxOverloadReject);
        return true;
    }

    private static async ValueTask<bool> InspectAsync(PendingConnection pending, ListenerModel model)
    {
        Worker worker = pending.Worker;
        ListenerStats stats = model.State.Stats;
        worker.Stats.Increment(stats.PreCxActive);
        pending.StartDeadline(model.ListenerFiltersMilliseconds);
        bool passed = true;
        foreach (ListenerFilter filter in model.ListenerFilters)
        {
            if (filter.Disabled is { } disabled && disabled.Matches(pending.Info.LocalAddress))
            {
                continue;
            }

            ListenerFilterVerdict verdict = await filter.InspectAsync(pending);
            if (verdict == ListenerFilterVerdict.TimedOut)
            {
                worker.Stats.Add(stats.PreCxTimeout);
                passed = model.ContinueOnListenerFiltersTimeout;
                break;
            }

            if (verdict == ListenerFilterVerdict.Close)
            {
                worker.Stats.Add(pending.Socket.PeerHasClosed ? stats.FilterRemoteClose : stats.FilterError);
                passed = false;
                break;
            }
        }

        pending.StopDeadline();
        pending.ReleasePeeked();
        pending.Socket.EndPeeking();
        worker.Stats.Decrement(stats.PreCxActive);
        return passed;
    }

    private static async ValueTask StartAsync(Worker worker, SocketStream socket, ConnectionInfo info, ListenerModel model)
    {
        info.ListenerName = model.Name;
        info.ListenerMetadata = model.Metadata;
        info.ListenerDirection = model.Direction;
        info.Node = model.Node;
        info.TransportProtocol ??= "raw_buffer";
        FilterChainModel? chain = model.Chains.Find(info, model.DefaultChain);
        if (chain is null)
        {
            worker.Stats.Add(model.State.Stats.NoFilterChainMatch);
            Log.Debug(LogComponent.Connection,
                $"closing connection from {info.RemoteAddress} to {info.LocalAddress}: no filter chain of listener '{model.Name}' matches");
            model.State.Release(worker);
            socket.Close();
            ListenerAccessLog.Write(model, info, EndReasons.FilterChainNotFound, worker);
            return;
        }

        // 4. From here on the connection is counted and listed under its chain.
        info.FilterChainName = chain.Name;
        info.FilterChainMetadata = chain.Metadata;
        var connection = new DownstreamConnection(worker, socket, info, model, chain);
        model.State.ConnectionStarted(worker);
        chain.Add(connection);

        // 5. The handshake, when the chain has one.
        if (chain.Transport is { } transport)
        {
            string? failure = await transport.AcceptAsync(connection);
            if (failure is not null)
            {
                info.TransportFailure = failure;
                connection.Stream.Close();
                connection.Finished(NetworkEndReasons.HandshakeFailed.WithTransportFailure(failure));
                return;
            }
        }

        // 6. Filters may refuse the connection or ask to see its bytes.
        if (chain.Filters.Count > 0 && await OpenSessionsAsync(connection, chain) is { } refused)
        {
            connection.Stream.Close();
            connection.Finished(refused);
            return;
        }

        if (connection.IsFinished)
        {
            return;
        }

        // 7. The terminal filter owns the connection now.
        chain.Terminal.Start(connection);
    }

    private static async ValueTask<EndReason?> OpenSessionsAsync(DownstreamConnection connection, FilterChainModel chain)
    {
        var sessions = new List<NetworkFilterSession>(chain.Filters.Count);
        foreach (NetworkFilter filter in chain.Filters)
        {
            if (filter.NewConnection(connection) is { } session)
            {
                sessions.Add(session);
            }
        }

        connection.SetSessions([.. sessions]);
        foreach (NetworkFilterSession session in sessions)
        {
            if (await session.OnNewConnectionAsync() is { } refused)
            {
                return refused;
            }

            connection.Stream = session.Wrap(connection.Stream);
        }

        return null;
    }
}
