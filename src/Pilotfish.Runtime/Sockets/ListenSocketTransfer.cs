using Pilotfish.Runtime.Interop;

namespace Pilotfish.Runtime.Sockets;

/// <summary>A listening socket between two loops: it queues connections, which whoever adopts it accepts. Disposing closes it.</summary>
public sealed class ListenSocketTransfer : IDisposable
{
    private readonly NetAddress _bound;
    private readonly int _acceptsPerTurn;
    private int _fd;

    internal ListenSocketTransfer(int fd, NetAddress bound, int acceptsPerTurn)
    {
        _fd = fd;
        _bound = bound;
        _acceptsPerTurn = acceptsPerTurn;
    }

    public void Dispose()
    {
        int fd = Interlocked.Exchange(ref _fd, -1);
        if (fd >= 0)
        {
            SocketCalls.Close(fd);
        }
    }

    internal (int Descriptor, NetAddress Bound, int AcceptsPerTurn) Take()
    {
        int fd = Interlocked.Exchange(ref _fd, -1);
        return fd >= 0 ? (fd, _bound, _acceptsPerTurn) : throw new InvalidOperationException("A detached socket is adopted once.");
    }
}
