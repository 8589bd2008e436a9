using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Listeners;

/// <summary>
/// The listening sockets of one listener: one per address and worker (one altogether without reuse_port and for Unix sockets).
/// Opened and closed from the main loop; each socket lives on its worker.
/// </summary>
internal sealed class ListenerSockets
{
    private readonly WorkerSet _workers;
    private readonly List<WorkerListener>[] _byWorker;

    private ListenerSockets(WorkerSet workers, IReadOnlyList<NetAddress> configured, IReadOnlyList<ListenSocketOptions> options)
    {
        _workers = workers;
        Configured = configured;
        Options = options;
        Bound = [.. configured];
        _byWorker = new List<WorkerListener>[workers.Count];
        for (int i = 0; i < _byWorker.Length; i++)
        {
            _byWorker[i] = [];
        }
    }

    public IReadOnlyList<NetAddress> Configured { get; }

    /// <summary>One for each of the addresses.</summary>
    public IReadOnlyList<ListenSocketOptions> Options { get; }

    /// <summary>The addresses with their real ports.</summary>
    public IReadOnlyList<NetAddress> Bound { get; private set; }

    /// <summary>Null with a sentence when an address cannot be bound.</summary>
    /// <param name="former">The listener's sockets so far, which are open until these are.</param>
    public static ListenerSockets? TryOpen(
        ListenerModel model, ListenerSockets? former, WorkerSet workers, ConnectionAcceptor acceptor, out string? problem)
    {
        problem = null;
        var sockets = new ListenerSockets(workers, model.Addresses, model.Sockets);
        var first = new ListenSocketTransfer?[model.Addresses.Count];
        var bound = new NetAddress[first.Length];
        for (int i = 0; i < first.Length; i++)
        {
            bound[i] = model.Addresses[i];

            // Workers open their own sockets a moment later. The main loop's tells now whether that will work and which port 0
            // becomes, so that a bad address is one line of a NACK. It listens from here on, so the first worker takes it over: were it
            // closed, a client whose handshake with it is under way would be reset.
            IoError error = ListenSocket.TryListen(workers.MainLoop, bound[i], model.Sockets[i], out ListenSocket? socket);
            if (error == IoError.AddressInUse && !sockets.IsShared(i) && former?.IsAt(bound[i]) != true)
            {
                // Maybe by a listener that goes with the same update: its worker closes it before it opens this one.
                continue;
            }

            if (socket is null)
            {
                problem = $"cannot bind '{bound[i]}': {error.Describe()}";
                Array.ForEach(first, static one => one?.Dispose());
                return null;
            }

            bound[i] = socket.LocalAddress;
            first[i] = socket.Detach();
        }

        sockets.Bound = bound;
        workers.PostAll(worker => sockets.Open(worker, first, model.State, acceptor));
        return sockets;
    }

    /// <summary>Stops listening: what the kernel has accepted already is still served.</summary>
    public void Close() => _workers.PostAll(worker =>
    {
        foreach (WorkerListener listener in _byWorker[worker.Index])
        {
            listener.Close();
        }

        _byWorker[worker.Index].Clear();
    });

    private bool IsShared(int index) => Options[index].ReusePort && Configured[index].IsIp;

    private bool IsAt(in NetAddress address)
    {
        foreach (NetAddress one in Bound)
        {
            if (one.Equals(address))
            {
                return true;
            }
        }

        return false;
    }

    private void Open(Worker worker, ListenSocketTransfer?[] first, ListenerState state, ConnectionAcceptor acceptor)
    {
        for (int i = 0; i < first.Length; i++)
        {
            if (worker.Index != 0 && !IsShared(i))
            {
                continue;
            }

            IoError error = first[i] is { } transfer && worker.Index == 0
                ? ListenSocket.Adopt(worker.Loop, transfer, out ListenSocket? socket)
                : ListenSocket.TryListen(worker.Loop, Bound[i], Options[i], out socket);
            if (socket is null)
            {
                Log.Error(LogComponent.Config, $"listener '{state.Name}' cannot bind '{Bound[i]}': {error.Describe()}");
                continue;
            }

            var listener = new WorkerListener(worker, _workers.All, socket, state, acceptor);
            _byWorker[worker.Index].Add(listener);
            listener.Run();
        }
    }
}
