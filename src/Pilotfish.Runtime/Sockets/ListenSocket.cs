using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Interop;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Sockets;

/// <summary>
/// A listening TCP or Unix socket on a loop. When descriptors or kernel memory run out, accepting pauses and tries again; waiting
/// connections stay in the kernel's backlog meanwhile.
/// </summary>
public sealed class ListenSocket : IReadinessHandler
{
    /// <summary>Between attempts while descriptors are exhausted: soon enough to go unnoticed, rare enough to cost nothing.</summary>
    internal const int ExhaustedPauseMilliseconds = 100;

    private readonly EventLoop _loop;
    private readonly IoOperation _ready;
    private readonly NetAddress _bound;
    private readonly int _acceptsPerTurn;
    private int _fd;
    private ulong _key;
    private bool _readable = true;
    private long _turn;
    private int _acceptsThisTurn;

    private ListenSocket(EventLoop loop, int fd, NetAddress bound, int acceptsPerTurn)
    {
        _acceptsPerTurn = Math.Clamp(acceptsPerTurn, 1, ListenSocketOptions.AcceptsPerTurnCap);
        _loop = loop;
        _fd = fd;
        _bound = bound;
        _ready = new IoOperation(loop);
        LocalAddress = SocketCalls.LocalAddress(fd);
    }

    public NetAddress LocalAddress { get; }

    public bool IsClosed => _fd < 0;

    /// <summary>How often accepting paused for want of descriptors.</summary>
    public long ExhaustionCount { get; private set; }

    /// <summary>Binds and listens; port 0 chooses one. A stale Unix socket file nobody listens on is replaced.</summary>
    public static IoError TryListen(EventLoop loop, NetAddress address, ListenSocketOptions options, out ListenSocket? listener)
    {
        listener = null;
        int errno = SocketSetup.OpenForListen(address, options, out int fd);
        if (errno == Errno.EADDRINUSE && address.Kind == AddressFamilyKind.Unix && IsStale(address))
        {
            FileCalls.Unlink(address.UnixPath);
            errno = SocketSetup.OpenForListen(address, options, out fd);
        }

        if (errno != 0)
        {
            return Errno.ToIoError(errno);
        }

        return Adopt(loop, new ListenSocketTransfer(fd, address, options.AcceptsPerTurn), out listener);
    }

    /// <summary>Takes over a socket that another loop let go; what waits in its backlog comes along. On failure it is closed.</summary>
    public static IoError Adopt(EventLoop loop, ListenSocketTransfer transfer, out ListenSocket? listener)
    {
        (int fd, NetAddress bound, int acceptsPerTurn) = transfer.Take();
        var opened = new ListenSocket(loop, fd, bound, acceptsPerTurn);
        int errno = loop.Register(fd, opened, Epoll.EPOLLIN | Epoll.EPOLLET, out opened._key);
        listener = errno == 0 ? opened : null;
        if (errno != 0)
        {
            SocketCalls.Close(fd);
        }

        return Errno.ToIoError(errno);
    }

    /// <summary>As <see cref="TryListen"/>, for callers to whom failure is fatal.</summary>
    public static ListenSocket Listen(EventLoop loop, NetAddress address, ListenSocketOptions? options = null)
    {
        IoError error = TryListen(loop, address, options ?? ListenSocketOptions.Default, out ListenSocket? listener);
        return listener ?? throw new IOException($"Listening on '{address}' failed: {error.Describe()}.");
    }

    /// <summary>The next connection, or null with <see cref="IoError.WouldBlock"/> or the reason.</summary>
    public IoError TryAccept(out SocketStream? stream)
    {
        stream = null;
        if (_fd < 0)
        {
            return IoError.Closed;
        }

        while (true)
        {
            int fd = SocketCalls.Accept(_fd, out NetAddress remote, out int errno);
            if (fd >= 0)
            {
                SocketStream accepted = SocketStream.Adopt(_loop, fd, remote);
                stream = accepted.IsClosed ? null : accepted;
                return accepted.IsClosed ? IoError.NoBuffers : IoError.None;
            }

            switch (errno)
            {
                case Errno.EAGAIN:
                    _readable = false;
                    return IoError.WouldBlock;
                // The connection died in the backlog; accept(2) passes its network error on, and the next one may be well.
                case Errno.ECONNABORTED or Errno.EPROTO or Errno.ENETDOWN or Errno.EHOSTDOWN or Errno.EHOSTUNREACH
                    or Errno.ENETUNREACH or Errno.EOPNOTSUPP or Errno.EPERM:
                    continue;
                default:
                    return Errno.ToIoError(errno);
            }
        }
    }

    /// <summary>Waits for the next connection. Only <see cref="IoError.Closed"/> and unknown failures come back as errors.</summary>
    public async ValueTask<AcceptResult> AcceptAsync()
    {
        while (true)
        {
            while (TurnBudgetIsSpent())
            {
                await _loop.YieldAsync();
            }

            if (_readable)
            {
                IoError error = TryAccept(out SocketStream? stream);
                if (error is IoError.TooManyFiles or IoError.NoBuffers)
                {
                    ExhaustionCount++;
                    Log.Warning(LogComponent.Connection, $"accepting on {LocalAddress} pauses: {error.Describe()}");
                    await _loop.DelayAsync(ExhaustedPauseMilliseconds);
                    continue;
                }

                if (error != IoError.WouldBlock)
                {
                    return new AcceptResult(stream, error);
                }
            }

            IoResult ready = await _ready.Begin();
            if (!ready.IsOk)
            {
                return new AcceptResult(null, ready.Error);
            }
        }
    }

    /// <summary>Lets go of the socket, to be adopted on another loop; it listens on meanwhile. This object is closed afterwards.</summary>
    public ListenSocketTransfer Detach()
    {
        ObjectDisposedException.ThrowIf(_fd < 0, this);
        var transfer = new ListenSocketTransfer(_fd, _bound, _acceptsPerTurn);
        _loop.Unregister(_key, _fd);
        LetGo();
        return transfer;
    }

    public void Close()
    {
        if (_fd < 0)
        {
            return;
        }

        _loop.Unregister(_key);
        SocketCalls.Close(_fd);
        if (_bound.Kind == AddressFamilyKind.Unix && !_bound.UnixPath.StartsWith('@'))
        {
            FileCalls.Unlink(_bound.UnixPath);
        }

        LetGo();
    }

    private void LetGo()
    {
        _fd = -1;

        // From here on accept is worth trying: it tells a paused accepter that the socket is closed.
        _readable = true;
        if (_ready.IsPending)
        {
            _ready.CompleteLater(IoResult.Failed(IoError.Closed));
        }
    }

    void IReadinessHandler.OnReady(uint events)
    {
        _readable = true;
        if (_ready.IsPending)
        {
            _ready.Complete(IoResult.Ok(0));
        }
    }

    private bool TurnBudgetIsSpent()
    {
        if (_turn != _loop.TurnNumber)
        {
            _turn = _loop.TurnNumber;
            _acceptsThisTurn = 0;
        }

        return ++_acceptsThisTurn > _acceptsPerTurn;
    }

    private static bool IsStale(in NetAddress address)
    {
        int fd = SocketCalls.OpenStream(NativeAddress.AF_UNIX, out _);
        if (fd < 0)
        {
            return false;
        }

        int errno = SocketCalls.Connect(fd, address);
        SocketCalls.Close(fd);
        return errno == Errno.ECONNREFUSED;
    }
}
