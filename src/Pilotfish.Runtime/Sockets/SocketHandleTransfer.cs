using Pilotfish.Runtime.Interop;

namespace Pilotfish.Runtime.Sockets;

/// <summary>A connection between two loops: detached from one, not yet attached to the other. Disposing drops it.</summary>
public sealed class SocketHandleTransfer : IDisposable
{
    private readonly NetAddress _remote;
    private int _fd;

    internal SocketHandleTransfer(int fd, NetAddress remote)
    {
        _fd = fd;
        _remote = remote;
    }

    public void Dispose()
    {
        int fd = Interlocked.Exchange(ref _fd, -1);
        if (fd >= 0)
        {
            SocketCalls.Close(fd);
        }
    }

    internal (int Descriptor, NetAddress Remote) Take()
    {
        int fd = Interlocked.Exchange(ref _fd, -1);
        return fd >= 0 ? (fd, _remote) : throw new InvalidOperationException("A detached connection is attached once.");
    }
}
