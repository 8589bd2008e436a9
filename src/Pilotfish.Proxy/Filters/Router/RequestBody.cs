using Pilotfish.Proxy.Http;
using Pilotfish.Runtime.Buffers;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>
/// The request's body as far as it must be kept: until a connection takes it, and afterwards for a retry. Bounded by the buffer limit; a
/// body that outgrows it while being sent is not kept, and the request is not retried any more.
/// </summary>
internal sealed class RequestBody
{
    private BodyBuffer _buffer;
    private BufferPool _pool = null!;
    private long _limit;
    private bool _keep;

    /// <summary>What it has on loan, used or not.</summary>
    public int Capacity => _buffer.Capacity;

    public int Length => _buffer.Length;

    public ReadOnlySpan<byte> Bytes => _buffer.Span;

    /// <summary>Whether everything received so far is still here, so that it can be sent again.</summary>
    public bool IsComplete { get; private set; }

    public void Begin(BufferPool pool, long limit, bool keep)
    {
        _pool = pool;
        _limit = limit;
        _keep = keep;
        IsComplete = true;
    }

    /// <summary>Holds a piece while there is no connection; false when the limit is passed and the client should pause.</summary>
    public bool TryHold(ReadOnlySpan<byte> data)
    {
        _buffer.Append(_pool, data);
        if (_buffer.Length <= _limit)
        {
            return true;
        }

        // It is sent once, from here: whether a connection was there already must not decide on a retry.
        _keep = false;
        IsComplete = false;
        return false;
    }

    /// <summary>Remembers a piece that was sent already; false when from now on there is too much to remember.</summary>
    public bool KeepForRetry(ReadOnlySpan<byte> data)
    {
        if (!_keep)
        {
            IsComplete &= data.IsEmpty;
            return true;
        }

        if (_buffer.Length + data.Length > _limit)
        {
            _keep = false;
            IsComplete = false;
            _buffer.Release();
            return false;
        }

        _buffer.Append(_pool, data);
        return true;
    }

    /// <summary>What was held is with a connection now.</summary>
    public void Sent()
    {
        if (!_keep)
        {
            IsComplete &= _buffer.Length == 0;
            _buffer.Release();
        }
    }

    /// <summary>Hands over what was kept; the caller releases it.</summary>
    public BodyBuffer Take()
    {
        BodyBuffer taken = _buffer;
        _buffer = default;
        return taken;
    }

    public void Release() => _buffer.Release();
}
