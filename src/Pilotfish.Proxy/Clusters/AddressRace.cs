using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// Connects to the first of several addresses of one host that answers (RFC 8305): the next one is tried when one fails, or beside it when it is
/// slow. One loop.
/// </summary>
/// <param name="loop">Where it runs.</param>
/// <param name="addresses">In the order in which they are tried; at least one.</param>
/// <param name="create">Makes the socket for an address.</param>
/// <param name="another">Another address than the first is tried: a connection more.</param>
internal sealed class AddressRace(EventLoop loop, IReadOnlyList<NetAddress> addresses, Func<NetAddress, SocketStream> create, Action another)
{
    // Envoy's connection attempt delay.
    private const long DelayMilliseconds = 300;

    private readonly List<SocketStream> _trying = [];
    private readonly TaskCompletionSource<(SocketStream? Socket, IoError Error)> _done = new();
    private LoopTimer? _timer;
    private int _next;
    private bool _isOver;

    /// <summary>The connected socket, or null and the error of the attempt that failed last.</summary>
    public ValueTask<(SocketStream? Socket, IoError Error)> RunAsync()
    {
        _timer = new LoopTimer(loop, static state => ((AddressRace)state!).TryNext(), this);
        TryNext();
        return new ValueTask<(SocketStream?, IoError)>(_done.Task);
    }

    /// <summary>Nobody waits any more.</summary>
    public void Abort()
    {
        if (!_isOver)
        {
            Finish(null, IoError.Other);
        }
    }

    // async void: an exception here is a bug and must end the loop, not vanish in a task.
    private async void TryNext()
    {
        NetAddress address = addresses[_next++];
        _timer!.Cancel();
        if (_next > 1)
        {
            another();
        }

        if (_next < addresses.Count)
        {
            _timer.Schedule(DelayMilliseconds);
        }

        SocketStream socket = create(address);
        _trying.Add(socket);
        IoError error = await socket.ConnectAsync(address);
        _trying.Remove(socket);
        if (_isOver)
        {
            socket.Close();
            return;
        }

        if (error == IoError.None)
        {
            Finish(socket, IoError.None);
            return;
        }

        socket.Close();
        if (_next < addresses.Count)
        {
            TryNext();
        }
        else if (_trying.Count == 0)
        {
            Finish(null, error);
        }
    }

    private void Finish(SocketStream? socket, IoError error)
    {
        _isOver = true;
        _timer!.Cancel();
        foreach (SocketStream slower in _trying.ToArray())
        {
            slower.Close();
        }

        _done.SetResult((socket, error));
    }
}
