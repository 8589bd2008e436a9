using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Runtime.Streams;

/// <summary>One end of a <see cref="MemoryStreamPair"/>. The other end's operations go on later in the turn, never inside a call.</summary>
internal sealed class MemoryByteStream : IByteStream
{
    private static readonly Action<object?> s_onPeer = static state => ((MemoryByteStream)state!).OnPeerChanged();

    private readonly MemoryPipe _in;
    private readonly MemoryPipe _out;
    private readonly ReceiveOperation _receive;
    private readonly SendOperation _send;
    private MemoryByteStream _peer;
    private IPeerCloseObserver? _observer;
    private bool _endTold;
    private bool _checkQueued;

    internal MemoryByteStream(EventLoop loop, NetAddress local, NetAddress remote, MemoryPipe input, MemoryPipe output)
    {
        Loop = loop;
        LocalAddress = local;
        RemoteAddress = remote;
        _in = input;
        _out = output;
        _receive = new ReceiveOperation(loop);
        _send = new SendOperation(loop);
        _peer = this;
    }

    public EventLoop Loop { get; }

    public NetAddress LocalAddress { get; }

    public NetAddress RemoteAddress { get; }

    public bool IsClosed { get; private set; }

    public IPeerCloseObserver? PeerCloseObserver
    {
        get => _observer;
        set
        {
            _observer = value;
            if (value is not null && (_in.IsEnded || _in.IsReset))
            {
                QueueCheck();
            }
        }
    }

    public TlsSessionFacts? Tls => null;

    public string? TransportFailure => _in.IsReset ? IoError.ConnectionReset.Describe() : null;

    public IoResult TryReceive(Span<byte> buffer) => IsClosed ? IoResult.Failed(IoError.Closed) : ReceiveNow(buffer);

    public ValueTask<IoResult> ReceiveAsync(Memory<byte> buffer)
    {
        IoResult result = IsClosed ? IoResult.Failed(IoError.Closed) : ReceiveNow(buffer.Span);
        if (!result.IsWouldBlock)
        {
            return new ValueTask<IoResult>(result);
        }

        ValueTask<IoResult> pending = _receive.Begin();
        _receive.Buffer = buffer;
        return pending;
    }

    public IoResult TrySend(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second = default) => SendNow(first, second);

    public ValueTask<IoResult> SendAsync(ReadOnlyMemory<byte> bytes) => SendAsync(bytes, default);

    public ValueTask<IoResult> SendAsync(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second)
    {
        IoResult result = SendNow(first.Span, second.Span);
        if (result.Bytes == first.Length + second.Length || (!result.IsOk && !result.IsWouldBlock))
        {
            return new ValueTask<IoResult>(result);
        }

        _send.Start(first, second, result.Bytes);
        return _send.Begin();
    }

    public void CancelReceive() => EndReceive(IoError.Canceled);

    public void CancelSend() => EndSend(IoError.Canceled);

    public void ShutdownSend()
    {
        if (!IsClosed && !_out.IsEnded)
        {
            _out.End();
            _peer.QueueCheck();
        }
    }

    public void Close() => Close(reset: _in.Count > 0);

    public void Reset() => Close(reset: true);

    internal void Connect(MemoryByteStream peer) => _peer = peer;

    private void Close(bool reset)
    {
        if (IsClosed)
        {
            return;
        }

        IsClosed = true;
        _observer = null;
        if (reset)
        {
            _out.Reset();
        }

        _out.End();
        _in.ReaderLeft();
        EndReceive(IoError.Closed);
        EndSend(IoError.Closed);
        _peer.QueueCheck();
    }

    private IoResult ReceiveNow(Span<byte> buffer)
    {
        if (_in.IsReset)
        {
            _endTold = true;
            return IoResult.Failed(IoError.ConnectionReset);
        }

        if (_in.Count > 0)
        {
            int n = _in.Read(buffer);
            _peer.QueueCheck();
            return IoResult.Ok(n);
        }

        if (!_in.IsEnded)
        {
            return IoResult.Failed(IoError.WouldBlock);
        }

        _endTold |= !buffer.IsEmpty;
        return IoResult.Ok(0);
    }

    private IoResult SendNow(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        if (IsClosed)
        {
            return IoResult.Failed(IoError.Closed);
        }

        if (_in.IsReset)
        {
            return IoResult.Failed(IoError.ConnectionReset);
        }

        if (_out.IsEnded || _out.IsReaderGone)
        {
            return IoResult.Failed(IoError.BrokenPipe);
        }

        int n = _out.Write(first);
        if (n == first.Length)
        {
            n += _out.Write(second);
        }

        if (n > 0)
        {
            _peer.QueueCheck();
        }

        return n > 0 || first.Length + second.Length == 0 ? IoResult.Ok(n) : IoResult.Failed(IoError.WouldBlock);
    }

    /// <summary>Looks, later in this turn or in the next, at what the other end has changed.</summary>
    private void QueueCheck()
    {
        if (!_checkQueued)
        {
            _checkQueued = true;
            Loop.Defer(s_onPeer, this);
        }
    }

    private void OnPeerChanged()
    {
        _checkQueued = false;
        if (IsClosed)
        {
            return;
        }

        if (_receive.IsPending)
        {
            IoResult result = ReceiveNow(_receive.Buffer.Span);
            if (!result.IsWouldBlock)
            {
                _receive.Buffer = default;
                _receive.Complete(result);
            }
        }

        if (!IsClosed && _send.IsPending)
        {
            ResumeSend();
        }

        if (!IsClosed && (_in.IsEnded || _in.IsReset) && !_endTold && !_receive.IsPending && _observer is { } observer)
        {
            _endTold = true;
            observer.OnPeerClosed(_in.IsReset);
        }
    }

    private void ResumeSend()
    {
        IoResult result = SendNow(_send.First.Span, _send.Second.Span);
        if (result.IsOk)
        {
            _send.Consume(result.Bytes);
            if (!_send.IsAllSent)
            {
                return;
            }

            result = IoResult.Ok(_send.TotalBytes);
        }
        else if (result.IsWouldBlock)
        {
            return;
        }

        _send.Clear();
        _send.Complete(result);
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
