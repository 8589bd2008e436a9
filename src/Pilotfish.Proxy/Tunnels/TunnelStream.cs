using System.Diagnostics;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http2;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tunnels;

/// <summary>
/// TCP bytes as the body of one HTTP request and its answer, CONNECT (RFC 9110 section 9.3.6, RFC 9113 section 8.5) or POST: (1) ask a
/// cluster's pool for a stream; (2) send the head and wait for an answer that grants the tunnel; (3) be a byte stream, each direction of
/// which ends on its own. Both directions wait for whoever is slow: what the far side sent and nobody has read is bounded by
/// <see cref="ReceivedBytesHigh"/> and the codec's windows, and a sender waits while the stream is blocked. Loop-affine.
/// </summary>
internal sealed class TunnelStream(EventLoop loop, HeaderMap request, ITunnelOwner owner) : IByteStream, IPoolRequester, IUpstreamEvents
{
    // From here on the far side has to wait; as much as a pump takes in one turn.
    internal const int ReceivedBytesHigh = 64 * 1024;

    private readonly IoOperation _connect = new(loop);
    private readonly ReceiveOperation _receive = new(loop);
    private readonly SendOperation _send = new(loop);
    private ByteMeter _meter;
    private ByteQueue _received;
    private IUpstreamHttpPool? _pool;
    private IUpstreamStream? _upstream;
    private IPeerCloseObserver? _observer;
    private bool _granted;
    private bool _sentEnd;
    private bool _peerEnded;
    private bool _broken;
    private bool _paused;

    /// <summary>The connection that carries it; null before the pool gave one.</summary>
    public UpstreamConnection? Connection { get; private set; }

    /// <summary>Of the connection that carries it.</summary>
    public HttpProtocol Protocol { get; private set; }

    /// <summary>Whether the far side had said its last before it broke off: nothing is lost then.</summary>
    public bool IsOver => _peerEnded && _broken;

    public EventLoop Loop { get; } = loop;

    public NetAddress LocalAddress => Connection?.Stream.LocalAddress ?? default;

    public NetAddress RemoteAddress => Connection?.Stream.RemoteAddress ?? default;

    public TlsSessionFacts? Tls => Connection?.Stream.Tls;

    public string? TransportFailure { get; private set; }

    public bool IsClosed { get; private set; }

    public IUpstreamEvents Events => this;

    public HeaderMap ResponseHeaders { get; } = new();

    public ref ByteMeter Meter => ref _meter;

    public bool KeepsSending => true;

    public IPeerCloseObserver? PeerCloseObserver
    {
        get => _observer;
        set
        {
            _observer = value;
            if (value is not null && (_peerEnded || _broken))
            {
                TellPeerClosed();
            }
        }
    }

    /// <summary>Opens the tunnel, once; null when it stands. <see cref="Close"/> gives the attempt up.</summary>
    public async ValueTask<TunnelFailure?> OpenAsync(IUpstreamHttpPool pool)
    {
        Debug.Assert(_pool is null && Connection is null, "A tunnel is opened once.");
        _pool = pool;
        ValueTask<IoResult> pending = _connect.Begin();
        pool.Acquire(this);
        await pending;
        return _failure;
    }

    private TunnelFailure? _failure;

    // The pool and the codec tell.

    public void OnPoolReady(IUpstreamStream stream)
    {
        _pool = null;
        _upstream = stream;
        Connection = stream.Connection;
        Protocol = stream.Protocol;
        if (request.Has(WellKnownHeader.Path))
        {
            request.Set(WellKnownHeader.Scheme, stream.Connection.Stream.Tls is null ? "http"u8 : "https"u8);
        }

        stream.SendHeaders(request, end: false, isUpgrade: false);
    }

    public void OnPoolFailure(StreamResetReason reason, string? transportFailure)
    {
        _pool = null;
        NotOpened(new TunnelFailure(reason, 0, transportFailure));
    }

    public void OnUpstreamInformational(int status) => ResponseHeaders.Clear();

    public void OnUpstreamHeaders(int status, bool end)
    {
        owner.OnTunnelHeaders(ResponseHeaders);
        bool grants = Protocol == HttpProtocol.Http2 ? status == 200 : status is >= 200 and < 300;
        if (!grants || end)
        {
            // Over HTTP/2 the stream is still this side's to end; an HTTP/1 connection in the middle of an answer is of no further use.
            IUpstreamStream? upstream = _upstream;
            _upstream = null;
            upstream?.Reset();
            NotOpened(new TunnelFailure(StreamResetReason.RemoteConnectionFailure, status, $"the upstream answered {status} to the tunnel's request"));
            return;
        }

        _granted = true;
        if (_connect.IsPending)
        {
            _connect.CompleteLater(IoResult.Ok(0));
        }
    }

    public void OnUpstreamData(ReadOnlySpan<byte> data, bool end)
    {
        _received.Append(Loop.Buffers, data);
        _peerEnded |= end;
        if (_sentEnd && end)
        {
            _upstream = null;
        }
        else if (!_paused && _received.Length >= ReceivedBytesHigh)
        {
            _paused = true;
            _upstream?.PauseResponse();
        }

        WakeReader();
    }

    public void OnUpstreamTrailers(HeaderMap trailers)
    {
        owner.OnTunnelTrailers(trailers);
        OnUpstreamData(default, end: true);
    }

    public void OnUpstreamReset(StreamResetReason reason, string? transportFailure)
    {
        _upstream = null;
        _broken = true;
        TransportFailure = transportFailure ?? StreamResetReasons.Text(reason);
        if (!_granted)
        {
            NotOpened(new TunnelFailure(reason, 0, transportFailure));
            return;
        }

        EndSend(_peerEnded ? IoError.BrokenPipe : IoError.ConnectionReset);
        WakeReader();
        if (_peerEnded && !IsClosed)
        {
            owner.OnTunnelOver();
        }
    }

    public void OnUpstreamSendBlocked(bool blocked)
    {
        if (blocked || !_send.IsPending || _upstream is not { IsSendBlocked: false })
        {
            return;
        }

        SendAll(_send.First.Span, _send.Second.Span);
        int total = _send.TotalBytes;
        _send.Clear();
        _send.CompleteLater(IoResult.Ok(total));
    }

    // The byte stream.

    public IoResult TryReceive(Span<byte> buffer) => IsClosed ? IoResult.Failed(IoError.Closed) : ReceiveNow(buffer);

    public ValueTask<IoResult> ReceiveAsync(Memory<byte> buffer)
    {
        IoResult result = TryReceive(buffer.Span);
        if (!result.IsWouldBlock)
        {
            return new ValueTask<IoResult>(result);
        }

        ValueTask<IoResult> pending = _receive.Begin();
        _receive.Buffer = buffer;
        return pending;
    }

    public IoResult TrySend(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second = default)
    {
        if (CannotSend() is { } error)
        {
            return IoResult.Failed(error);
        }

        if (_upstream!.IsSendBlocked)
        {
            return IoResult.Failed(IoError.WouldBlock);
        }

        SendAll(first, second);
        return IoResult.Ok(first.Length + second.Length);
    }

    public ValueTask<IoResult> SendAsync(ReadOnlyMemory<byte> bytes) => SendAsync(bytes, default);

    public ValueTask<IoResult> SendAsync(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second)
    {
        IoResult result = TrySend(first.Span, second.Span);
        if (!result.IsWouldBlock)
        {
            return new ValueTask<IoResult>(result);
        }

        _send.Start(first, second, 0);
        return _send.Begin();
    }

    public void CancelReceive() => EndReceive(IoError.Canceled);

    public void CancelSend() => EndSend(IoError.Canceled);

    public void ShutdownSend()
    {
        if (_sentEnd || CannotSend() is not null)
        {
            return;
        }

        _sentEnd = true;
        IUpstreamStream upstream = _upstream!;
        if (_peerEnded)
        {
            _upstream = null;
        }

        upstream.SendData(default, end: true);
    }

    public void Close()
    {
        if (IsClosed)
        {
            return;
        }

        IsClosed = true;
        _observer = null;
        _pool?.GiveUp(this);
        _pool = null;
        IUpstreamStream? upstream = _upstream;
        _upstream = null;
        upstream?.Reset();
        _received.Release();
        EndReceive(IoError.Closed);
        EndSend(IoError.Closed);
        if (_connect.IsPending)
        {
            _failure = new TunnelFailure(StreamResetReason.LocalReset, 0, null);
            _connect.CompleteLater(IoResult.Failed(IoError.Closed));
        }
    }

    // A stream of HTTP has one way to end early.
    public void Reset() => Close();

    private void NotOpened(in TunnelFailure failure)
    {
        _broken = true;
        if (_connect.IsPending)
        {
            _failure = failure;
            _connect.CompleteLater(IoResult.Failed(IoError.ConnectionReset));
        }
    }

    private IoResult ReceiveNow(Span<byte> buffer)
    {
        if (!_received.IsEmpty)
        {
            int bytes = Math.Min(buffer.Length, _received.Length);
            _received.Unread[..bytes].CopyTo(buffer);
            _received.Consume(bytes);
            if (_paused && _received.Length <= ReceivedBytesHigh / 2)
            {
                _paused = false;
                _upstream?.ResumeResponse();
            }

            return IoResult.Ok(bytes);
        }

        return _peerEnded ? IoResult.Ok(0)
            : _broken ? IoResult.Failed(IoError.ConnectionReset)
            : IoResult.Failed(IoError.WouldBlock);
    }

    private void WakeReader()
    {
        if (_receive.IsPending)
        {
            IoResult result = ReceiveNow(_receive.Buffer.Span);
            if (!result.IsWouldBlock)
            {
                _receive.Buffer = default;
                _receive.CompleteLater(result);
            }
        }
        else if (_peerEnded || _broken)
        {
            TellPeerClosed();
        }
    }

    private void TellPeerClosed()
    {
        if (_observer is not null)
        {
            Loop.Defer(static state =>
            {
                var tunnel = (TunnelStream)state!;
                IPeerCloseObserver? observer = tunnel._observer;
                tunnel._observer = null;
                observer?.OnPeerClosed(tunnel._broken && !tunnel._peerEnded);
            }, this);
        }
    }

    private IoError? CannotSend() => IsClosed ? IoError.Closed
        : _sentEnd || IsOver ? IoError.BrokenPipe
        : _broken || _upstream is null ? IoError.ConnectionReset
        : null;

    private void SendAll(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        if (!first.IsEmpty)
        {
            _upstream!.SendData(first, end: false);
        }

        if (!second.IsEmpty)
        {
            _upstream?.SendData(second, end: false);
        }
    }

    private void EndReceive(IoError error)
    {
        if (_receive.IsPending)
        {
            _receive.Buffer = default;
            _receive.CompleteLater(IoResult.Failed(error));
        }
    }

    private void EndSend(IoError error)
    {
        if (_send.IsPending)
        {
            _send.Clear();
            _send.CompleteLater(IoResult.Failed(error));
        }
    }
}
