using Pilotfish.Runtime.Buffers;

namespace Pilotfish.Proxy.Http;

/// <summary>Body bytes held by a loop, in one growing pooled buffer. Bounded by whoever appends.</summary>
internal struct BodyBuffer
{
    private PooledBuffer? _buffer;

    public int Length { get; private set; }

    /// <summary>What it has on loan, used or not.</summary>
    public readonly int Capacity => _buffer?.Length ?? 0;

    public readonly ReadOnlySpan<byte> Span => _buffer is null ? default : _buffer.Span[..Length];

    /// <summary>As <see cref="Span"/>, until the next bytes come.</summary>
    public readonly ReadOnlyMemory<byte> Memory => _buffer is null ? default : _buffer.Memory[..Length];

    public void Append(BufferPool pool, ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return;
        }

        int needed = Length + bytes.Length;
        if (_buffer is null || _buffer.Length < needed)
        {
            PooledBuffer larger = pool.Rent(Math.Max(needed, _buffer is null ? 0 : BufferPool.Larger(_buffer.Length)));
            Span.CopyTo(larger.Span);
            _buffer?.Return();
            _buffer = larger;
        }

        bytes.CopyTo(_buffer.Span[Length..]);
        Length = needed;
    }

    /// <summary>Forgets the bytes and keeps the buffer.</summary>
    public void Clear() => Length = 0;

    public void Release()
    {
        _buffer?.Return();
        _buffer = null;
        Length = 0;
    }
}
