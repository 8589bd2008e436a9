using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Overload;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Http2;

/// <summary>
/// A client's HTTP/2 connection: opens a request object per stream, holds back clients that reset more than they ask, and ends in two
/// steps: GOAWAY for all streams, then, after the drain time, GOAWAY with the last one taken, so that no request is lost on the way.
/// </summary>
internal sealed class Http2DownstreamConnection : Http2Session, IDrainObserver
{
    private readonly HcmModel _hcm;
    private readonly DownstreamConnection _connection;
    private readonly HttpWorker _worker;
    private readonly StreamTable<Http2DownstreamStream> _streams = new();
    private readonly Http2DownstreamTimers _timers;
    private EndReason? _endReason;
    private int _closedStreams;
    private int _prematureResets;
    private uint _requests;
    private long _lingeredAt;
    // Identifiers that the client last passed over, the second excluded.
    private int _skippedFrom;
    private int _skippedTo;
    private bool _goAwayFinal;
    private bool _draining;
    private bool _closing;
    private bool _closed;

    public Http2DownstreamConnection(HcmModel hcm, DownstreamConnection connection, InputBuffer received)
        : base(connection.Stream, hcm.Http2, hcm.Limits, hcm.Http2Stats, connection.Worker.Stats, connection.BufferLimitBytes,
            isServer: true, received)
    {
        _hcm = hcm;
        _connection = connection;
        _worker = HttpWorker.Of(connection.Worker);
        _timers = new Http2DownstreamTimers(hcm, connection.Listener.Overload, this);
    }

    /// <summary>Whether requests run.</summary>
    public bool IsBusy => _streams.Count > 0;

    /// <summary>How much of the preface tells an HTTP/2 client from an HTTP/1 one.</summary>
    public static bool IsPreface(ReadOnlySpan<byte> bytes) => bytes.StartsWith("PRI * HTTP/2.0\r\n\r\n"u8);

    public void Begin()
    {
        _hcm.Stats.Http2Started(Cells);
        _connection.DrainObserver = this;
        _timers.ConnectionStarted();
        Start();
    }

    internal override Http2Stream? Find(int id) => _streams.Find(id);

    protected override bool WasOpened(int id) => (id & 1) == 1 && id <= LastStreamId;

    protected override bool WasReset(int id) => _streams.WasReset(id);

    protected override void RememberReset(int id) => _streams.RememberReset(id);

    protected override void CountReceived(int bytes)
    {
        Cells.Add(_hcm.Stats.CxRxBytes, bytes);
        OverloadState overload = _connection.Listener.Overload;
        if (overload.Http2ServerGoAwayAndCloseOnDispatch.Sheds(_connection.Worker))
        {
            Cells.Add(_hcm.Stats.RqOverloadClose);
            Abort(NetworkEndReasons.Overloaded);
        }
        else if (overload.Http2ServerGoAwayOnDispatch.Sheds(_connection.Worker))
        {
            BeginDrain(NetworkEndReasons.Overloaded);
        }
    }

    protected override HeaderMap? BeginBlock(Http2Stream? stream, int id, out HeaderBlockKind kind)
    {
        if (stream is not null)
        {
            kind = HeaderBlockKind.Trailers;
            if (stream.IsRemoteClosed)
            {
                Fail(Http2End.StreamClosed);
                return null;
            }

            stream.Trailers.Clear();
            return stream.Trailers;
        }

        kind = HeaderBlockKind.Request;
        if (id <= LastStreamId || (id & 1) == 0)
        {
            if (WasReset(id))
            {
                Cells.Add(Stats.HeadersNoStream);
                return null;
            }

            // What was passed over never was open, and must not be taken up later (section 5.1.1).
            bool wasSkipped = id >= _skippedFrom && id < _skippedTo;
            Fail(WasOpened(id) && !wasSkipped ? Http2End.StreamClosed : Http2End.ProtocolViolation);
            return null;
        }

        if (_goAwayFinal)
        {
            // Told not to; the client will ask again elsewhere (section 6.8).
            return null;
        }

        if (id > LastStreamId + 2)
        {
            (_skippedFrom, _skippedTo) = (LastStreamId + 1, id);
        }

        LastStreamId = id;
        if (_streams.Count >= Options.ConcurrentStreamsMax)
        {
            Cells.Add(Stats.StreamRefusedErrors);
            ResetUnknown(id, Http2ErrorCode.REFUSED_STREAM);
            return null;
        }

        return Open(id).Http!.RequestHeaders;
    }

    protected override void OnBlockOpened(bool open)
    {
        if (open)
        {
            _timers.HeadStarted();
        }
        else
        {
            _timers.HeadEnded();
        }
    }

    protected override void OnBlock(Http2Stream? stream, int id, bool end, HeaderBlockKind kind)
    {
        var opened = (Http2DownstreamStream)stream!;
        if (kind == HeaderBlockKind.Trailers)
        {
            Cells.Add(Stats.Trailers);
            opened.RemoteEnd();
            opened.TakeTrailers();
            if (_streams.Find(id) == opened && opened.IsClosed)
            {
                RemoveStream(opened);
            }

            return;
        }

        opened.HasHead = true;
        opened.Expect(Reader.ContentLength);
        if (end)
        {
            if (Reader.ContentLength > 0)
            {
                Cells.Add(Stats.RxMessagingError);
                OnBlockFault(opened, id, Http2End.Messaging, streamOnly: true);
                return;
            }

            opened.RemoteEnd();
        }

        CountRequest();
        opened.Begin(end);
    }

    protected override void OnBlockFault(Http2Stream? stream, int id, Http2End end, bool streamOnly)
    {
        if (!streamOnly)
        {
            Cells.Add(_hcm.Stats.CxProtocolError);
            Fail(end);
        }
        else if (stream is not null)
        {
            EndStream(stream, end);
        }
    }

    protected override void OnStreamReset(Http2Stream stream, Http2ErrorCode code)
    {
        var opened = (Http2DownstreamStream)stream;
        bool premature = !opened.ResponseStarted
            && Loop.NowMilliseconds - opened.StartedMilliseconds < Http2Limits.PrematureResetMilliseconds;
        RememberReset(stream.Id);
        RemoveStream(stream);
        _prematureResets += premature ? 1 : 0;
        stream.OnReset(code, code == Http2ErrorCode.REFUSED_STREAM ? Http2End.RemoteRefused : Http2End.RemoteReset);
        bool tooMany = _closedStreams < Http2Limits.PrematureResetStreams
            ? _prematureResets >= Http2Limits.PrematureResetStreams / 2
            : _prematureResets * 2 >= _closedStreams;
        if (tooMany)
        {
            Cells.Add(_hcm.Stats.RqTooManyPrematureResets);
            Fail(Http2End.PrematureResets);
        }
    }

    protected override void OnGoAway(int lastStreamId, Http2ErrorCode code)
    {
        // A client's GOAWAY concerns pushes, which we do not make. It will open no more streams: end when those at hand have.
        if (!_draining)
        {
            _draining = true;
            _endReason ??= DownstreamEnds.ByRemote;
            CloseIfDone();
        }
    }

    protected override void OnSettings(int windowChange)
    {
        if (windowChange == 0)
        {
            return;
        }

        foreach (Http2DownstreamStream stream in _streams.All)
        {
            if (!stream.SendWindow.TryAdd(windowChange))
            {
                Fail(Http2End.FlowControl);
                return;
            }
        }
    }

    protected override void RemoveStream(Http2Stream stream)
    {
        if (!_streams.Remove((Http2DownstreamStream)stream))
        {
            return;
        }

        Cells.Decrement(Stats.StreamsActive);
        _closedStreams++;
        _timers.StreamEnded();
        CloseIfDone();
    }

    protected override void OnFault(Http2End end)
    {
        _endReason ??= end.Reason;
        if (end != Http2End.PingTimeout)
        {
            Cells.Add(_hcm.Stats.CxProtocolError);
        }

        _connection.Info.LocalCloseReason ??= end == Http2End.PingTimeout ? LocalCloseReasons.PingTimeout
            : end == Http2End.OutboundFlood || end == Http2End.OutboundControlFlood ? LocalCloseReasons.Http2Violation
            : null;

        EndAll(end);
        CloseWhenFlushed();
    }

    protected override void OnPeerGone(bool reset)
    {
        _connection.Info.CloseType = reset ? DetectedCloseType.RemoteReset : _connection.Info.CloseType;
        _endReason ??= reset || IsBusy ? EndReasons.ClientGone : DownstreamEnds.ByRemote;
        base.OnPeerGone(reset);
    }

    protected override void OnClosed()
    {
        _closed = true;
        EndAll(Http2End.Gone);
        _timers.Stop();
        _hcm.Stats.Http2Finished(Cells, ByRemote, Output.BytesSent, (Loop.NowNanoseconds - _connection.Info.StartNanoseconds) / 1_000_000);
        _connection.DrainObserver = null;
        _connection.Finished(_endReason ?? EndReasons.LocalDisconnect);
    }

    public override void OnFlushed()
    {
        base.OnFlushed();
        if (_closing && Output.IsEmpty)
        {
            Finish();
        }
    }

    // For streams.

    internal void OnResponse(Http2DownstreamStream stream)
    {
        if (!_draining && KeepAliveEnd.IsNow(_connection, _hcm.Stats))
        {
            BeginDrain(DownstreamEnds.Drained);
        }
    }

    internal void OnRequestEnded(Http2DownstreamStream stream, EndReason reason, bool complete)
    {
        if (_closed || _streams.Find(stream.Id) != stream)
        {
            return;
        }

        if (!complete)
        {
            ResetStream(stream, stream.IsConnect ? Http2ErrorCode.CONNECT_ERROR : Http2ErrorCode.INTERNAL_ERROR);
        }
        else if (stream.IsClosed)
        {
            RemoveStream(stream);
        }
        else if (stream.IsLocalClosed)
        {
            OnLocalEnd(stream);
        }
        else
        {
            _timers.FlushStarted(stream.FlushMilliseconds);
        }
    }

    // The response is out and the request is not wanted to its end (section 8.1).
    protected override void OnLocalEnd(Http2Stream stream)
    {
        if (((Http2DownstreamStream)stream).Http is null)
        {
            ResetStream(stream, Http2ErrorCode.NO_ERROR);
        }
    }

    internal void CountTrailers() => Cells.Add(Stats.Trailers);

    internal void CountPaused(bool paused) => Cells.Add(_hcm.Stats.FlowPaused, paused ? 1 : 0);

    internal void CountResumed(bool resumed) => Cells.Add(_hcm.Stats.FlowResumed, resumed ? 1 : 0);

    // Drain and timeouts.

    public void OnDrainStarted()
    {
        if (!_draining)
        {
            Cells.Add(_hcm.Stats.CxDrainClose);
            BeginDrain(DownstreamEnds.Drained);
        }
    }

    public void OnCloseIdle()
    {
        if (!IsBusy)
        {
            Abort(NetworkEndReasons.Overloaded);
        }
    }

    public void OnMemoryPressure(HighMemoryStreams streams)
    {
        foreach (Http2DownstreamStream stream in _streams.All)
        {
            streams.Offer(stream);
        }
    }

    /// <summary>The client does not take a response that is complete: what waits for it is dropped.</summary>
    internal void EndFlush(Http2DownstreamStream stream)
    {
        if (!_closed && _streams.Find(stream.Id) == stream)
        {
            ResetStream(stream, Http2ErrorCode.INTERNAL_ERROR);
        }
    }

    public void OnDrainDeadline() => Abort(DownstreamEnds.DrainDeadline);

    internal void OnIdleTimeout()
    {
        Cells.Add(_hcm.Stats.CxIdleTimeout);
        _connection.Info.LocalCloseReason = LocalCloseReasons.IdleTimeout;
        BeginDrain(DownstreamEnds.Idle);
    }

    /// <summary>request_headers_timeout: the stream is answered; its block is still read to its end, for the decoder's sake.</summary>
    internal void OnHeadTimeout()
    {
        int id = OpenBlockId;
        if (id <= LastStreamId || (id & 1) == 0 || _closed)
        {
            return;
        }

        LastStreamId = id;
        Cells.Add(_hcm.Stats.RqHeaderTimeout);
        Open(id).Http!.Reply(408, "request header timeout"u8, EndReasons.RequestHeaderTimeout);
    }

    internal void OnMaxDuration()
    {
        Cells.Add(_hcm.Stats.CxMaxDuration);
        BeginDrain(DownstreamEnds.MaxDuration);
    }

    /// <summary>The drain time after the first GOAWAY is over: streams that were on their way have arrived.</summary>
    internal void OnDrainTime()
    {
        if (!_goAwayFinal && !_closed)
        {
            _goAwayFinal = true;
            SendGoAway(LastStreamId, Http2ErrorCode.NO_ERROR);
            CloseIfDone();
        }
    }

    internal void OnLingerTime()
    {
        if (!Output.IsEmpty && Output.BytesSent != _lingeredAt)
        {
            // Slowly, but the client takes what it is sent.
            StartLinger();
            return;
        }

        if (_closing)
        {
            Cells.Add(_hcm.Stats.CxDelayedClose);
            _connection.Info.LocalCloseReason = LocalCloseReasons.DelayedClose;
        }

        Close(reset: false);
        Io.CancelReceive();
    }

    /// <summary>Streams whose client takes nothing for too long are reset: they hold buffers and nobody else watches them.</summary>
    /// <returns>The shortest limit of those that are left; 0 when none has any.</returns>
    internal long EndStalled()
    {
        long shortest = 0;
        foreach (Http2DownstreamStream stream in _streams.Snapshot())
        {
            if (stream.Http is not null || stream.IsLocalClosed || stream.FlushMilliseconds == 0)
            {
                continue;
            }

            if (stream.LastSent <= Loop.NowMilliseconds - _timers.ScaledFlush(stream.FlushMilliseconds))
            {
                Cells.Add(Stats.TxFlushTimeout);
                ResetStream(stream, Http2End.FlushTimeout.Code);
            }
            else
            {
                shortest = shortest == 0 ? stream.FlushMilliseconds : Math.Min(shortest, stream.FlushMilliseconds);
            }
        }

        return shortest;
    }

    private Http2DownstreamStream Open(int id)
    {
        Http2DownstreamStream stream = _streams.TakeFree() ?? new Http2DownstreamStream(this);
        stream.Open(id, Output.Peer.WindowBytes, Options.StreamWindowBytes);
        HttpStream http = _worker.Rent();
        stream.Attach(http);
        _streams.Add(stream);
        Guards.StreamOpened();
        Cells.Increment(Stats.StreamsActive);
        Cells.Add(_hcm.Stats.RqHttp2Total);
        http.Start(_hcm, _connection, stream);
        http.Info.Protocol = HttpProtocol.Http2;
        return stream;
    }

    private void CountRequest()
    {
        if (++_requests == _hcm.RequestsPerConnectionMax || LastStreamId >= Http2Limits.StreamIdsMax)
        {
            Cells.Add(_hcm.Stats.CxMaxRequests);
            BeginDrain(EndReasons.LocalDisconnect);
        }
    }

    private void BeginDrain(EndReason reason)
    {
        if (_draining || IsClosed)
        {
            return;
        }

        _draining = true;
        _endReason ??= reason;
        SendGoAway(int.MaxValue, Http2ErrorCode.NO_ERROR);
        _timers.DrainStarted();
    }

    private void CloseIfDone()
    {
        bool done = _streams.Count == 0 && (_goAwayFinal || (_draining && _endReason == DownstreamEnds.ByRemote));
        if (done && !_closing && Fault is null)
        {
            _connection.Info.LocalCloseReason ??= _endReason == DownstreamEnds.ByRemote ? null : LocalCloseReasons.DrainedConnection;
            CloseWhenFlushed();
        }
    }

    private void Abort(EndReason reason)
    {
        if (_closed || _closing)
        {
            return;
        }

        _endReason ??= reason;
        _draining = true;
        _goAwayFinal = true;
        SendGoAway(LastStreamId, Http2ErrorCode.NO_ERROR);
        foreach (Http2DownstreamStream stream in _streams.Snapshot())
        {
            stream.Http?.OnDownstreamReset(reason);
        }

        CloseWhenFlushed();
    }

    private void EndAll(Http2End end)
    {
        if (_streams.Count == 0)
        {
            return;
        }

        _hcm.Stats.ConnectionLostRequests(Cells, ByRemote);
        foreach (Http2DownstreamStream stream in _streams.Snapshot())
        {
            RemoveStream(stream);
            stream.OnReset(end.Code, end);
        }
    }

    private void CloseWhenFlushed()
    {
        if (_closing || IsClosed)
        {
            return;
        }

        _closing = true;
        Output.FlushNow();
        if (Output.IsEmpty)
        {
            Finish();
        }
        else if (_hcm.DelayedCloseMilliseconds > 0)
        {
            StartLinger();
        }
    }

    private void StartLinger()
    {
        _lingeredAt = Output.BytesSent;
        _timers.LingerStarted();
    }

    // Everything is with the kernel. Reading on for a moment keeps a RST from destroying it on its way.
    private void Finish()
    {
        if (IsClosed)
        {
            return;
        }

        if (_hcm.DelayedCloseMilliseconds == 0 || !IsFaulty)
        {
            Close(reset: false);
            Io.CancelReceive();
            return;
        }

        Io.ShutdownSend();
        StartLinger();
    }

    private bool IsFaulty => Fault is not null;
}
