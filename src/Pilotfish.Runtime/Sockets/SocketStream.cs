using System.Diagnostics;
using Pilotfish.Runtime.Interop;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Tls;
using Flags = Pilotfish.Runtime.Sockets.SocketStreamFlags;

namespace Pilotfish.Runtime.Sockets;

/// <summary>
/// A TCP or Unix stream socket on a loop. It owns its descriptor, holds no buffer, and makes its awaitables when they are first
/// needed, so an idle connection costs about 300 bytes. Every operation is tried at once and waits only when the kernel says so.
/// Readiness is edge-triggered, registered once. A receive that filled less than its buffer has drained the socket, so the next
/// one waits without asking the kernel again, unless the peer's end was seen: data and end may come in one event.
/// </summary>
public sealed class SocketStream : IByteStream, IReadinessHandler
{
    internal const uint Interest = Epoll.EPOLLIN | Epoll.EPOLLOUT | Epoll.EPOLLRDHUP | Epoll.EPOLLET;

    private const uint PeerEndEvents = Epoll.EPOLLRDHUP | Epoll.EPOLLHUP | Epoll.EPOLLERR;

    /// <summary>See <see cref="ReceiveShare.BytesPerTurnMax"/>.</summary>
    public const int ReceiveBytesPerTurnMax = ReceiveShare.BytesPerTurnMax;

    private static readonly Action<object?> s_resumeReceive = static state => ((SocketStream)state!).ResumeDeferredReceive();
    private static readonly Action<object?> s_tellPeerClosed = static state => ((SocketStream)state!).TellPeerClosed();

    private readonly EventLoop _loop;
    private readonly SocketStreamOptions _options;
    private int _fd = -1;
    private ulong _key;
    private ReceiveOperation? _receive;
    private SendOperation? _send;
    private IPeerCloseObserver? _observer;
    private NetAddress _local;
    private NetAddress _remote;
    private ReceiveShare _share;
    private Flags _flags;
    private IoError _failure;

    private SocketStream(EventLoop loop, SocketStreamOptions options)
    {
        _loop = loop;
        _options = options;
    }

    public EventLoop Loop => _loop;

    public NetAddress LocalAddress
    {
        get
        {
            if (_local.IsNone && _fd >= 0)
            {
                _local = SocketCalls.LocalAddress(_fd);
            }

            return _local;
        }
    }

    public NetAddress RemoteAddress => _remote;

    public bool IsClosed => Has(Flags.Closed);

    public bool IsConnected => _fd >= 0 && !Has(Flags.Connecting);

    /// <summary>Whether the peer's end or a reset was seen by the kernel, whatever is still unread.</summary>
    public bool PeerHasClosed => Has(Flags.PeerEnded);

    public IPeerCloseObserver? PeerCloseObserver
    {
        get => _observer;
        set
        {
            _observer = value;
            if (value is not null && Has(Flags.PeerEnded) && !Has(Flags.EndTold))
            {
                _loop.Defer(s_tellPeerClosed, this);
            }
        }
    }

    public TlsSessionFacts? Tls => null;

    public string? TransportFailure => _failure == IoError.None ? null : _failure.Describe();

    internal int Descriptor => _fd;

    /// <summary>A socket that is not connected yet. It has a descriptor from <see cref="ConnectAsync"/> on.</summary>
    public static SocketStream Create(EventLoop loop, SocketStreamOptions? options = null) =>
        new(loop, options ?? SocketStreamOptions.Default);

    /// <summary>Takes over a connection that another loop let go.</summary>
    public static SocketStream Attach(EventLoop loop, SocketHandleTransfer transfer)
    {
        (int fd, NetAddress remote) = transfer.Take();
        return Adopt(loop, fd, remote);
    }

    /// <summary>Connects, from <see cref="SocketStreamOptions.Source"/> if given. <see cref="Close"/> ends a pending connect.</summary>
    public ValueTask<IoError> ConnectAsync(NetAddress remote)
    {
        _loop.AssertCurrent();
        if (_fd >= 0 || IsClosed)
        {
            throw new InvalidOperationException("A stream connects once.");
        }

        _remote = remote;
        int errno = SocketSetup.OpenForConnect(remote, _options, out int fd);
        if (errno != 0)
        {
            return new ValueTask<IoError>(FailConnect(errno));
        }

        _fd = fd;
        _flags |= remote.Kind == AddressFamilyKind.Unix ? Flags.Unix : Flags.None;
        int connecting = SocketCalls.Connect(fd, remote);
        errno = connecting is 0 or Errno.EINPROGRESS ? _loop.Register(fd, this, Interest, out _key) : connecting;
        if (errno != 0)
        {
            SocketCalls.Close(fd);
            _fd = -1;
            // A Unix socket whose backlog is full says EAGAIN, and nothing would ever tell when it is not.
            return new ValueTask<IoError>(FailConnect(errno == Errno.EAGAIN ? Errno.ECONNREFUSED : errno));
        }

        if (connecting == 0)
        {
            return new ValueTask<IoError>(IoError.None);
        }

        _flags |= Flags.Connecting;
        return ConnectedAsync((_send ??= new SendOperation(_loop)).Begin());
    }

    public IoResult TryReceive(Span<byte> buffer)
    {
        Debug.Assert(_receive is not { IsPending: true }, "A receive is pending; a stream has one receiver.");
        return _fd < 0 ? IoResult.Failed(IoError.Closed) : ReceiveNow(buffer);
    }

    public ValueTask<IoResult> ReceiveAsync(Memory<byte> buffer)
    {
        if (_fd < 0)
        {
            return new ValueTask<IoResult>(IoResult.Failed(IoError.Closed));
        }

        bool resume = false;
        if (Has(Flags.Readable) && !(buffer.IsEmpty && Has(Flags.PeekedAll) && !Has(Flags.PeerEnded)))
        {
            if (_share.TryTake(_loop.TurnNumber))
            {
                IoResult result = buffer.IsEmpty ? IoResult.Ok(0) : ReceiveNow(buffer.Span);
                if (!result.IsWouldBlock)
                {
                    return new ValueTask<IoResult>(result);
                }
            }
            else
            {
                resume = true;
            }
        }

        ReceiveOperation operation = _receive ??= new ReceiveOperation(_loop);
        ValueTask<IoResult> pending = operation.Begin();
        operation.Buffer = buffer;
        if (resume && !Has(Flags.ReceiveDeferred))
        {
            _flags |= Flags.ReceiveDeferred;
            _loop.DeferToNextTurn(s_resumeReceive, this);
        }

        return pending;
    }

    /// <summary>Looks at the first bytes without taking them. Wait for more with an empty <see cref="ReceiveAsync"/>.</summary>
    public IoResult TryPeek(Span<byte> buffer)
    {
        if (_fd < 0)
        {
            return IoResult.Failed(IoError.Closed);
        }

        int n = SocketCalls.Receive(_fd, buffer, SocketCalls.MSG_PEEK, out int errno);
        if (n < 0)
        {
            return errno == Errno.EAGAIN ? NothingToReceive() : IoResult.Failed(Note(errno));
        }

        if (n < buffer.Length)
        {
            _flags |= Flags.PeekedAll;
        }

        return IoResult.Ok(n);
    }

    /// <summary>
    /// Nobody peeks any more: what was peeked is still unread, so the next wait for readability ends at once. Its event is spent;
    /// without this the reader that takes over would wait for bytes that may never follow.
    /// </summary>
    public void EndPeeking() => _flags &= ~Flags.PeekedAll;

    public IoResult TrySend(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second = default)
    {
        Debug.Assert(_send is not { IsPending: true }, "A send is pending; a stream has one sender.");
        return SendNow(first, second);
    }

    public ValueTask<IoResult> SendAsync(ReadOnlyMemory<byte> bytes) => SendAsync(bytes, default);

    public ValueTask<IoResult> SendAsync(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second)
    {
        int total = first.Length + second.Length;
        IoResult result = SendNow(first.Span, second.Span);
        if (result.Bytes == total || (!result.IsOk && !result.IsWouldBlock))
        {
            return new ValueTask<IoResult>(result);
        }

        return SendRest(first, second, result.Bytes);
    }

    /// <summary>
    /// Moves bytes from here to the destination inside the kernel until the end, an error, or a close of either stream. The
    /// caller shuts the destination's sending side when it likes. While it runs nobody else receives here or sends there.
    /// </summary>
    public ValueTask<SpliceResult> SpliceToAsync(SocketStream destination, SpliceBudget budget, TransferProgress? progress = null) =>
        SpliceTransfer.RunAsync(this, destination, budget, progress);

    public void CancelReceive() => EndReceive(IoError.Canceled);

    public void CancelSend()
    {
        if (!Has(Flags.Connecting))
        {
            EndSend(IoError.Canceled);
        }
    }

    public void ShutdownSend()
    {
        if (_fd >= 0 && !Has(Flags.SendShut))
        {
            _flags |= Flags.SendShut;
            SocketCalls.Shutdown(_fd);
        }
    }

    public void Close()
    {
        if (IsClosed)
        {
            return;
        }

        _loop.AssertCurrent();
        _flags |= Flags.Closed;
        if (_fd >= 0)
        {
            // Callers log addresses after the end; asking later is impossible.
            _ = LocalAddress;
            _loop.Unregister(_key);
            SocketCalls.Close(_fd);
            _fd = -1;
        }

        _observer = null;
        EndReceive(IoError.Closed);
        EndSend(IoError.Closed);
    }

    public void Reset()
    {
        if (_fd >= 0)
        {
            SocketCalls.LingerZero(_fd);
        }

        Close();
    }

    /// <summary>The destination before redirection by iptables; false when this connection was not redirected.</summary>
    public bool TryGetOriginalDestination(out NetAddress address)
    {
        NetAddress local = LocalAddress;
        if (_fd < 0 || !local.IsIp)
        {
            address = default;
            return false;
        }

        bool v6 = local.Kind == AddressFamilyKind.IPv6 && !local.IsIPv4Mapped;
        return SocketCalls.TryGetOriginalDestination(_fd, v6, out address);
    }

    /// <summary>Lets go of the connection, to be attached on another loop. This stream is closed afterwards.</summary>
    public SocketHandleTransfer Detach()
    {
        if (!IsConnected)
        {
            throw new InvalidOperationException("Only a connected stream moves to another loop.");
        }

        _ = LocalAddress;
        var transfer = new SocketHandleTransfer(_fd, _remote);
        _loop.Unregister(_key, _fd);
        _fd = -1;
        _flags |= Flags.Closed;
        _observer = null;
        EndReceive(IoError.Closed);
        EndSend(IoError.Closed);
        return transfer;
    }

    void IReadinessHandler.OnReady(uint events)
    {
        if (Has(Flags.Connecting))
        {
            FinishConnect();
            return;
        }

        if ((events & PeerEndEvents) != 0)
        {
            _flags |= (events & Epoll.EPOLLERR) != 0 ? Flags.PeerEnded | Flags.PeerReset : Flags.PeerEnded;
        }

        if ((events & (Epoll.EPOLLIN | PeerEndEvents)) != 0)
        {
            _flags = (_flags | Flags.Readable) & ~Flags.PeekedAll;
            if (_receive is { IsPending: true } && !Has(Flags.ReceiveDeferred))
            {
                ResumeReceive();
            }
        }

        // The continuation may have closed the stream.
        if (_fd >= 0 && _send is { IsPending: true } && (events & (Epoll.EPOLLOUT | Epoll.EPOLLERR | Epoll.EPOLLHUP)) != 0)
        {
            ResumeSend();
        }

        if (_observer is not null && Has(Flags.PeerEnded))
        {
            TellPeerClosed();
        }
    }

    /// <summary>Waits until a send is worth trying, after one would have blocked.</summary>
    internal ValueTask<IoResult> WaitWritableAsync()
    {
        if (_fd < 0)
        {
            return new ValueTask<IoResult>(IoResult.Failed(IoError.Closed));
        }

        SendOperation operation = _send ??= new SendOperation(_loop);
        operation.Clear();
        return operation.Begin();
    }

    /// <summary>Notes that the kernel had nothing to receive: the next wait is for a new event.</summary>
    internal IoResult NothingToReceive()
    {
        _flags &= ~Flags.Readable;
        return IoResult.Failed(IoError.WouldBlock);
    }

    internal void NoteEndReceived() => _flags |= Flags.EndTold;

    internal IoError Note(int errno)
    {
        IoError error = Errno.ToIoError(errno);
        if (error != IoError.WouldBlock)
        {
            _failure = error;
        }

        return error;
    }

    internal static SocketStream Adopt(EventLoop loop, int fd, NetAddress remote)
    {
        var stream = new SocketStream(loop, SocketStreamOptions.Default)
        {
            _fd = fd,
            _remote = remote,
            _flags = Flags.Readable | (remote.Kind == AddressFamilyKind.Unix ? Flags.Unix : Flags.None),
        };
        int errno = loop.Register(fd, stream, Interest, out stream._key);
        if (errno != 0)
        {
            stream._fd = -1;
            stream._flags |= Flags.Closed;
            stream.Note(errno);
            SocketCalls.Close(fd);
        }

        return stream;
    }

    private static async ValueTask<IoError> ConnectedAsync(ValueTask<IoResult> pending) => (await pending).Error;

    private IoError FailConnect(int errno)
    {
        IoError error = Note(errno);
        Close();
        return error;
    }

    private void FinishConnect()
    {
        int errno = SocketCalls.TakeError(_fd);
        _flags &= ~Flags.Connecting;
        SendOperation operation = _send!;
        if (errno != 0)
        {
            IoError error = Note(errno);
            _loop.Unregister(_key);
            SocketCalls.Close(_fd);
            _fd = -1;
            _flags |= Flags.Closed;
            operation.Complete(IoResult.Failed(error));
            return;
        }

        // Whatever the kernel reported beside writability, it reports again only on change: let the first receive try.
        _flags |= Flags.Readable;
        operation.Complete(IoResult.Ok(0));
    }

    private IoResult ReceiveNow(Span<byte> buffer)
    {
        int n = SocketCalls.Receive(_fd, buffer, 0, out int errno);
        if (n > 0)
        {
            _share.Received(_loop.TurnNumber, n);
            if (n < buffer.Length && (_flags & (Flags.PeerEnded | Flags.Unix)) == 0)
            {
                _flags &= ~Flags.Readable;
            }

            return IoResult.Ok(n);
        }

        if (n == 0)
        {
            if (!buffer.IsEmpty)
            {
                _flags |= Flags.EndTold;
            }

            return IoResult.Ok(0);
        }

        if (errno == Errno.EAGAIN)
        {
            return NothingToReceive();
        }

        _flags |= Flags.EndTold;
        return IoResult.Failed(Note(errno));
    }

    private void ResumeDeferredReceive()
    {
        _flags &= ~Flags.ReceiveDeferred;
        ResumeReceive();
    }

    private void ResumeReceive()
    {
        if (_receive is not { IsPending: true } operation || _fd < 0)
        {
            return;
        }

        IoResult result = operation.Buffer.IsEmpty ? IoResult.Ok(0) : ReceiveNow(operation.Buffer.Span);
        if (!result.IsWouldBlock)
        {
            operation.Buffer = default;
            operation.Complete(result);
        }
    }

    private IoResult SendNow(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        if (_fd < 0)
        {
            return IoResult.Failed(IoError.Closed);
        }

        if (Has(Flags.SendShut))
        {
            return IoResult.Failed(IoError.BrokenPipe);
        }

        int errno;
        int n = second.IsEmpty
            ? SocketCalls.Send(_fd, first, out errno)
            : SocketCalls.SendGathered(_fd, first, second, out errno);
        return n >= 0 ? IoResult.Ok(n) : IoResult.Failed(Note(errno));
    }

    private ValueTask<IoResult> SendRest(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second, int sent)
    {
        SendOperation operation = _send ??= new SendOperation(_loop);
        operation.Start(first, second, sent);
        IoResult? result = ContinueSend(operation);
        return result is { } done ? new ValueTask<IoResult>(done) : operation.Begin();
    }

    private void ResumeSend()
    {
        SendOperation operation = _send!;
        if (operation.TotalBytes == 0)
        {
            operation.Complete(IoResult.Ok(0));
            return;
        }

        if (ContinueSend(operation) is { } result)
        {
            operation.Complete(result);
        }
    }

    /// <summary>Sends until all is sent, it fails, or the kernel takes no more (null).</summary>
    private IoResult? ContinueSend(SendOperation operation)
    {
        while (!operation.IsAllSent)
        {
            IoResult result = SendNow(operation.First.Span, operation.Second.Span);
            if (result.IsWouldBlock)
            {
                return null;
            }

            if (!result.IsOk)
            {
                operation.Clear();
                return result;
            }

            operation.Consume(result.Bytes);
        }

        int total = operation.TotalBytes;
        operation.Clear();
        return IoResult.Ok(total);
    }

    private void EndReceive(IoError error)
    {
        if (_receive is { IsPending: true } operation)
        {
            operation.Buffer = default;
            operation.CompleteLater(IoResult.Failed(error));
        }
    }

    private void EndSend(IoError error)
    {
        if (_send is { IsPending: true } operation)
        {
            _flags &= ~Flags.Connecting;
            operation.Clear();
            operation.CompleteLater(IoResult.Failed(error));
        }
    }

    private void TellPeerClosed()
    {
        if (_fd >= 0 && !Has(Flags.EndTold) && _observer is { } observer && _receive is not { IsPending: true })
        {
            _flags |= Flags.EndTold;
            observer.OnPeerClosed(Has(Flags.PeerReset));
        }
    }

    private bool Has(Flags flag) => (_flags & flag) != 0;
}
