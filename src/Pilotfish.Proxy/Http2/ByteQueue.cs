using Pilotfish.Runtime.Buffers;

namespace Pilotfish.Proxy.Http2;

/// <summary>
/// Body bytes that wait, taken from the front. One growing pooled buffer, none while empty; bounded by flow control. The buffer follows the
/// bytes that wait, not those that passed through it: at most <see cref="BufferPool.Larger"/> of them, or the class they fall into.
/// </summary>
internal struct ByteQueue
{
    private PooledBuffer? _buffer;
    private int _start;
    private int _end;

    public readonly int Length => _end - _start;

    /// <summary>What it has on loan, used or not.</summary>
    public readonly int Capacity => _buffer?.Length ?? 0;

    public readonly bool IsEmpty => _start == _end;

    public readonly ReadOnlySpan<byte> Unread => _buffer is null ? default : _buffer.Span[_start.._end];

    public void Append(BufferPool pool, ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return;
        }

        if (_buffer is null)
        {
            _buffer = pool.Rent(bytes.Length);
        }
        else if (_buffer.Length - _end < bytes.Length)
        {
            MakeRoom(pool, bytes.Length);
        }

        bytes.CopyTo(_buffer.Span[_end..]);
        _end += bytes.Length;
    }

    public void Consume(int bytes)
    {
        _start += bytes;
        if (_start == _end)
        {
            Release();
        }
    }

    public void Release()
    {
        _buffer?.Return();
        _buffer = null;
        _start = 0;
        _end = 0;
    }

    private void MakeRoom(BufferPool pool, int bytes)
    {
        int length = Length;
        if (_buffer!.Length - length >= bytes && _start >= length)
        {
            _buffer.Span[_start.._end].CopyTo(_buffer.Span);
        }
        else
        {
            PooledBuffer larger = pool.Rent(Math.Max(length + bytes, BufferPool.Larger(length)));
            _buffer.Span[_start.._end].CopyTo(larger.Span);
            _buffer.Return();
            _buffer = larger;
        }

        _start = 0;
        _end = length;
    }
}
