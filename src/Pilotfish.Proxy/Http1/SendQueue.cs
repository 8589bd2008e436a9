using Pilotfish.Runtime.Buffers;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Http1;

/// <summary>
/// Gathers what one turn writes to a connection into one send at the turn's end: head and body of a message, or several pipelined
/// responses, cost one system call. Large pieces go out at once together with what was gathered, without a copy. What the peer does not
/// take is kept and drained in the background. Loop-affine; holds no buffer while nothing is written.
/// </summary>
internal sealed class SendQueue : ITurnEndObserver
{
    // A piece that does not fit beside what is gathered is sent with it in one gathered call: copying more costs more than it saves.
    private const int GatherBytes = 16 * 1024;

    // What drains at a time: as much as a busy socket takes. Producers and timers see progress after each.
    private const int DrainBytes = 64 * 1024;

    private readonly IByteStream _stream;
    private readonly ISendQueueOwner _owner;
    private readonly long _highWatermark;
    private PooledBuffer? _buffer;
    private int _start;
    private int _end;
    private int _inFlight;
    private bool _scheduled;
    private bool _draining;
    private bool _failed;
    private bool _blocked;

    public SendQueue(IByteStream stream, ISendQueueOwner owner, long highWatermark)
    {
        _stream = stream;
        _owner = owner;
        _highWatermark = highWatermark;
    }

    public bool IsBlocked => _blocked;

    public bool IsEmpty => _start == _end && !_draining;

    /// <summary>Bytes on loan for what was not sent.</summary>
    public int Capacity => _buffer?.Length ?? 0;

    public long BytesSent { get; private set; }

    private int Gathered => _end - _start;

    /// <summary>Room for so many bytes, to be filled and given to <see cref="Commit"/>.</summary>
    public Span<byte> Reserve(int bytes)
    {
        EnsureRoom(bytes);
        return _buffer!.Span[_end..];
    }

    public void Commit(int bytes)
    {
        _end += bytes;
        Schedule();
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        if (_failed || bytes.IsEmpty)
        {
            return;
        }

        if (_draining || Gathered + bytes.Length <= GatherBytes)
        {
            EnsureRoom(bytes.Length);
            bytes.CopyTo(_buffer!.Span[_end..]);
            _end += bytes.Length;
            Schedule();
            CheckBlocked();
            return;
        }

        SendGathered(bytes);
    }

    /// <summary>
    /// Sends now instead of at the turn's end: a message is complete and nothing follows it. Its bytes and its buffer are still in the
    /// cache, the peer begins while this loop handles its next event, and the next connection writes into the same buffer.
    /// </summary>
    public void Flush()
    {
        if (!_draining && !_failed && Gathered > 0)
        {
            SendGathered(default);
            if (!_draining && !_failed)
            {
                _owner.OnFlushed();
            }
        }
    }

    public void OnTurnEnd()
    {
        _scheduled = false;
        Flush();
    }

    /// <summary>Drops what was not sent; the stream is closed by its owner.</summary>
    public void Abandon()
    {
        _failed = true;
        Release();
    }

    private void SendGathered(ReadOnlySpan<byte> more)
    {
        ReadOnlySpan<byte> gathered = _buffer is null ? default : _buffer.Span[_start.._end];
        IoResult result = gathered.IsEmpty ? _stream.TrySend(more) : _stream.TrySend(gathered, more);
        if (!result.IsOk && !result.IsWouldBlock)
        {
            Fail();
            return;
        }

        BytesSent += result.Bytes;
        int ofGathered = Math.Min(result.Bytes, gathered.Length);
        _start += ofGathered;
        ReadOnlySpan<byte> rest = more[(result.Bytes - ofGathered)..];
        if (Gathered == 0)
        {
            Release();
        }

        if (!rest.IsEmpty)
        {
            EnsureRoom(rest.Length);
            rest.CopyTo(_buffer!.Span[_end..]);
            _end += rest.Length;
        }

        if (Gathered > 0)
        {
            CheckBlocked();
            DrainAsync();
        }
    }

    // The slow path: the socket's buffer is full. async void: an exception here is a bug and must end the loop, not vanish.
    private async void DrainAsync()
    {
        _draining = true;
        while (_buffer is { } buffer && Gathered > 0 && !_failed)
        {
            Memory<byte> bytes = buffer.Memory[_start.._end];
            _buffer = null;
            _start = 0;
            _end = 0;
            _inFlight = bytes.Length;
            while (_inFlight > 0 && !_failed)
            {
                Memory<byte> piece = bytes.Slice(bytes.Length - _inFlight, Math.Min(_inFlight, DrainBytes));
                IoResult result = await _stream.SendAsync(piece);
                if (!result.IsOk)
                {
                    _inFlight = 0;
                    _draining = false;
                    buffer.Return();
                    Fail();
                    return;
                }

                BytesSent += piece.Length;
                _inFlight -= piece.Length;
                CheckUnblocked();
            }

            _inFlight = 0;
            buffer.Return();
        }

        _draining = false;
        if (!_failed)
        {
            Release();
            _owner.OnFlushed();
        }
    }

    private void CheckBlocked()
    {
        if (!_blocked && Gathered + _inFlight > _highWatermark)
        {
            _blocked = true;
            _stream.Loop.Defer(static state => ((SendQueue)state!).TellBlocked(), this);
        }
    }

    private void TellBlocked()
    {
        if (_blocked && !_failed)
        {
            _owner.OnSendBlocked(true);
        }
    }

    private void CheckUnblocked()
    {
        // Half of the mark: a producer that is woken for every packet costs more than it brings.
        if (_blocked && !_failed && Gathered + _inFlight <= _highWatermark / 2)
        {
            _blocked = false;
            _owner.OnSendBlocked(false);
        }
    }

    private void Schedule()
    {
        if (!_scheduled && !_draining)
        {
            _scheduled = true;
            _stream.Loop.AtTurnEnd(this);
        }
    }

    private void Fail()
    {
        if (_failed)
        {
            return;
        }

        _failed = true;
        Release();
        _stream.Loop.Defer(static state => ((SendQueue)state!)._owner.OnSendFailed(), this);
    }

    private void EnsureRoom(int bytes)
    {
        if (_buffer is null)
        {
            _buffer = _stream.Loop.Buffers.Rent(bytes);
            return;
        }

        if (_buffer.Length - _end >= bytes)
        {
            return;
        }

        PooledBuffer larger = _stream.Loop.Buffers.Rent(Math.Max(Gathered + bytes, Math.Min(_buffer.Length * 2, 256 * 1024)));
        _buffer.Span[_start.._end].CopyTo(larger.Span);
        _end = Gathered;
        _start = 0;
        _buffer.Return();
        _buffer = larger;
    }

    private void Release()
    {
        _buffer?.Return();
        _buffer = null;
        _start = 0;
        _end = 0;
    }
}
