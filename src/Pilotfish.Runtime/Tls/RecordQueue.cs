using Pilotfish.Runtime.Buffers;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Tls;

/// <summary>Encrypted bytes that wait for the stream below, in one buffer that grows to a bound. Owned by its stream; loop only.</summary>
internal struct RecordQueue
{
    /// <summary>
    /// Bytes that wait for the stream below: a flight with certificates, or answers to a peer that asks for new keys without reading
    /// them. A peer that makes this side queue more is cut off.
    /// </summary>
    private const int BytesMax = 128 * 1024;

    private PooledBuffer? _buffer;
    private int _count;

    internal readonly bool IsEmpty => _buffer is null;

    internal IoError Add(BufferPool buffers, ReadOnlySpan<byte> bytes)
    {
        int needed = _count + bytes.Length;
        if (needed > BytesMax)
        {
            return IoError.NoBuffers;
        }

        if (_buffer is null || needed > _buffer.Length)
        {
            PooledBuffer larger = buffers.Rent(needed);
            _buffer?.Span[.._count].CopyTo(larger.Span);
            _buffer?.Return();
            _buffer = larger;
        }

        bytes.CopyTo(_buffer.Span[_count..]);
        _count = needed;
        return IoError.None;
    }

    /// <summary>Hands the buffer over, and leaves the queue empty.</summary>
    internal PooledBuffer Take(out ReadOnlyMemory<byte> bytes)
    {
        PooledBuffer buffer = _buffer!;
        bytes = buffer.Memory[.._count];
        (_buffer, _count) = (null, 0);
        return buffer;
    }

    internal void Drop()
    {
        _buffer?.Return();
        (_buffer, _count) = (null, 0);
    }
}
