using Pilotfish.Runtime.Buffers;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Http1;

/// <summary>
/// Received bytes of one connection that nobody has consumed yet. Rented when bytes come and given back when they are consumed, so that an
/// idle connection holds none. Grows for heads, and steps up for bulk bodies that fill it again and again.
/// </summary>
internal struct InputBuffer(BufferPool pool)
{
    private const int FirstBytes = BufferPool.MediumBytes;
    private const int BulkBytes = BufferPool.LargeBytes;

    private PooledBuffer? _buffer;
    private int _start;
    private int _end;
    private bool _filled;

    public readonly int Length => _end - _start;

    /// <summary>What it has on loan, used or not.</summary>
    public readonly int Capacity => _buffer?.Length ?? 0;

    public readonly bool IsEmpty => _start == _end;

    public readonly ReadOnlySpan<byte> Unread => _buffer is null ? default : _buffer.Span[_start.._end];

    /// <summary>Whether a receive has room without growing.</summary>
    public readonly bool HasRoom => _buffer is null || _end < _buffer.Length || _start > 0;

    public void Consume(int bytes)
    {
        _start += bytes;
        if (_start == _end)
        {
            _start = 0;
            _end = 0;
        }
    }

    /// <summary>Receives once; the caller was told that it is worth trying.</summary>
    public IoResult Receive(IByteStream stream, int bytesMax)
    {
        MakeRoom(bytesMax);
        Span<byte> room = _buffer!.Span[_end..];
        IoResult result = stream.TryReceive(room);
        if (result.IsOk)
        {
            _end += result.Bytes;
            _filled = result.Bytes == room.Length;
        }

        return result;
    }

    public void ReleaseIfEmpty()
    {
        if (IsEmpty && _buffer is not null)
        {
            _buffer.Return();
            _buffer = null;
        }
    }

    public void Release()
    {
        _start = 0;
        _end = 0;
        ReleaseIfEmpty();
    }

    private void MakeRoom(int bytesMax)
    {
        if (_buffer is null)
        {
            _buffer = pool.Rent(_filled ? BulkBytes : FirstBytes);
            return;
        }

        if (_end < _buffer.Length)
        {
            return;
        }

        if (_start > 0)
        {
            _buffer.Span[_start.._end].CopyTo(_buffer.Span);
        }
        else
        {
            PooledBuffer larger = pool.Rent(Math.Min(Math.Max(_buffer.Length * 2, BulkBytes), Math.Max(bytesMax, _buffer.Length + 1)));
            Unread.CopyTo(larger.Span);
            _buffer.Return();
            _buffer = larger;
        }

        _end -= _start;
        _start = 0;
    }
}
