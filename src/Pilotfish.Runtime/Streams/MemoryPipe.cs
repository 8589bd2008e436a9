using Pilotfish.Runtime.Buffers;

namespace Pilotfish.Runtime.Streams;

/// <summary>One direction of a stream in memory: a bounded ring whose buffer is on loan only while bytes are inside.</summary>
internal sealed class MemoryPipe(BufferPool buffers, int capacityBytes)
{
    private PooledBuffer? _buffer;
    private int _head;

    internal int Count { get; private set; }

    /// <summary>The writer sends no more.</summary>
    internal bool IsEnded { get; private set; }

    /// <summary>The writer broke off; what is unread is gone.</summary>
    internal bool IsReset { get; private set; }

    /// <summary>The reader is gone; writing is pointless.</summary>
    internal bool IsReaderGone { get; private set; }

    internal int Write(ReadOnlySpan<byte> bytes)
    {
        int n = Math.Min(bytes.Length, capacityBytes - Count);
        if (n == 0)
        {
            return 0;
        }

        _buffer ??= buffers.Rent(capacityBytes);
        int tail = (_head + Count) % capacityBytes;
        int atEnd = Math.Min(n, capacityBytes - tail);
        bytes[..atEnd].CopyTo(_buffer.Span[tail..]);
        bytes[atEnd..n].CopyTo(_buffer.Span);
        Count += n;
        return n;
    }

    internal int Read(Span<byte> target)
    {
        int n = Math.Min(target.Length, Count);
        if (n == 0)
        {
            return 0;
        }

        int atEnd = Math.Min(n, capacityBytes - _head);
        _buffer!.Span.Slice(_head, atEnd).CopyTo(target);
        _buffer.Span[..(n - atEnd)].CopyTo(target[atEnd..]);
        _head = (_head + n) % capacityBytes;
        Count -= n;
        ReturnIfEmpty();
        return n;
    }

    internal void End() => IsEnded = true;

    internal void Reset()
    {
        IsReset = true;
        Drop();
    }

    internal void ReaderLeft()
    {
        IsReaderGone = true;
        Drop();
    }

    private void Drop()
    {
        Count = 0;
        ReturnIfEmpty();
    }

    private void ReturnIfEmpty()
    {
        if (Count == 0)
        {
            _head = 0;
            _buffer?.Return();
            _buffer = null;
        }
    }
}
