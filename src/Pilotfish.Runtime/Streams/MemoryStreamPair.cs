using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Runtime.Streams;

/// <summary>Two connected streams in memory on one loop: for listeners inside the process, and for tests without descriptors.</summary>
public static class MemoryStreamPair
{
    /// <summary>Bytes on their way per direction before a sender waits: as much as a busy connection's two receive buffers.</summary>
    public const int DefaultCapacityBytes = 64 * 1024;

    /// <summary>The first stream's local address is the second's remote one, and the other way round.</summary>
    public static (IByteStream First, IByteStream Second) Create(
        EventLoop loop, NetAddress first = default, NetAddress second = default, int capacityBytes = DefaultCapacityBytes)
    {
        var forth = new MemoryPipe(loop.Buffers, capacityBytes);
        var back = new MemoryPipe(loop.Buffers, capacityBytes);
        var a = new MemoryByteStream(loop, first, second, back, forth);
        var b = new MemoryByteStream(loop, second, first, forth, back);
        a.Connect(b);
        b.Connect(a);
        return (a, b);
    }
}
