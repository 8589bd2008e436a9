using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Http1;

/// <summary>
/// One HTTP/1 connection to a host: at most one exchange at a time. It goes back to its pool only when request and response were complete,
/// both sides keep it alive, and not one byte more than the response arrived; an idle connection on which bytes arrive is closed, so no
/// client ever sees what belonged to another.
/// </summary>
internal sealed class Http1UpstreamConnection : IUpstreamStream, ISendQueueOwner, IPeerCloseObserver
{
    private readonly Http1Pool _pool;
    private readonly IByteStream _io;
    private readonly SendQueue _out;
    private readonly RequestEncoder _encoder;
    private readonly LoopSignal _resume;
    private readonly StatCells _cells;
    private readonly Http1Limits _limits;
    private InputBuffer _in;
    private HeadScanner _scanner;
    private BodyDecoder _body;
    private HeaderMap? _trailers;
    private IUpstreamEvents? _events;
    private UpstreamPhase _phase = UpstreamPhase.Idle;
    private bool _keepAlive;
    private bool _requestSent;
    private bool _toHead;
    private bool _isConnect;
    private bool _isUpgrade;
    private bool _tunnel;
    private bool _byRemote;
    private bool _answered;
    private bool _peerFinished;
    private bool _endUntold;
    private bool _finishing;
    private bool _sendFailed;
    private int _pauses;

    public Http1UpstreamConnection(Http1Pool pool, UpstreamConnection connection, uint bufferLimit)
    {
        _pool = pool;
        Connection = connection;
        _io = connection.Stream;
        _cells = pool.Worker.Stats;
        _limits = pool.Http.ResponseLimits;
        _in = new InputBuffer(_io.Loop.Buffers);
        _out = new SendQueue(_io, this, bufferLimit);
        _encoder = new RequestEncoder(_out, pool.Http.EnableTrailers, pool.Http.ProperCase, pool.Http.AbsoluteTargets);
        _resume = new LoopSignal(_io.Loop);
    }

    private enum UpstreamPhase : byte
    {
        Idle,
        Head,
        Body,
        Closed,
    }

    public UpstreamConnection Connection { get; }

    public HttpProtocol Protocol => HttpProtocol.Http11;

    public bool IsSendBlocked => _out.IsBlocked;

    public long BufferedBytes => _in.Capacity + _out.Capacity;

    public long Requests { get; private set; }

    /// <summary>When it last became idle, in loop milliseconds.</summary>
    public long IdleSince { get; set; }

    /// <summary>Of the pool's connections; those of an earlier one are not used again.</summary>
    public int Generation { get; init; }

    public bool IsClosed => _phase == UpstreamPhase.Closed;

    public void Start() => RunAsync();

    /// <summary>Begins an exchange on an idle connection.</summary>
    public void Begin(IUpstreamEvents events)
    {
        _events = events;
        _phase = UpstreamPhase.Head;
        _keepAlive = true;
        _requestSent = false;
        _tunnel = false;
        _answered = false;
        _pauses = 0;
        Requests++;
    }

    public void SendHeaders(HeaderMap headers, bool end, bool isUpgrade)
    {
        _toHead = headers[WellKnownHeader.Method].SequenceEqual("HEAD"u8);
        _isConnect = headers[WellKnownHeader.Method].SequenceEqual("CONNECT"u8);
        _isUpgrade = isUpgrade || _isConnect;
        _encoder.Headers(headers, end, isUpgrade, ref _events!.Meter);
        _requestSent = end;
        if (end)
        {
            _out.Flush();
        }
    }

    public void SendData(ReadOnlySpan<byte> data, bool end)
    {
        if (_events is not { } events)
        {
            return;
        }

        if (!_sendFailed)
        {
            _encoder.Data(data, end, ref events.Meter);
        }

        _requestSent |= end;
        if (end && !_tunnel)
        {
            _out.Flush();
            if (_answered)
            {
                Release();
            }
        }
        else if (end)
        {
            _io.Loop.Defer(static state => ((Http1UpstreamConnection)state!).FinishTunnelSend(), this);
        }
    }

    public void SendTrailers(HeaderMap trailers)
    {
        if (_events is { } events && !_sendFailed)
        {
            _encoder.Trailers(trailers, ref events.Meter);
            _requestSent = true;
        }
    }

    public void SendMetadata(HeaderMap metadata) => _cells.Add(_pool.Http.MetadataDropped);

    public void Reset()
    {
        _events = null;
        Close(reset: true);
    }

    public void PauseResponse() => _pauses++;

    public void ResumeResponse()
    {
        if (--_pauses == 0)
        {
            _resume.Set();
        }
    }

    /// <summary>The pool has no use for an idle connection any more.</summary>
    public void CloseIdle() => Close(reset: false);

    public void OnSendBlocked(bool blocked) => _events?.OnUpstreamSendBlocked(blocked);

    public void OnFlushed()
    {
        if (_finishing && _phase != UpstreamPhase.Closed)
        {
            EndTunnelSend();
        }
    }

    /// <summary>
    /// A peer that takes no more of the request may have sent its answer before: what lies unread is read first. The end behind it then
    /// counts as a reset, which is what the failed send has used up.
    /// </summary>
    public void OnSendFailed()
    {
        if (_phase == UpstreamPhase.Head || (_phase == UpstreamPhase.Body && !_answered))
        {
            _sendFailed = true;
            _keepAlive = false;
            _byRemote = true;
            return;
        }

        OnPeerGone(reset: true);
    }

    public void OnPeerClosed(bool reset) => OnPeerGone(reset);

    // async void: an exception here is a bug and must end the loop, not vanish in a task.
    private async void RunAsync()
    {
        while (_phase != UpstreamPhase.Closed)
        {
            if (_pauses > 0 && _phase == UpstreamPhase.Body)
            {
                await _resume.WaitAsync();
                ProcessBody();
                continue;
            }

            if (_peerFinished)
            {
                // Nothing can come any more; what this side still sends decides the end.
                await _resume.WaitAsync();
                continue;
            }

            _in.ReleaseIfEmpty();
            IoResult result = await _io.ReceiveAsync(Memory<byte>.Empty);
            if (_phase == UpstreamPhase.Closed)
            {
                break;
            }

            if (result.IsOk)
            {
                result = _in.Receive(_io, _limits.HeadBytes + 1);
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

            _cells.Add(_pool.ClusterStats.CxRxBytesTotal, result.Bytes);
            if (_events is { } events)
            {
                events.Meter.WireBytesReceived += result.Bytes;
            }

            Process();
        }

        _in.Release();
        _cells.Add(_pool.ClusterStats.CxTxBytesTotal, _out.BytesSent);
        Connection.Finished(_byRemote);
    }

    private void Process()
    {
        if (_phase == UpstreamPhase.Idle)
        {
            // Bytes that nobody asked for: what they belong to cannot be known.
            Close(reset: true);
            return;
        }

        if (_answered)
        {
            ProtocolError();
            return;
        }

        while (_phase == UpstreamPhase.Head && ProcessHead())
        {
        }

        ProcessBody();
    }

    /// <summary>False when more bytes are needed or the exchange is over.</summary>
    private bool ProcessHead()
    {
        ReadOnlySpan<byte> unread = _in.Unread;
        int length = _scanner.Scan(unread, out bool bareLineFeed);
        if (bareLineFeed || length > _limits.HeadBytes
            || (length == 0 && unread.Length > _limits.HeadBytes))
        {
            ProtocolError();
            return false;
        }

        if (length == 0)
        {
            return false;
        }

        HeaderMap headers = _events!.ResponseHeaders;
        headers.Clear();
        if (_pool.Http.PreservedCase is { } preserved)
        {
            headers.KeepHead(unread[..length], preserved);
        }

        Http1Error? error = ResponseHeadParser.Parse(unread[..length], headers, _limits, out HttpProtocol version, out int status, out int fieldBytes);
        _in.Consume(length);
        _events.Meter.ReceivedFields(0, fieldBytes, fieldBytes);
        BodyKind kind = BodyKind.None;
        long bodyLength = 0;
        if (_isConnect && status is >= 200 and < 300)
        {
            // RFC 9110 section 9.3.6: a tunnel begins behind this head whatever length it states, and the field goes no further.
            headers.Remove(WellKnownHeader.ContentLength);
            headers.Remove(WellKnownHeader.TransferEncoding);
            kind = BodyKind.UntilClose;
        }
        else
        {
            error ??= MessageFraming.OfResponse(headers, status, _toHead, out kind, out bodyLength);
        }

        if (error is not null || (status == 101 && !_isUpgrade))
        {
            ProtocolError();
            return false;
        }

        if (status is >= 100 and < 200 and not 101)
        {
            _events.OnUpstreamInformational(status);
            return _phase == UpstreamPhase.Head && !_in.IsEmpty;
        }

        BeginBody(headers, version, status, kind, bodyLength);
        return false;
    }

    private void BeginBody(HeaderMap headers, HttpProtocol version, int status, BodyKind kind, long length)
    {
        _keepAlive &= KeepAlive.Allows(headers, version);
        _tunnel = _isUpgrade && (status == 101 || (status is >= 200 and < 300 && kind == BodyKind.UntilClose));
        if (_tunnel)
        {
            kind = BodyKind.UntilClose;
            _encoder.BecomeTunnel();
        }

        _keepAlive &= kind != BodyKind.UntilClose;
        _body = BodyDecoder.For(kind, length);
        _phase = UpstreamPhase.Body;
        bool end = kind == BodyKind.None;
        if (end)
        {
            Complete(static (events, code) => events.OnUpstreamHeaders(code, true), status);
        }
        else
        {
            _events!.OnUpstreamHeaders(status, end: false);
        }
    }

    private void ProcessBody()
    {
        while (_phase == UpstreamPhase.Body && _pauses == 0 && !_answered)
        {
            _trailers ??= _body.Kind == BodyKind.Chunked ? new HeaderMap() : null;
            DecodeStatus status = _body.Step(
                _in.Unread, _trailers!, _limits, out int consumed, out ReadOnlySpan<byte> data, out _);
            _in.Consume(consumed);
            switch (status)
            {
                case DecodeStatus.Data:
                    if (_body.IsFinished)
                    {
                        CompleteWithData(data);
                        return;
                    }

                    _events!.OnUpstreamData(data, end: false);
                    break;
                case DecodeStatus.End:
                    if (_trailers is { Count: > 0 } && _pool.Http.EnableTrailers)
                    {
                        int fieldBytes = _trailers.ByteSize + (_trailers.Count * FieldParser.SeparatorBytes);
                        _events!.Meter.ReceivedFields(0, fieldBytes, fieldBytes);
                        Complete(static (events, trailers) => events.OnUpstreamTrailers(trailers!), _trailers);
                        _trailers = null;
                    }
                    else
                    {
                        _trailers?.Clear();
                        Complete(static (events, _) => events.OnUpstreamData(default, true), 0);
                    }

                    return;
                case DecodeStatus.NeedMore:
                    return;
                default:
                    ProtocolError();
                    return;
            }
        }
    }

    private void CompleteWithData(ReadOnlySpan<byte> data)
    {
        IUpstreamEvents events = _events!;
        EndAnswer();
        events.OnUpstreamData(data, end: true);
    }

    // The connection goes back first: the event may start another request, which can use it at once.
    private void Complete<T>(Action<IUpstreamEvents, T> tell, T argument)
    {
        IUpstreamEvents events = _events!;
        EndAnswer();
        tell(events, argument);
    }

    // Who goes on sending keeps the connection until it has ended too.
    private void EndAnswer()
    {
        if (!_requestSent && !_sendFailed && _events!.KeepsSending)
        {
            _answered = true;
        }
        else
        {
            Release();
        }
    }

    private void Release()
    {
        _events = null;
        _pool.OnExchangeEnded();
        _phase = UpstreamPhase.Idle;
        bool reusable = _keepAlive && _requestSent && _in.IsEmpty && !_out.IsBlocked;
        if (!reusable)
        {
            Close(reset: false);
            return;
        }

        _scanner.Reset();
        _pool.OnIdle(this);
    }

    private void ProtocolError()
    {
        _cells.Add(_pool.Http.CxProtocolError);
        IUpstreamEvents? events = _events;
        _events = null;
        Close(reset: true);
        events?.OnUpstreamReset(StreamResetReason.ProtocolError, null);
    }

    private void OnPeerGone(bool reset)
    {
        if (_phase == UpstreamPhase.Closed)
        {
            return;
        }

        _byRemote = true;
        IUpstreamEvents? events = _events;
        bool bodyEnds = _phase == UpstreamPhase.Body && _body.Kind == BodyKind.UntilClose && !reset && !_answered;
        if (bodyEnds && _tunnel && (_requestSent ? !_out.IsEmpty : events is { KeepsSending: true }))
        {
            _answered = true;
            _peerFinished = true;
            if (_requestSent)
            {
                // Its owner hears of it when the peer has taken the rest: until then its time-outs watch.
                _endUntold = true;
            }
            else
            {
                events!.OnUpstreamData(default, end: true);
            }

            return;
        }

        _events = null;
        string? failure = TransportFailures.OfEstablished(_io);
        Close(reset);
        if (events is null)
        {
            return;
        }

        if (bodyEnds)
        {
            events.OnUpstreamData(default, end: true);
        }
        else
        {
            events.OnUpstreamReset(StreamResetReason.ConnectionTermination, failure);
        }
    }

    private void FinishTunnelSend()
    {
        if (_phase != UpstreamPhase.Closed)
        {
            _out.OnTurnEnd();
            if (_out.IsEmpty)
            {
                EndTunnelSend();
            }
            else
            {
                _finishing = true;
            }
        }
    }

    // What waited for the peer to read has gone before.
    private void EndTunnelSend()
    {
        _finishing = false;
        _io.ShutdownSend();
        if (_answered)
        {
            IUpstreamEvents? events = _events;
            _events = null;
            Close(reset: false);
            if (_endUntold)
            {
                events?.OnUpstreamData(default, end: true);
            }
        }
    }

    private void Close(bool reset)
    {
        if (_phase == UpstreamPhase.Closed)
        {
            return;
        }

        if (_phase != UpstreamPhase.Idle)
        {
            _pool.OnExchangeEnded();
        }

        _phase = UpstreamPhase.Closed;
        _out.Abandon();
        if (reset)
        {
            _io.Reset();
        }
        else
        {
            _io.Close();
        }

        _resume.Set();
        _pool.OnClosed(this);
    }
}
