using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Http2.Hpack;
using Pilotfish.Proxy.Stats;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Http2;

/// <summary>
/// One HTTP/2 connection, either side (RFC 9113): (1) receive, (2) take frames apart, DATA as it comes and everything else whole, (3) hold
/// them against the protocol and the guards, (4) hand them to streams. Faults have two scopes: a stream ends with RST_STREAM, the
/// connection with GOAWAY. Loop-affine; holds no receive buffer while idle.
/// </summary>
internal abstract partial class Http2Session : ISendQueueOwner
{
    private const int PingBytes = 8;

    private readonly HpackDecoder _decoder;
    private readonly bool _isServer;
    private int _prefaceSeen;
    private InputBuffer _in;
    private HeaderBlock _block;

    // Payloads of the block under way with padding and priority, and its first frame's header, which is how Envoy counts a head.
    private int _blockWireBytes;

    /// <summary>The stream of a header block that CONTINUATION frames must complete; 0 = there is none.</summary>
    protected int OpenBlockId => _block.IsOpen ? _block.First.StreamId : 0;

    /// <summary>A header block waits for its CONTINUATION frames, or no longer.</summary>
    protected virtual void OnBlockOpened(bool open)
    {
    }
    private ReceiveWindow _window;
    private InboundGuards _guards;
    private FrameHeader _dataFrame;
    private int _dataLeft;
    private int _paddingLeft;
    private bool _inData;
    private bool _settingsSeen;
    private bool _sendFailed;
    private bool _processing;
    private bool _flushPending;

    protected Http2Session(IByteStream io, Http2Options options, Http1Limits limits, Http2Stats stats, StatCells cells, long highWatermark,
        bool isServer, InputBuffer received)
    {
        Io = io;
        Options = options;
        Stats = stats;
        Cells = cells;
        _isServer = isServer;
        _in = received;
        _window = new ReceiveWindow(options.ConnectionWindowBytes);
        _guards = new InboundGuards(options);
        _decoder = new HpackDecoder(io.Loop.Buffers, options.HpackTableBytes);
        Reader = new HeaderBlockReader { Limits = limits, AllowsProtocol = options.AllowConnect };
        Output = new Http2Output(io, this, highWatermark, options);
    }

    public EventLoop Loop => Io.Loop;

    public Http2Output Output { get; }

    public Http2Options Options { get; }

    public Http2Stats Stats { get; }

    public bool IsClosed { get; private set; }

    /// <summary>Whether the peer ended the connection.</summary>
    protected bool ByRemote { get; private set; }

    /// <summary>What ended the connection before its time, or null.</summary>
    protected Http2End? Fault { get; private set; }

    protected IByteStream Io { get; }

    internal StatCells Cells { get; }

    protected HeaderBlockReader Reader { get; }

    protected Http2Keepalive? Keepalive { get; private set; }

    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <summary>The highest stream that a client opened.</summary>
    protected int LastStreamId { get; set; }

    protected ref InboundGuards Guards => ref _guards;

    internal abstract Http2Stream? Find(int id);

    /// <summary>Whether a stream of this id existed once.</summary>
    protected abstract bool WasOpened(int id);

    protected abstract bool WasReset(int id);

    /// <summary>The map for a block on a stream, and what the block is; null to ignore the block.</summary>
    protected abstract HeaderMap? BeginBlock(Http2Stream? stream, int id, out HeaderBlockKind kind);

    /// <summary>A decoded block that is in order.</summary>
    protected abstract void OnBlock(Http2Stream? stream, int id, bool end, HeaderBlockKind kind);

    /// <summary>A block that cannot be a message; the stream is to be reset, or the connection ended.</summary>
    protected abstract void OnBlockFault(Http2Stream? stream, int id, Http2End end, bool streamOnly);

    protected abstract void OnStreamReset(Http2Stream stream, Http2ErrorCode code);

    protected abstract void OnGoAway(int lastStreamId, Http2ErrorCode code);

    protected abstract void OnSettings(int windowChange);

    /// <summary>Every stream ends; the last call.</summary>
    protected abstract void OnClosed();

    protected abstract void RemoveStream(Http2Stream stream);

    protected abstract void CountReceived(int bytes);

    public void Start()
    {
        Output.WritePreface(!_isServer, Options.ConnectionWindowBytes - PeerSettings.InitialWindowBytes, Options.AllowConnect);
        if (Options.KeepaliveMilliseconds > 0 || Options.IdlePingMilliseconds > 0)
        {
            Keepalive = new Http2Keepalive(this, Options);
            Keepalive.Start();
        }

        RunAsync();
    }

    // async void: an exception here is a bug and must end the loop, not vanish in a task.
    private async void RunAsync()
    {
        Process();
        while (!IsClosed)
        {
            _in.ReleaseIfEmpty();
            IoResult result = await Io.ReceiveAsync(Memory<byte>.Empty);
            if (IsClosed)
            {
                break;
            }

            if (result.IsOk)
            {
                result = _in.Receive(Io, FrameHeader.Bytes + FrameHeader.PayloadBytesDefault);
            }

            if (result.Error is IoError.WouldBlock or IoError.Canceled)
            {
                continue;
            }

            if (!result.IsOk || result.IsEnd)
            {
                OnPeerGone(reset: !result.IsOk || _sendFailed);
                continue;
            }

            CountReceived(result.Bytes);
            Keepalive?.OnReceived();
            Process();
        }

        _in.Release();
        _block.End();
        OnClosed();
    }

    /// <summary>Bytes of a client's preface, which must stand in front of its first frame (RFC 9113 section 3.4). 0 = done.</summary>
    private int TakePreface(ReadOnlySpan<byte> unread, out bool needMore)
    {
        needMore = false;
        if (!_isServer || _prefaceSeen == Preface.Length)
        {
            return 0;
        }

        ReadOnlySpan<byte> rest = Preface[_prefaceSeen..];
        int length = Math.Min(rest.Length, unread.Length);
        needMore = length < rest.Length;
        if (!unread[..length].SequenceEqual(rest[..length]))
        {
            Fail(Http2End.ProtocolViolation);
            return 0;
        }

        _prefaceSeen += length;
        return length;
    }

    private void Process()
    {
        _processing = true;
        int preface = TakePreface(_in.Unread, out bool needMore);
        _in.Consume(preface);
        while (!IsClosed && Fault is null && !needMore && Step())
        {
            if (Output.Flood is { } flood)
            {
                Cells.Add(flood == Http2End.OutboundFlood ? Stats.OutboundFlood : Stats.OutboundControlFlood);
                Fail(flood);
            }
        }

        if (Fault is not null)
        {
            // What a connection at its end still sends is of no interest.
            _in.Release();
        }

        _processing = false;
        if (_flushPending && !IsClosed)
        {
            _flushPending = false;
            Output.SendPending();
        }
    }

    /// <summary>False when more bytes are needed.</summary>
    private bool Step()
    {
        ReadOnlySpan<byte> unread = _in.Unread;
        if (_inData)
        {
            return StepData(unread);
        }

        if (!FrameHeader.TryRead(unread, out FrameHeader frame))
        {
            return false;
        }

        if (frame.Length > FrameHeader.PayloadBytesDefault)
        {
            return Fail(Http2End.FrameSize);
        }

        if (!_settingsSeen && (frame.Type != FrameType.SETTINGS || frame.Has(FrameFlags.ACK)))
        {
            return Fail(Http2End.ProtocolViolation);
        }

        if (_block.IsOpen && (frame.Type != FrameType.CONTINUATION || frame.StreamId != _block.First.StreamId))
        {
            return Fail(Http2End.ProtocolViolation);
        }

        if (frame.Type == FrameType.DATA)
        {
            return BeginData(frame, unread[FrameHeader.Bytes..]);
        }

        if (unread.Length < FrameHeader.Bytes + frame.Length)
        {
            return false;
        }

        Handle(frame, unread.Slice(FrameHeader.Bytes, frame.Length));
        _in.Consume(FrameHeader.Bytes + frame.Length);
        return true;
    }

    private void Handle(in FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        switch (frame.Type)
        {
            case FrameType.HEADERS:
                HandleHeaders(frame, payload);
                break;
            case FrameType.CONTINUATION:
                HandleContinuation(frame, payload);
                break;
            case FrameType.PRIORITY:
                HandlePriority(frame, payload);
                break;
            case FrameType.RST_STREAM:
                HandleReset(frame, payload);
                break;
            case FrameType.SETTINGS:
                HandleSettings(frame, payload);
                break;
            case FrameType.PUSH_PROMISE:
                // A client never pushes, and we told servers not to (section 8.4).
                Fail(Http2End.ProtocolViolation);
                break;
            case FrameType.PING:
                HandlePing(frame, payload);
                break;
            case FrameType.GOAWAY:
                HandleGoAway(frame, payload);
                break;
            case FrameType.WINDOW_UPDATE:
                HandleWindowUpdate(frame, payload);
                break;
            case FrameType.METADATA when Options.AllowMetadata:
                HandleMetadata(frame, payload);
                break;
            default:
                break;
        }
    }

    /// <summary>Body bytes were passed on: gives credit back when it is worth a frame.</summary>
    internal void Consumed(Http2Stream? stream, int id, int bytes)
    {
        if (IsClosed)
        {
            return;
        }

        int credit = _window.Consumed(bytes);
        if (credit > 0)
        {
            Output.WindowUpdate(0, credit);
        }

        if (stream is not null && Find(id) == stream && !stream.IsRemoteClosed && stream.ReceiveWindow.Consumed(bytes) is > 0 and int ofStream)
        {
            stream.Meter.WireBytesSent += Http2Output.WindowUpdateBytes;
            Output.WindowUpdate(id, ofStream);
        }
    }

    /// <summary>What waited in a stream is sent to its end.</summary>
    internal void OnPendingSent(Http2Stream stream)
    {
        if (stream.IsClosed)
        {
            EndClosed(stream);
        }
        else
        {
            OnLocalEnd(stream);
        }
    }

    // Both sides have ended. A stream whose reader is slow stays until it has what came.
    private void EndClosed(Http2Stream stream)
    {
        if (stream.AwaitsReader)
        {
            stream.NoteDeferredClose();
        }
        else
        {
            RemoveStream(stream);
        }
    }

    /// <summary>This side said everything, after data had to wait.</summary>
    protected virtual void OnLocalEnd(Http2Stream stream)
    {
    }

    /// <summary>Ends one stream with RST_STREAM and tells its owner.</summary>
    protected void EndStream(Http2Stream stream, Http2End end)
    {
        ResetStream(stream, end.Code);
        stream.OnReset(end.Code, end);
    }

    /// <summary>Ends one stream with RST_STREAM; its owner knows.</summary>
    internal void ResetStream(Http2Stream stream, Http2ErrorCode code)
    {
        Cells.Add(Stats.TxReset);
        stream.Meter.WireBytesSent += Http2Output.ResetBytes;
        Output.Reset(stream.Id, code);
        RememberReset(stream.Id);
        RemoveStream(stream);
    }

    protected abstract void RememberReset(int id);

    protected void ResetUnknown(int id, Http2ErrorCode code)
    {
        Cells.Add(Stats.TxReset);
        Output.Reset(id, code);
        RememberReset(id);
    }

    /// <summary>Ends the connection with GOAWAY: the peer broke it. Returns false, for the parser's sake.</summary>
    protected bool Fail(Http2End end)
    {
        if (Fault is not null || IsClosed)
        {
            return false;
        }

        Fault = end;
        if (end.Code == Http2ErrorCode.PROTOCOL_ERROR)
        {
            Cells.Add(Stats.ProtocolError);
        }

        SendGoAway(_isServer ? LastStreamId : 0, end.Code);
        OnFault(end);
        return false;
    }

    /// <summary>Streams end with the fault; then the connection closes once GOAWAY is out.</summary>
    protected abstract void OnFault(Http2End end);

    protected void SendGoAway(int lastStreamId, Http2ErrorCode code)
    {
        Cells.Add(Stats.GoAwaySent);
        Output.GoAway(lastStreamId, code);
    }

    internal void OnPingTimeout()
    {
        Cells.Add(Stats.KeepaliveTimeout);
        Fault ??= Http2End.PingTimeout;
        OnFault(Http2End.PingTimeout);
        Close(reset: false);
    }

    /// <summary>Pending data may go on; inside the parser it waits for the parser's end.</summary>
    protected void FlushPending()
    {
        if (_processing)
        {
            _flushPending = true;
        }
        else if (!IsClosed)
        {
            Output.SendPending();
        }
    }

    protected void Close(bool reset)
    {
        if (IsClosed)
        {
            return;
        }

        IsClosed = true;
        Keepalive?.Stop();
        Output.Abandon();
        if (reset)
        {
            Io.Reset();
        }
        else
        {
            Io.Close();
        }
    }

    /// <summary>
    /// Nothing can be sent any more. Whether the peer may have said something before that somebody waits for: it lies unread, and behind it
    /// the end that the failed send has used up.
    /// </summary>
    private bool ReadsOn()
    {
        _sendFailed = true;
        ByRemote = true;
        return OnSendingEnded();
    }

    /// <summary>True to go on reading until the peer's end.</summary>
    protected virtual bool OnSendingEnded() => false;

    protected virtual void OnPeerGone(bool reset)
    {
        ByRemote = true;
        Close(reset);
    }

    // ISendQueueOwner

    public void OnSendBlocked(bool blocked)
    {
        if (!blocked)
        {
            FlushPending();
        }
    }

    public virtual void OnFlushed()
    {
        Output.OnFlushed();
        FlushPending();
    }

    public void OnSendFailed()
    {
        if (!IsClosed && !ReadsOn())
        {
            OnPeerGone(reset: true);
        }
    }
}
