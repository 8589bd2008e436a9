using Pilotfish.Runtime.Loops;

namespace Pilotfish.Runtime.Streams;

/// <summary>A send that waits, with what is left of it.</summary>
internal sealed class SendOperation(EventLoop loop) : IoOperation(loop)
{
    internal ReadOnlyMemory<byte> First;
    internal ReadOnlyMemory<byte> Second;
    internal int TotalBytes;

    internal bool IsAllSent => First.IsEmpty && Second.IsEmpty;

    internal void Start(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second, int sent)
    {
        First = first;
        Second = second;
        TotalBytes = first.Length + second.Length;
        Consume(sent);
    }

    internal void Consume(int sent)
    {
        int ofFirst = Math.Min(sent, First.Length);
        First = First[ofFirst..];
        Second = Second[(sent - ofFirst)..];
    }

    internal void Clear()
    {
        First = default;
        Second = default;
        TotalBytes = 0;
    }
}
