using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Listeners;

/// <summary>One listening socket on one worker and its accept loop.</summary>
internal sealed class WorkerListener(Worker worker, IReadOnlyList<Worker> workers, ListenSocket socket, ListenerState listener, ConnectionAcceptor acceptor)
{
    // Below the overload manager's own pace, which is a second by default.
    private const long OverloadPollMilliseconds = 100;

    public NetAddress LocalAddress => socket.LocalAddress;

    /// <summary>Accepts until closed. Descriptor exhaustion pauses inside AcceptAsync; other failures cost one connection.</summary>
    public async void Run()
    {
        while (true)
        {
            while (listener.Model is { Overload.StopAcceptingConnections.IsSaturated: true } && !socket.IsClosed)
            {
                // Clients wait in the kernel's backlog, where they cost this process nothing.
                await worker.Loop.DelayAsync(OverloadPollMilliseconds);
            }

            AcceptResult result = await socket.AcceptAsync();
            if (result.Stream is { } stream)
            {
                Dispatch(stream);
            }
            else if (socket.IsClosed)
            {
                return;
            }
            else
            {
                Log.Debug(LogComponent.Connection, $"accepting on {socket.LocalAddress} failed: {result.Error.Describe()}");
                await worker.Loop.YieldAsync();
            }
        }
    }

    /// <summary>Takes what waits in the backlog, then closes: those clients believe that they are connected.</summary>
    public void Close()
    {
        while (socket.TryAccept(out SocketStream? stream) == IoError.None)
        {
            Dispatch(stream!);
        }

        socket.Close();
    }

    private void Dispatch(SocketStream stream)
    {
        if (workers.Count > 1 && listener.Model is { ExactBalance: true })
        {
            int target = listener.LeastLoadedWorker(worker.Index);
            if (target != worker.Index)
            {
                // It moves before its first read, so no byte is in anybody's buffer.
                SocketHandleTransfer transfer = stream.Detach();
                Worker other = workers[target];
                other.Loop.Post(static state =>
                {
                    var (self, worker, transfer) = ((WorkerListener, Worker, SocketHandleTransfer))state!;
                    self.AcceptMoved(worker, transfer);
                }, (this, other, transfer));
                return;
            }
        }

        acceptor.Accept(worker, stream, listener);
    }

    private void AcceptMoved(Worker target, SocketHandleTransfer transfer)
    {
        SocketStream stream = SocketStream.Attach(target.Loop, transfer);
        if (!stream.IsClosed)
        {
            acceptor.Accept(target, stream, listener);
        }
    }
}
