using Pilotfish.Runtime.Loops;

namespace Pilotfish.Runtime.Streams;

/// <summary>A receive that waits, with the memory it fills; empty memory waits for readiness alone.</summary>
public sealed class ReceiveOperation(EventLoop loop) : IoOperation(loop)
{
    public Memory<byte> Buffer { get; set; }
}
