using System.Diagnostics;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Http2;

/// <summary>
/// What both sides keep of one stream: its state, its two windows, what waits to be sent for want of window, and what was received while
/// its reader paused. Reused by its session. Loop-affine.
/// </summary>
internal abstract class Http2Stream(Http2Session session)
{
    private HeaderMap? _trailers;
    private MetadataReader? _metadata;
    private ByteQueue _held;
    private bool _heldEnd;
    private bool _heldTrailers;
    private bool _deliveryDeferred;
    private int _pauses;
    private long _expectedBytes;
    private bool _toldBlocked;
    private bool _freedUntold;
    private bool _closeDeferred;
    private int _pendingCounted;

    /// <summary>Where a stream counts whose owner has gone: nobody reads it.</summary>
    protected ByteMeter Unread;

    public Http2Session Session { get; } = session;

    public int Id { get; private set; }

    public StreamState State { get; private set; }

    public bool IsClosed => State == StreamState.Closed;

    public bool IsRemoteClosed => State is StreamState.HalfClosedRemote or StreamState.Closed;

    public bool IsLocalClosed => State is StreamState.HalfClosedLocal or StreamState.Closed;

    /// <summary>Trailers that came, or that wait behind data.</summary>
    public HeaderMap Trailers => _trailers ??= new HeaderMap();

    /// <summary>Made with the stream's first METADATA frame.</summary>
    internal MetadataReader MetadataReader => _metadata ??= new MetadataReader(Session.Loop.Buffers, Session.Options.MetadataBytesMax);

    /// <summary>Whether the first header block of the peer came.</summary>
    public bool HasHead { get; set; }

    /// <summary>When it last made progress with sending, in loop milliseconds.</summary>
    public long LastSent { get; set; }

    /// <summary>Where its owner reads the stream's bytes; frames are counted as they are written and taken apart.</summary>
    internal abstract ref ByteMeter Meter { get; }

    internal SendWindow SendWindow;
    internal ReceiveWindow ReceiveWindow;
    internal ByteQueue Pending;

    internal HeaderMap? PendingTrailers { get; set; }

    /// <summary>Whether END_STREAM follows what is pending.</summary>
    internal bool EndPending { get; set; }

    /// <summary>Whether it stands in the output's queue.</summary>
    internal bool IsQueued { get; set; }

    /// <summary>Bytes on loan for what waits here, in both directions.</summary>
    public virtual long BufferedBytes => _held.Capacity + Pending.Capacity;

    public bool IsSendBlocked { get; private set; }

    protected bool IsPaused => _pauses > 0;

    /// <summary>Whether something that came still waits for its reader.</summary>
    protected bool Holds => !_held.IsEmpty || _heldEnd || _heldTrailers;

    /// <summary>Both sides have ended, and yet somebody will read what waits: the stream must stay in its session for that.</summary>
    internal virtual bool AwaitsReader => false;

    internal virtual void Open(int id, int sendWindow, int receiveWindow)
    {
        Id = id;
        State = StreamState.Open;
        SendWindow = new SendWindow(sendWindow);
        ReceiveWindow = new ReceiveWindow(receiveWindow);
        HasHead = false;
        EndPending = false;
        PendingTrailers = null;
        IsSendBlocked = false;
        _toldBlocked = false;
        _freedUntold = false;
        _pauses = 0;
        _heldEnd = false;
        _heldTrailers = false;
        _expectedBytes = -1;
        LastSent = Session.Loop.NowMilliseconds;
    }

    /// <summary>content-length, or -1; DATA is held against it.</summary>
    internal void Expect(long bytes) => _expectedBytes = bytes;

    internal void LocalEnd() => State = State switch
    {
        StreamState.Open => StreamState.HalfClosedLocal,
        StreamState.HalfClosedRemote => StreamState.Closed,
        StreamState.HalfClosedLocal or StreamState.Closed => State,
        _ => throw new UnreachableException($"A stream in state {State} cannot end."),
    };

    internal void RemoteEnd() => State = State switch
    {
        StreamState.Open => StreamState.HalfClosedRemote,
        StreamState.HalfClosedLocal => StreamState.Closed,
        StreamState.HalfClosedRemote or StreamState.Closed => State,
        _ => throw new UnreachableException($"A stream in state {State} cannot end."),
    };

    /// <summary>Leaves the session: buffers go back.</summary>
    internal void Close()
    {
        State = StreamState.Closed;
        ReleasePending();
        if (_closeDeferred)
        {
            _closeDeferred = false;
            Session.Cells.Decrement(Session.Stats.DeferredStreamClose);
        }

        _held.Release();
        _metadata?.Release();
        _metadata = null;
        PendingTrailers = null;
        IsSendBlocked = false;
        _pauses = 0;
        _heldEnd = false;
        _heldTrailers = false;
    }

    /// <summary>Nobody takes any more what waits to be sent.</summary>
    internal void DropPending()
    {
        ReleasePending();
        PendingTrailers = null;
        EndPending = false;
    }

    /// <summary>What waits to be sent is not sent any more.</summary>
    protected void ReleasePending()
    {
        Pending.Release();
        CountPending();
    }

    /// <summary>Both sides ended, and what came waits for its reader: counted until the stream leaves.</summary>
    internal void NoteDeferredClose()
    {
        if (!_closeDeferred)
        {
            _closeDeferred = true;
            Session.Cells.Increment(Session.Stats.DeferredStreamClose);
        }
    }

    /// <summary>DATA payload, possibly a part of a frame. False when the length contradicts content-length.</summary>
    internal bool TakeData(ReadOnlySpan<byte> data, bool end)
    {
        if (_expectedBytes >= 0)
        {
            _expectedBytes -= data.Length;
            if (_expectedBytes < 0 || (end && _expectedBytes != 0))
            {
                return false;
            }
        }

        if (IsPaused || !_held.IsEmpty)
        {
            _held.Append(Session.Loop.Buffers, data);
            _heldEnd |= end;
            return true;
        }

        Deliver(data, end);
        return true;
    }

    /// <summary>END_STREAM on a header block: false when a body was announced and is not complete.</summary>
    internal bool IsBodyComplete => _expectedBytes <= 0;

    internal void TakeTrailers()
    {
        if (IsPaused || !_held.IsEmpty)
        {
            _heldTrailers = true;
            return;
        }

        DeliverTrailers();
    }

    protected void Pause() => _pauses++;

    protected void Resume()
    {
        if (--_pauses == 0 && (!_held.IsEmpty || _heldEnd || _heldTrailers) && !_deliveryDeferred)
        {
            _deliveryDeferred = true;
            Session.Loop.Defer(static state => ((Http2Stream)state!).DeliverHeld(), this);
        }
    }

    /// <summary>Re-reads whether what waits is too much; its owner hears of a change later in the turn, never inside a send.</summary>
    internal void CheckBlocked()
    {
        CountPending();
        int waiting = Pending.Length;
        if (!IsSendBlocked && waiting > Http2Limits.StreamPendingBytesHigh)
        {
            IsSendBlocked = true;
            Session.Loop.Defer(static state => ((Http2Stream)state!).TellBlocked(), this);
        }
        else if (IsSendBlocked && waiting <= Http2Limits.StreamPendingBytesHigh / 2)
        {
            IsSendBlocked = false;
            _freedUntold = !_toldBlocked;
            Session.Loop.Defer(static state => ((Http2Stream)state!).TellBlocked(), this);
        }
    }

    // pending_send_bytes: of all streams together.
    private void CountPending()
    {
        int change = Pending.Length - _pendingCounted;
        if (change != 0)
        {
            _pendingCounted += change;
            Session.Cells.Add(Session.Stats.PendingSendBytes, change);
        }
    }

    protected abstract void OnData(ReadOnlySpan<byte> data, bool end);

    protected abstract void OnTrailers(HeaderMap trailers);

    /// <summary>Nothing that was held waits any more. The stream may have ended with it.</summary>
    protected virtual void OnDelivered()
    {
    }

    /// <summary>METADATA that the peer sent; the map is valid during the call.</summary>
    internal virtual void OnMetadata(HeaderMap metadata)
    {
    }

    protected abstract void OnSendBlocked(bool blocked);

    /// <summary>The peer sent RST_STREAM, or this side had to end the stream; the stream has left the session.</summary>
    internal abstract void OnReset(Http2ErrorCode code, Http2End end);

    private void TellBlocked()
    {
        if (IsClosed)
        {
            return;
        }

        if (_toldBlocked != IsSendBlocked)
        {
            _toldBlocked = IsSendBlocked;
            OnSendBlocked(IsSendBlocked);
        }
        else if (_freedUntold)
        {
            // Blocked and freed within one turn. The owner may have looked in between and stopped: it waits to hear of the room.
            OnSendBlocked(true);
            OnSendBlocked(false);
        }

        _freedUntold = false;
    }

    private void Deliver(ReadOnlySpan<byte> data, bool end)
    {
        int bytes = data.Length;
        int id = Id;
        OnData(data, end);
        Session.Consumed(this, id, bytes);
    }

    // A window's worth at once would only wait in the next queue: whoever takes it says first whether it is enough, and no credit is given
    // for more than was taken.
    private void DeliverPiece(ByteQueue held)
    {
        Deliver(held.Unread[..Http2Limits.DeliveryBytesMax], end: false);
        held.Consume(Http2Limits.DeliveryBytesMax);
        if (Session.Find(Id) != this)
        {
            held.Release();
            return;
        }

        _held = held;
        if (!IsPaused && !_deliveryDeferred)
        {
            _deliveryDeferred = true;
            Session.Loop.Defer(static state => ((Http2Stream)state!).DeliverHeld(), this);
        }
    }

    private void DeliverTrailers() => OnTrailers(Trailers);

    private void DeliverHeld()
    {
        _deliveryDeferred = false;
        if (IsPaused || Session.Find(Id) != this)
        {
            return;
        }

        // Detached first: what is told may end the stream, which gives its buffers back.
        ByteQueue held = _held;
        _held = default;
        if (held.Length > Http2Limits.DeliveryBytesMax)
        {
            DeliverPiece(held);
            return;
        }

        bool end = _heldEnd;
        _heldEnd = false;
        if (!held.IsEmpty || end)
        {
            Deliver(held.Unread, end);
            held.Release();
        }

        if (_heldTrailers && Session.Find(Id) == this)
        {
            if (IsPaused)
            {
                return;
            }

            _heldTrailers = false;
            DeliverTrailers();
        }

        OnDelivered();
    }
}
