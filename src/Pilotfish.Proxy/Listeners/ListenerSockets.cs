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

    private ListenerSockets(WorkerSet workers, IReadOnlyList<NetAddress> configured, ListenSocketOptions options)
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

    public ListenSocketOptions Options { get; }

    /// <summary>The addresses with their real ports.</summary>
    public IReadOnlyList<NetAddress> Bound { get; private set; }

    /// <summary>Null with a sentence when an address cannot be bound.</summary>
    public static ListenerSockets? TryOpen(
        ListenerModel model, WorkerSet workers, ConnectionAcceptor acceptor, out string? problem)
    {
        problem = null;
        var sockets = new ListenerSockets(workers, model.Addresses, model.Sockets);
        var bound = new List<NetAddress>();
        var probes = new List<ListenSocket>();
        foreach (NetAddress address in model.Addresses)
        {
            // Workers open their own sockets a moment later. The main loop's probe tells now whether that will work and
            // which port 0 becomes, so that a bad address is one line of a NACK. It is closed once the workers
            // listen, and loses no connection.
            if (sockets.IsShared(address))
            {
                IoError error = ListenSocket.TryListen(workers.MainLoop, address, model.Sockets, out ListenSocket? probe);
                if (probe is null)
                {
                    problem = $"cannot bind '{address}': {error.Describe()}";
                    probes.ForEach(one => one.Close());
                    return null;
                }

                probes.Add(probe);
                bound.Add(probe.LocalAddress);
            }
            else
            {
                bound.Add(address);
            }
        }

        sockets.Bound = bound;
        workers.PostAll(
            worker => sockets.Open(worker, model.State, acceptor),
            () => probes.ForEach(probe => Retire(probe, workers, model.State, acceptor)));
        return sockets;
    }

    /// <summary>Closes a probe. The kernel may have given it connections meanwhile: a worker serves them.</summary>
    private static void Retire(ListenSocket probe, WorkerSet workers, ListenerState state, ConnectionAcceptor acceptor)
    {
        Worker worker = workers.All[0];
        while (probe.TryAccept(out SocketStream? stream) == IoError.None)
        {
            worker.Loop.Post(static moved =>
            {
                var (worker, transfer, state, acceptor) = ((Worker, SocketHandleTransfer, ListenerState, ConnectionAcceptor))moved!;
                SocketStream attached = SocketStream.Attach(worker.Loop, transfer);
                if (!attached.IsClosed)
                {
                    acceptor.Accept(worker, attached, state);
                }
            }, (worker, stream!.Detach(), state, acceptor));
        }

        probe.Close();
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

    private bool IsShared(NetAddress address) => Options.ReusePort && address.IsIp;

    private void Open(Worker worker, ListenerState state, ConnectionAcceptor acceptor)
    {
        foreach (NetAddress address in Bound)
        {
            if (!IsShared(address) && worker.Index != 0)
            {
                continue;
            }

            IoError error = ListenSocket.TryListen(worker.Loop, address, Options, out ListenSocket? socket);
            if (socket is null)
            {
                Log.Error(LogComponent.Config, $"listener '{state.Name}' cannot bind '{address}': {error.Describe()}");
                continue;
            }

            var listener = new WorkerListener(worker, _workers.All, socket, state, acceptor);
            _byWorker[worker.Index].Add(listener);
            listener.Run();
        }
    }
}
