using Pilotfish.Runtime.Loops;

namespace Pilotfish.Runtime.Streams;

/// <summary>A send that waits, with what is left of it.</summary>
public sealed class SendOperation(EventLoop loop) : IoOperation(loop)
{
    public ReadOnlyMemory<byte> First { get; private set; }
    public ReadOnlyMemory<byte> Second { get; private set; }
    public int TotalBytes { get; private set; }

    public bool IsAllSent => First.IsEmpty && Second.IsEmpty;

    public void Start(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second, int sent)
    {
        First = first;
        Second = second;
        TotalBytes = first.Length + second.Length;
        Consume(sent);
    }

    public void Consume(int sent)
    {
        int ofFirst = Math.Min(sent, First.Length);
        First = First[ofFirst..];
        Second = Second[(sent - ofFirst)..];
    }

    public void Clear()
    {
        First = default;
        Second = default;
        TotalBytes = 0;
    }
}
