using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Http2.InternalServer;

/// <summary>A client's connection to an <see cref="InternalGrpcServer"/>: its calls, its bounds in bytes and time, and its end.</summary>
internal sealed class GrpcServerConnection : Http2Session
{
    // What the socket may hold back before messages wait in their streams.
    private const long HighWatermarkBytes = 64 * 1024;

    private readonly InternalGrpcServer _server;
    private readonly StreamTable<GrpcServerStream> _streams = new();
    private readonly LoopTimer _timer;
    private readonly long _startedMilliseconds;
    private long _idleSinceMilliseconds;
    private bool _watchesCalls;
    private bool _leaving;
    private bool _closing;

    public GrpcServerConnection(InternalGrpcServer server, IByteStream stream)
        : base(stream, server.Options, server.HeadLimits, server.Stats, server.Store!.Main, HighWatermarkBytes, isServer: true,
            new InputBuffer(stream.Loop.Buffers))
    {
        _server = server;
        _startedMilliseconds = stream.Loop.NowMilliseconds;
        _idleSinceMilliseconds = _startedMilliseconds;
        _timer = new LoopTimer(stream.Loop, static state => ((GrpcServerConnection)state!).OnTimer(), this);
    }

    public void Begin()
    {
        _timer.Schedule(_server.Limits.HandshakeMilliseconds);
        Start();
    }

    /// <summary>The server stops: calls end with UNAVAILABLE, so that their clients try again.</summary>
    public void Shutdown()
    {
        foreach (GrpcServerStream stream in _streams.Snapshot())
        {
            stream.EndUnanswered(GrpcStatusCode.Unavailable, "The server is stopping.");
        }

        // Not closed at once: a client that happens to write would lose the statuses to an error of its own.
        Leave();
        CloseWhenFlushed();
    }

    public bool HoldsTooMuch()
    {
        long held = 0;
        foreach (GrpcServerStream stream in _streams.All)
        {
            held += stream.HeldBytes;
        }

        return held > _server.Limits.HeldBytesPerConnection;
    }

    /// <summary>A call's status is on its way.</summary>
    public void OnAnswered(GrpcServerStream stream)
    {
        if (_streams.Find(stream.Id) != stream)
        {
            return;
        }

        if (stream.IsClosed)
        {
            RemoveStream(stream);
        }
        else if (stream.IsLocalClosed)
        {
            OnLocalEnd(stream);
        }
    }

    internal override Http2Stream? Find(int id) => _streams.Find(id);

    protected override bool WasOpened(int id) => (id & 1) == 1 && id <= LastStreamId;

    protected override bool WasReset(int id) => _streams.WasReset(id);

    protected override void RememberReset(int id) => _streams.RememberReset(id);

    protected override void CountReceived(int bytes)
    {
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
            if (!WasReset(id))
            {
                Fail(WasOpened(id) ? Http2End.StreamClosed : Http2End.ProtocolViolation);
            }

            return null;
        }

        LastStreamId = id;
        if (_leaving || _streams.Count >= Options.ConcurrentStreamsMax)
        {
            Cells.Add(Stats.StreamRefusedErrors);
            ResetUnknown(id, Http2ErrorCode.REFUSED_STREAM);
            return null;
        }

        return Open(id).RequestHeaders;
    }

    protected override void OnBlock(Http2Stream? stream, int id, bool end, HeaderBlockKind kind)
    {
        var opened = (GrpcServerStream)stream!;
        if (end)
        {
            opened.RemoteEnd();
        }

        if (kind == HeaderBlockKind.Trailers)
        {
            opened.TakeTrailers();
        }
        else
        {
            opened.HasHead = true;
            opened.Expect(end ? -1 : Reader.ContentLength);
            opened.Begin(_server, end);
        }

        if (_streams.Find(id) == opened && opened.IsClosed)
        {
            RemoveStream(opened);
        }
    }

    protected override void OnBlockFault(Http2Stream? stream, int id, Http2End end, bool streamOnly)
    {
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
        RememberReset(stream.Id);
        RemoveStream(stream);
        stream.OnReset(code, Http2End.RemoteReset);
    }

    // The client opens no more calls; the ones at hand go on to their end.
    protected override void OnGoAway(int lastStreamId, Http2ErrorCode code)
    {
        _leaving = true;
        EndIfDone();
    }

    protected override void OnSettings(int windowChange)
    {
        if (windowChange == 0)
        {
            return;
        }

        foreach (GrpcServerStream stream in _streams.All)
        {
            if (!stream.SendWindow.TryAdd(windowChange))
            {
                Fail(Http2End.FlowControl);
                return;
            }
        }
    }

    // The answer is whole and the rest of the request is of no use (RFC 9113 section 8.1).
    protected override void OnLocalEnd(Http2Stream stream) => ResetStream(stream, Http2ErrorCode.NO_ERROR);

    protected override void RemoveStream(Http2Stream stream)
    {
        if (!_streams.Remove((GrpcServerStream)stream))
        {
            return;
        }

        Cells.Decrement(Stats.StreamsActive);
        if (_streams.Count == 0)
        {
            _idleSinceMilliseconds = Loop.NowMilliseconds;
            if (!_closing)
            {
                _watchesCalls = false;
                _timer.Schedule(_server.Limits.IdleMilliseconds);
            }

            EndIfDone();
        }
    }

    protected override void OnFault(Http2End end)
    {
        Log.Debug(LogComponent.Grpc, $"a client's connection failed: {end.Reason.Sentence}");
        EndStreams(end);
        CloseWhenFlushed();
    }

    protected override void OnClosed()
    {
        EndStreams(Http2End.Gone);
        _timer.Cancel();
        _server.Forget(this);
    }

    public override void OnFlushed()
    {
        base.OnFlushed();
        if (_closing && Output.IsEmpty && !IsClosed)
        {
            FinishSending();
        }
    }

    private GrpcServerStream Open(int id)
    {
        GrpcServerStream stream = _streams.TakeFree() ?? new GrpcServerStream(this);
        stream.Open(id, Output.Peer.WindowBytes, Options.StreamWindowBytes);
        stream.Attach(new GrpcServerCall(stream, _server.Limits));
        _streams.Add(stream);
        Guards.StreamOpened();
        Cells.Increment(Stats.StreamsActive);
        if (!_watchesCalls)
        {
            // Scheduled once for all: later calls must not move the time of earlier ones.
            _watchesCalls = true;
            _timer.Schedule(_server.Limits.RequestMilliseconds);
        }

        return stream;
    }

    private void OnTimer()
    {
        GrpcServerLimits limits = _server.Limits;
        long now = Loop.NowMilliseconds;
        _watchesCalls = false;
        if (_closing)
        {
            End("it was told so a while ago");
            return;
        }

        if (!Output.Peer.Received && now - _startedMilliseconds >= limits.HandshakeMilliseconds)
        {
            End($"the client sent no HTTP/2 preface within {limits.HandshakeMilliseconds} ms");
            return;
        }

        if (_streams.Count == 0)
        {
            long idle = now - _idleSinceMilliseconds;
            if (idle >= limits.IdleMilliseconds)
            {
                Leave();
                EndIfDone();
            }
            else
            {
                _timer.Schedule(limits.IdleMilliseconds - idle);
            }

            return;
        }

        EndSilentCalls(now);
    }

    private void EndSilentCalls(long now)
    {
        long next = long.MaxValue;
        foreach (GrpcServerStream stream in _streams.Snapshot())
        {
            if (!stream.AwaitsMessage)
            {
                continue;
            }

            long left = stream.StartedMilliseconds + _server.Limits.RequestMilliseconds - now;
            if (left <= 0)
            {
                stream.EndUnanswered(GrpcStatusCode.DeadlineExceeded, $"No request came within {_server.Limits.RequestMilliseconds} ms.");
            }
            else
            {
                next = Math.Min(next, left);
            }
        }

        // Calls that have their request may stay for ever, and nothing is to be watched.
        if (next != long.MaxValue && !IsClosed)
        {
            _watchesCalls = true;
            _timer.Schedule(next);
        }
    }

    private void Leave()
    {
        if (!_leaving)
        {
            _leaving = true;
            SendGoAway(LastStreamId, Http2ErrorCode.NO_ERROR);
        }
    }

    private void EndIfDone()
    {
        if (_leaving && _streams.Count == 0 && !_closing && Fault is null && !IsClosed)
        {
            CloseWhenFlushed();
        }
    }

    private void EndStreams(Http2End end)
    {
        foreach (GrpcServerStream stream in _streams.Snapshot())
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
        _timer.Schedule(_server.Limits.LingerMilliseconds);
        if (Output.IsEmpty)
        {
            FinishSending();
        }
    }

    // Reading on for a moment keeps a reset from destroying the last frames on their way. In good order the client closes, who learned
    // from GOAWAY that nothing follows: some take an end that comes before they have digested their statuses for an error.
    private void FinishSending()
    {
        if (Fault is not null)
        {
            Io.ShutdownSend();
        }
    }

    private void End(string why)
    {
        if (!IsClosed)
        {
            Log.Debug(LogComponent.Grpc, $"a client's connection is closed: {why}");
            Close(reset: false);
            Io.CancelReceive();
        }
    }
}
