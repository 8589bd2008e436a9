using Pilotfish.Runtime.Interop;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Sockets;

/// <summary>Two connected Unix sockets on one loop, for tests and for handing one end to a child.</summary>
public static class SocketPair
{
    public static (SocketStream First, SocketStream Second) Create(EventLoop loop)
    {
        if (!SocketCalls.TryOpenPair(out int first, out int second, out int errno))
        {
            throw new IOException($"A socket pair could not be made: {Errno.ToIoError(errno).Describe()}.");
        }

        return (SocketStream.Adopt(loop, first, NetAddress.Unix("")), SocketStream.Adopt(loop, second, NetAddress.Unix("")));
    }
}
