using System.Diagnostics;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http2;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Http1;

/// <summary>
/// A client's HTTP/1 connection. One loop reads: (1) take what is buffered through the state machine, (2) wait until bytes are there,
/// holding no buffer, (3) receive once. Responses are written to <see cref="Http1DownstreamStream"/> by whoever produces them.
/// </summary>
internal sealed partial class Http1DownstreamConnection : ISendQueueOwner, IPeerCloseObserver, IDrainObserver
{
    // A pipelined request may be read ahead up to here; then reading stops until the response is out.
    private const int ReadAheadBytes = 16 * 1024;

    private readonly HcmModel _hcm;
    private readonly DownstreamConnection _connection;
    private readonly IByteStream _io;
    private readonly HttpWorker _worker;
    private readonly SendQueue _out;
    private readonly LoopSignal _resume;
    private readonly DownstreamTimers _timers;
    private readonly Http1DownstreamStream _request;
    private InputBuffer _in;
    private HeadScanner _scanner;
    private DownstreamState _state;
    private EndReason? _endReason;
    private uint _requests;

    // The number of requests when the drain began, if none was under way then.
    private uint? _idleSinceRequest;
    private bool _closing;
    private bool _violated;
    private bool _processing;
    private bool _byRemote;
    private bool _halfClosed;
    private bool _finishesTunnel;
    private bool _isHttp2;

    public Http1DownstreamConnection(HcmModel hcm, DownstreamConnection connection)
    {
        _hcm = hcm;
        _connection = connection;
        _io = connection.Stream;
        _worker = HttpWorker.Of(connection.Worker);
        _in = new InputBuffer(_worker.Loop.Buffers);
        _out = new SendQueue(_io, this, connection.BufferLimitBytes);
        _request = new Http1DownstreamStream(this, hcm, _worker.Stats, _out);
        _resume = new LoopSignal(_worker.Loop);
        _timers = new DownstreamTimers(hcm, _worker.Loop, connection.Listener.Overload, this);
    }

    public bool IsBusy => _request.Http is not null;

    /// <summary>Whether a drain or the overload manager asks for an end after this response. Counts what it finds.</summary>
    internal bool MustEnd => KeepAliveEnd.IsNow(_connection, _hcm.Stats);

    /// <summary>Whether bytes of a next request are here.</summary>
    internal bool HasUnread => !_in.IsEmpty;

    public void Start()
    {
        _hcm.Stats.Http1Started(_worker.Stats);
        _connection.DrainObserver = this;
        _timers.ConnectionStarted();
        RunAsync();
    }

    // async void: an exception here is a bug and must end the loop, not vanish in a task.
    private async void RunAsync()
    {
        while (true)
        {
            ReadStep step = Process();
            if (step == ReadStep.Stop)
            {
                break;
            }

            if (step == ReadStep.WaitForResume)
            {
                _io.PeerCloseObserver = this;
                await _resume.WaitAsync();
                _io.PeerCloseObserver = null;
                continue;
            }

            _in.ReleaseIfEmpty();
            IoResult result = await _io.ReceiveAsync(Memory<byte>.Empty);
            if (result.IsOk)
            {
                result = _in.Receive(_io, _hcm.Limits.HeadBytes + 1);
            }

            if (result.Error is IoError.Canceled or IoError.WouldBlock)
            {
                continue;
            }

            if (!result.IsOk || result.IsEnd)
            {
                OnPeerEnd(reset: !result.IsOk);
                continue;
            }

            _worker.Stats.Add(_hcm.Stats.CxRxBytes, result.Bytes);
        }

        Finish();
    }

    private ReadStep Process()
    {
        _processing = true;
        ReadStep step;
        do
        {
            step = _state switch
            {
                DownstreamState.Head => ReadHead(),
                DownstreamState.Body => ReadBody(),
                DownstreamState.Responding => _in.Length < ReadAheadBytes ? ReadStep.NeedBytes : ReadStep.WaitForResume,
                DownstreamState.Tunnel => ReadTunnel(),
                DownstreamState.Discarding => Discard(),
                DownstreamState.Closed => ReadStep.Stop,
                _ => throw new UnreachableException($"Unknown state {_state}."),
            };
        }
        while (step == ReadStep.Again);

        _processing = false;
        return step;
    }

    private ReadStep ReadHead()
    {
        ReadOnlySpan<byte> unread = _in.Unread;

        // Stray line ends in front of a request (RFC 9112 section 2.2) come from old clients after a POST.
        if (_scanner.IsAtStart && unread.StartsWith("\r\n"u8))
        {
            _in.Consume(2);
            return ReadStep.Again;
        }

        if (unread.IsEmpty)
        {
            return _closing ? BeginClose() : ReadStep.NeedBytes;
        }

        _isHttp2 = _requests == 0 && _hcm.Codec == CodecKind.Auto && Http2DownstreamConnection.IsPreface(unread);
        if (_isHttp2)
        {
            return ReadStep.Stop;
        }

        _timers.HeadStarted();
        int length = _scanner.Scan(unread, out bool bareLineFeed);
        if (bareLineFeed)
        {
            return Refuse(Http1Error.Codec);
        }

        if (length > _hcm.Limits.HeadBytes || (length == 0 && unread.Length >= _hcm.Limits.HeadBytes))
        {
            return Refuse(Http1Error.HeadersTooLarge);
        }

        return length == 0 ? ReadStep.NeedBytes : BeginRequest(unread[..length]);
    }

    private ReadStep BeginRequest(ReadOnlySpan<byte> head)
    {
        if (_connection.Listener.Overload.Http1ServerAbortDispatch.Sheds(_connection.Worker))
        {
            _worker.Stats.Add(_hcm.Stats.RqOverloadClose);
            Abort(NetworkEndReasons.Overloaded);
            return ReadStep.Stop;
        }

        HttpStream stream = StartStream();
        if (_hcm.PreservedCase is { } preserved)
        {
            stream.RequestHeaders.KeepHead(head, preserved);
        }

        Http1Error? error = RequestHeadParser.Parse(head, stream.RequestHeaders, _hcm.Limits, out HttpProtocol version, out int fieldBytes);
        if (_hcm.Limits.Underscores == UnderscorePolicy.DropHeader)
        {
            _worker.Stats.Add(_hcm.DroppedUnderscores, FieldParser.CountUnderscores(head));
        }

        _in.Consume(head.Length);
        stream.Info.Protocol = version;
        stream.Info.Downstream.ReceivedFields(head.Length, fieldBytes, fieldBytes);
        BodyKind kind = BodyKind.None;
        long length = 0;
        error ??= MessageFraming.OfRequest(stream.RequestHeaders, version, _hcm.Limits, out kind, out length);
        if (error is not null)
        {
            return Refuse(stream, error);
        }

        _requests++;
        HeaderMap headers = stream.RequestHeaders;
        bool keepAlive = !_closing && KeepAlive.Allows(headers, version);
        if (_hcm.RequestsPerConnectionMax > 0 && _requests >= _hcm.RequestsPerConnectionMax)
        {
            keepAlive = false;
            _worker.Stats.Add(_hcm.Stats.CxMaxRequests);
        }

        bool tunnels = headers[WellKnownHeader.Method].SequenceEqual("CONNECT"u8)
            || ConnectionHeaders.WantsUpgrade(headers, _hcm.IgnoredUpgrades);
        _request.BeginBody(kind, length);
        _request.BeginResponse(version, headers[WellKnownHeader.Method].SequenceEqual("HEAD"u8), tunnels, keepAlive);
        bool end = kind == BodyKind.None && !tunnels;
        _state = kind == BodyKind.None ? DownstreamState.Responding : DownstreamState.Body;
        stream.OnHead(end);
        return ReadStep.Again;
    }

    private ReadStep ReadBody()
    {
        if (_request.IsPaused)
        {
            return ReadStep.WaitForResume;
        }

        DecodeStatus status = _request.DecodeBody(_in.Unread, out int consumed, out ReadOnlySpan<byte> data, out Http1Error? error);
        _in.Consume(consumed);
        switch (status)
        {
            case DecodeStatus.Data or DecodeStatus.End:
                // Bodies of known length end with their last byte; telling so now saves the upstream a packet.
                if (status == DecodeStatus.End || _request.IsBodyFinished)
                {
                    _state = DownstreamState.Responding;
                }

                _request.TakeBody(status, data);
                return ReadStep.Again;
            case DecodeStatus.NeedMore:
                return ReadStep.NeedBytes;
            default:
                return _request.Http is { } stream ? Refuse(stream, error!) : BeginClose();
        }
    }

    private ReadStep ReadTunnel()
    {
        if (_request.IsPaused)
        {
            return ReadStep.WaitForResume;
        }

        if (_in.IsEmpty)
        {
            return ReadStep.NeedBytes;
        }

        int length = _in.Length;
        _request.TakeTunnel(_in.Unread);
        _in.Consume(length);
        return ReadStep.Again;
    }

    private ReadStep Discard()
    {
        _in.Release();
        return ReadStep.NeedBytes;
    }

    private HttpStream StartStream()
    {
        HttpStream stream = _worker.Rent();
        _request.Attach(stream);
        _timers.RequestStarted();
        _worker.Stats.Add(_hcm.Stats.RqHttp1Total);
        stream.Start(_hcm, _connection, _request);
        stream.Info.Protocol = HttpProtocol.Http11;
        return stream;
    }

    private ReadStep Refuse(Http1Error error) => Refuse(StartUnread(), error);

    // A request of which the head was not taken: what came of it counts all the same.
    private HttpStream StartUnread()
    {
        HttpStream stream = StartStream();
        stream.Info.Downstream.WireBytesReceived = _in.Length;
        return stream;
    }

    // Framing is lost: answer if nothing was answered yet, and never look for another request in these bytes.
    private ReadStep Refuse(HttpStream stream, Http1Error error)
    {
        _worker.Stats.Add(_hcm.Stats.CxProtocolError);
        if (error == Http1Error.UnexpectedUnderscore)
        {
            _worker.Stats.Add(_hcm.RejectedUnderscores);
        }

        _closing = true;
        _violated = true;
        _state = DownstreamState.Responding;
        _request.BeginFailure();
        stream.Reply(error.Status, HttpStatusText.Of(error.Status), error.Reason);
        return ReadStep.Again;
    }

    // For the request.

    /// <summary>The request is over and its object given back; <paramref name="complete"/> says whether the whole response was written.</summary>
    internal void OnRequestEnded(EndReason reason, bool complete)
    {
        bool wasTunnel = _state == DownstreamState.Tunnel;
        _endReason = reason;
        _timers.RequestEnded();
        if (!complete || wasTunnel)
        {
            // Cut off: the client must not take what it has for the whole response.
            CloseNow(wasTunnel && complete);
        }
        else if (!_request.KeepsAlive || _state == DownstreamState.Body)
        {
            _connection.Info.LocalCloseReason ??= _violated ? null : LocalCloseReasons.DrainedConnection;
            _closing = true;
            BeginClose();
        }
        else
        {
            _state = DownstreamState.Head;
            _scanner.Reset();
        }

        Wake();
    }

    /// <summary>101, or a CONNECT was accepted: from here on bytes have no framing.</summary>
    internal void OnTunnel()
    {
        _state = DownstreamState.Tunnel;
        Wake();
    }

    /// <summary>The upstream has said its last on a tunnel; the client may go on unless the request ends in this turn.</summary>
    internal void FinishTunnelOutput() => _io.Loop.Defer(static state => ((Http1DownstreamConnection)state!).EndTunnelOutput(), this);

    private void EndTunnelOutput()
    {
        if (_state != DownstreamState.Tunnel)
        {
            return;
        }

        _out.OnTurnEnd();
        _finishesTunnel = !_out.IsEmpty;
        if (!_finishesTunnel)
        {
            _io.ShutdownSend();
        }
    }

    // ISendQueueOwner

    public void OnSendBlocked(bool blocked) => _request.Http?.OnSendBlocked(blocked);

    public void OnFlushed()
    {
        if (_state == DownstreamState.Discarding)
        {
            AfterLastFlush();
        }
        else if (_finishesTunnel && _state == DownstreamState.Tunnel)
        {
            _finishesTunnel = false;
            _io.ShutdownSend();
        }
    }

    public void OnSendFailed() => OnPeerEnd(reset: true);

    // Ends

    public void OnPeerClosed(bool reset) => OnPeerEnd(reset);

    // The next response says that it is the last; until then the client may count on the connection.
    public void OnDrainStarted() => _idleSinceRequest = IsBusy ? null : _requests;

    public void OnDrainSettled()
    {
        if (_idleSinceRequest == _requests)
        {
            CloseIfIdle(DownstreamEnds.Drained, _hcm.Stats.CxDrainClose);
        }
    }

    public void OnCloseIdle() => CloseIfIdle(NetworkEndReasons.Overloaded, default);

    public void OnDrainDeadline() => Abort(DownstreamEnds.DrainDeadline);

    private void CloseIfIdle(EndReason reason, Counter count)
    {
        if (!IsBusy && _in.IsEmpty && _state == DownstreamState.Head)
        {
            _worker.Stats.Add(count);
            _connection.Info.LocalCloseReason ??= LocalCloseReasons.DrainedConnection;
            _endReason = reason;
            CloseNow(orderly: true);
        }
    }

    private void Abort(EndReason reason)
    {
        _endReason ??= reason;
        if (_request.Http is { } stream)
        {
            _hcm.Stats.ConnectionLostRequests(_worker.Stats, byRemote: false);
            stream.OnDownstreamReset(reason);
        }
        else
        {
            CloseNow(orderly: true);
        }
    }

    private void OnPeerEnd(bool reset)
    {
        if (_state == DownstreamState.Closed)
        {
            return;
        }

        _byRemote = true;
        if (reset)
        {
            _connection.Info.CloseType = DetectedCloseType.RemoteReset;
        }

        if (_request.Http is { } stream)
        {
            if (_state == DownstreamState.Tunnel && !reset)
            {
                // Half-close: the upstream may still have something to say.
                if (!_halfClosed)
                {
                    _halfClosed = true;
                    _request.EndTunnelInput();
                }

                return;
            }

            _hcm.Stats.ConnectionLostRequests(_worker.Stats, byRemote: true);
            stream.OnDownstreamReset(EndReasons.ClientGone);
        }

        CloseNow(orderly: !reset);
    }

    private ReadStep BeginClose()
    {
        bool clean = _state is DownstreamState.Head or DownstreamState.Responding && _in.IsEmpty;
        if (_state is DownstreamState.Discarding or DownstreamState.Closed)
        {
            return ReadStep.NeedBytes;
        }

        _state = DownstreamState.Discarding;
        _timers.Lingers = !clean || IsBusy;
        if (_out.IsEmpty)
        {
            AfterLastFlush();
        }
        else if (_hcm.DelayedCloseMilliseconds > 0)
        {
            _timers.LingerStarted(_out.BytesSent);
        }

        return _state == DownstreamState.Closed ? ReadStep.Stop : ReadStep.Again;
    }

    // Closing with unread bytes in the kernel sends RST, which can destroy the response on its way: read on for a moment.
    private void AfterLastFlush()
    {
        if (!_timers.Lingers || _hcm.DelayedCloseMilliseconds == 0)
        {
            CloseNow(orderly: true);
            return;
        }

        _io.ShutdownSend();
        _timers.LingerStarted(_out.BytesSent);
    }

    private void CloseNow(bool orderly)
    {
        if (_state == DownstreamState.Closed)
        {
            return;
        }

        if (orderly && !_out.IsEmpty && _state != DownstreamState.Discarding)
        {
            _state = DownstreamState.Discarding;
            _timers.Lingers = false;
            Wake();
            return;
        }

        _state = DownstreamState.Closed;
        _timers.Stop();
        _out.Abandon();
        if (orderly)
        {
            _io.Close();
        }
        else
        {
            _io.Reset();
        }

        Wake();
    }

    internal void Wake()
    {
        if (_processing)
        {
            return;
        }

        // Whichever of the two the read loop waits for.
        _resume.Set();
        if (_state is DownstreamState.Closed || !_in.IsEmpty)
        {
            _io.CancelReceive();
        }
    }

    private void Finish()
    {
        if (_isHttp2)
        {
            _timers.Stop();
            _hcm.Stats.Http1HandedOver(_worker.Stats);
            new Http2DownstreamConnection(_hcm, _connection, _in).Begin();
            return;
        }

        _in.Release();
        _hcm.Stats.Http1Finished(_worker.Stats, _byRemote, _out.BytesSent,
            (_worker.Loop.NowNanoseconds - _connection.Info.StartNanoseconds) / 1_000_000);
        _connection.DrainObserver = null;
        _connection.Finished(_endReason ?? (_byRemote ? DownstreamEnds.ByRemote : EndReasons.LocalDisconnect));
    }
}
