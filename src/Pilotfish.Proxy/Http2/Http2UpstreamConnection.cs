using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.Http2;

/// <summary>One HTTP/2 connection to a host. Its pool opens streams on it while both sides' limits and no GOAWAY forbid it.</summary>
internal sealed class Http2UpstreamConnection : Http2Session
{
    private readonly Http2Pool _pool;
    private readonly StreamTable<Http2UpstreamStream> _streams = new();
    private int _nextId = 1;
    private bool _draining;
    private bool _closedTold;

    public Http2UpstreamConnection(Http2Pool pool, UpstreamConnection connection, uint bufferLimit)
        : base(connection.Stream, pool.Http.Http2, pool.Http.Http2ResponseLimits, pool.Http.Http2Stats, pool.Worker.Stats, bufferLimit,
            isServer: false, new InputBuffer(connection.Stream.Loop.Buffers))
    {
        _pool = pool;
        Connection = connection;
    }

    public UpstreamConnection Connection { get; }

    public int ActiveStreams => _streams.Count;

    public long Requests { get; private set; }

    /// <summary>When its last stream ended, in loop milliseconds.</summary>
    public long IdleSince { get; private set; }

    public bool IsDraining => _draining || IsClosed;

    public bool HasRoom => !IsDraining && _streams.Count < StreamsMax;

    /// <summary>Streams that it can take beside those it has.</summary>
    public long Room => IsDraining ? 0 : Math.Max(0, StreamsMax - _streams.Count);

    /// <summary>Whether the peer takes extended CONNECT: it says so in its SETTINGS, before which none may be sent (RFC 8441 section 3).</summary>
    public UpgradeSupport Upgrades => Output.Peer.AllowsConnectProtocol ? UpgradeSupport.Yes
        : Output.Peer.Received ? UpgradeSupport.No
        : UpgradeSupport.Unknown;

    private uint StreamsMax => Math.Min((uint)Options.ConcurrentStreamsMax, Output.Peer.ConcurrentStreamsMax);

    public Http2UpstreamStream Open(IUpstreamEvents events)
    {
        Http2UpstreamStream stream = _streams.TakeFree() ?? new Http2UpstreamStream(this);
        stream.Open(_nextId, Output.Peer.WindowBytes, Options.StreamWindowBytes);
        _nextId += 2;
        stream.Attach(events);
        _streams.Add(stream);
        Guards.StreamOpened();
        Cells.Increment(Stats.StreamsActive);
        Keepalive?.OnRequest();
        Requests++;
        if (_nextId >= Http2Limits.StreamIdsMax)
        {
            _draining = true;
        }

        return stream;
    }

    /// <summary>No new streams; closes when the last has ended.</summary>
    public void Drain()
    {
        _draining = true;
        CloseIfDone();
    }

    public void CloseIdle()
    {
        if (_streams.Count == 0)
        {
            SendGoAway(0, Http2ErrorCode.NO_ERROR);
            Output.FlushNow();
            Close(reset: false);
            TellClosed();
        }
    }

    internal override Http2Stream? Find(int id) => _streams.Find(id);

    protected override bool WasOpened(int id) => (id & 1) == 1 && id < _nextId;

    protected override bool WasReset(int id) => _streams.WasReset(id);

    protected override void RememberReset(int id) => _streams.RememberReset(id);

    protected override void CountReceived(int bytes) => Cells.Add(_pool.ClusterStats.CxRxBytesTotal, bytes);

    protected override HeaderMap? BeginBlock(Http2Stream? stream, int id, out HeaderBlockKind kind)
    {
        kind = HeaderBlockKind.Response;
        if (stream is null)
        {
            if (!WasOpened(id))
            {
                Fail(Http2End.ProtocolViolation);
            }
            else
            {
                Cells.Add(Stats.HeadersNoStream);
            }

            return null;
        }

        if (stream.IsRemoteClosed)
        {
            Fail(Http2End.StreamClosed);
            return null;
        }

        if (stream.HasHead)
        {
            kind = HeaderBlockKind.Trailers;
            stream.Trailers.Clear();
            return stream.Trailers;
        }

        HeaderMap? map = ((Http2UpstreamStream)stream).Events?.ResponseHeaders;
        map?.Clear();
        return map;
    }

    protected override void OnBlock(Http2Stream? stream, int id, bool end, HeaderBlockKind kind)
    {
        var opened = (Http2UpstreamStream)stream!;
        if (kind == HeaderBlockKind.Trailers)
        {
            Cells.Add(Stats.Trailers);
            opened.RemoteEnd();
            opened.TakeTrailers();
            if (_streams.Find(id) == opened && opened is { IsClosed: true, AwaitsReader: true })
            {
                opened.NoteDeferredClose();
            }

            return;
        }

        int status = ResponseRules.Status(opened.Events!.ResponseHeaders);
        bool hasBody = !opened.IsHead && status is not (204 or 304);
        bool lengthLies = end && hasBody && Reader.ContentLength > 0;
        if ((status < 200 && end) || lengthLies)
        {
            Cells.Add(Stats.RxMessagingError);
            OnBlockFault(opened, id, Http2End.Messaging, streamOnly: true);
            return;
        }

        if (status >= 200)
        {
            opened.Expect(hasBody ? Reader.ContentLength : -1);
        }

        if (end)
        {
            opened.RemoteEnd();
        }

        opened.TakeHead(end);
    }

    protected override void OnBlockFault(Http2Stream? stream, int id, Http2End end, bool streamOnly)
    {
        if (end != Http2End.TooManyHeaders)
        {
            Cells.Add(_pool.Http.CxProtocolError);
        }

        if (!streamOnly)
        {
            Fail(end);
        }
        else if (stream is not null)
        {
            EndStream(stream, end);
        }
    }

    protected override void OnStreamReset(Http2Stream stream, Http2ErrorCode code)
    {
        if (code == Http2ErrorCode.REFUSED_STREAM)
        {
            Cells.Add(Stats.StreamRefusedErrors);
        }

        // RFC 9113 section 8.1: a whole answer counts, also when the server wants no more of the request.
        if (stream is Http2UpstreamStream { IsAnswered: true, KeepsSending: false } answered
            && (code == Http2ErrorCode.NO_ERROR || stream.IsLocalClosed))
        {
            answered.DropPending();
            answered.LocalEnd();
            return;
        }

        RemoveStream(stream);
        stream.OnReset(code, code == Http2ErrorCode.REFUSED_STREAM ? Http2End.RemoteRefused : Http2End.RemoteReset);
    }

    // Streams above the last one were not processed (section 6.8): they can be tried again elsewhere.
    protected override void OnGoAway(int lastStreamId, Http2ErrorCode code)
    {
        if (!_draining)
        {
            _draining = true;
            Cells.Add(_pool.Http.CxCloseNotify);
        }

        foreach (Http2UpstreamStream stream in _streams.Snapshot())
        {
            if (stream.Id > lastStreamId && !stream.IsAnswered)
            {
                RemoveStream(stream);
                stream.OnReset(Http2ErrorCode.REFUSED_STREAM, Http2End.RemoteRefused);
            }
        }

        _pool.OnDraining(this);
        CloseIfDone();
    }

    protected override void OnSettings(int windowChange)
    {
        if (windowChange != 0)
        {
            foreach (Http2UpstreamStream stream in _streams.All)
            {
                if (!stream.SendWindow.TryAdd(windowChange))
                {
                    Fail(Http2End.FlowControl);
                    return;
                }
            }
        }

        _pool.OnRoom(this);
    }

    /// <summary>The response is whole: the stream goes back before its receiver hears of it.</summary>
    internal void OnResponseEnd(Http2UpstreamStream stream)
    {
        if (_streams.Find(stream.Id) != stream)
        {
            return;
        }

        if (stream.IsLocalClosed)
        {
            RemoveStream(stream);
        }
        else
        {
            // The rest of the request is of no use to anybody.
            GiveUp(stream);
        }
    }

    /// <summary>Ends a stream whose owner knows of it.</summary>
    internal void GiveUp(Http2UpstreamStream stream)
    {
        if (IsClosed)
        {
            RemoveStream(stream);
        }
        else
        {
            ResetStream(stream, Http2ErrorCode.CANCEL);
        }
    }

    /// <summary>Ends a stream that was lost with the connection, and tells its owner.</summary>
    internal void EndLost(Http2UpstreamStream stream, StreamResetReason reason, string? transportFailure)
    {
        RemoveStream(stream);
        stream.OnConnectionLost(reason, transportFailure);
    }

    protected override void RemoveStream(Http2Stream stream)
    {
        if (!_streams.Remove((Http2UpstreamStream)stream))
        {
            return;
        }

        Cells.Decrement(Stats.StreamsActive);
        IdleSince = Loop.NowMilliseconds;
        _pool.OnExchangeEnded();
        CloseIfDone();
        if (!IsDraining)
        {
            Loop.Defer(static state => ((Http2UpstreamConnection)state!).TellRoom(), this);
        }
    }

    protected override void OnFault(Http2End end)
    {
        if (end != Http2End.PingTimeout)
        {
            Cells.Add(_pool.Http.CxProtocolError);
        }

        Output.FlushNow();
        EndAll(end == Http2End.PingTimeout ? StreamResetReason.ConnectionTermination : StreamResetReason.ProtocolError, null, answeredOnly: true);
        Close(reset: false);
        Io.CancelReceive();
        TellClosed();
    }

    // Answers that lie unread are read; streams that get none end with the connection.
    protected override bool OnSendingEnded()
    {
        _draining = true;
        _pool.OnDraining(this);
        return _streams.Count > 0;
    }

    protected override void OnPeerGone(bool reset)
    {
        base.OnPeerGone(reset);
        TellClosed();
        EndAll(StreamResetReason.ConnectionTermination, TransportFailures.OfEstablished(Io), answeredOnly: false);
    }

    protected override void OnClosed()
    {
        TellClosed();
        EndAll(StreamResetReason.ConnectionTermination, null, answeredOnly: false);
        Cells.Add(_pool.ClusterStats.CxTxBytesTotal, Output.BytesSent);
        Connection.Finished(ByRemote);
    }

    private void TellRoom()
    {
        if (!IsClosed)
        {
            _pool.OnRoom(this);
        }
    }

    private void TellClosed()
    {
        if (!_closedTold)
        {
            _closedTold = true;
            _pool.OnClosed(this);
        }
    }

    // What came whole is delivered whatever ended the connection. Of the rest, what came before its peer went: an upstream of HTTP/1 is read
    // to its end in the same way. A peer that broke the protocol is not believed any further.
    private void EndAll(StreamResetReason reason, string? transportFailure, bool answeredOnly)
    {
        foreach (Http2UpstreamStream stream in _streams.Snapshot())
        {
            if (stream.IsLost)
            {
                continue;
            }

            if (stream.IsAnswered || (!answeredOnly && stream.AwaitsReader))
            {
                stream.Linger(reason, transportFailure);
            }
            else
            {
                EndLost(stream, reason, transportFailure);
            }
        }
    }

    private void CloseIfDone()
    {
        if (_draining && _streams.Count == 0 && !IsClosed && Fault is null)
        {
            Output.FlushNow();
            Close(reset: false);
            Io.CancelReceive();
            TellClosed();
        }
    }
}
