using Pilotfish.Runtime.Interop;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Sockets;

/// <summary>A UDP socket on a loop. Sends that would block are dropped by design: datagrams may be lost anyway.</summary>
public sealed class DatagramSocket : IReadinessHandler
{
    /// <summary>Datagrams taken at once per turn; then streams have theirs.</summary>
    private const int ReceivesPerTurnMax = 64;

    private readonly EventLoop _loop;
    private readonly IoOperation _ready;
    private int _fd;
    private ulong _key;
    private bool _readable = true;
    private long _turn;
    private int _receivesThisTurn;

    private DatagramSocket(EventLoop loop, int fd)
    {
        _loop = loop;
        _fd = fd;
        _ready = new IoOperation(loop);
        LocalAddress = SocketCalls.LocalAddress(fd);
    }

    public NetAddress LocalAddress { get; }

    public bool IsClosed => _fd < 0;

    /// <summary>Binds; port 0 chooses one. <paramref name="reusePort"/> lets several loops share the address.</summary>
    public static IoError TryBind(EventLoop loop, NetAddress address, bool reusePort, out DatagramSocket? socket)
    {
        socket = null;
        int fd = SocketCalls.OpenDatagram(NativeAddress.Family(address.Kind), out int errno);
        if (fd < 0)
        {
            return Errno.ToIoError(errno);
        }

        errno = reusePort ? SocketCalls.SetOption(fd, SocketOption.SOL_SOCKET, SocketOption.SO_REUSEPORT, 1) : 0;
        errno = errno != 0 ? errno : SocketCalls.Bind(fd, address);
        DatagramSocket? opened = null;
        ulong key = 0;
        if (errno == 0)
        {
            opened = new DatagramSocket(loop, fd);
            errno = loop.Register(fd, opened, Epoll.EPOLLIN | Epoll.EPOLLET, out key);
        }

        if (errno != 0 || opened is null)
        {
            SocketCalls.Close(fd);
            return Errno.ToIoError(errno);
        }

        opened._key = key;
        socket = opened;
        return IoError.None;
    }

    public DatagramResult TryReceiveFrom(Span<byte> buffer)
    {
        if (_fd < 0)
        {
            return new DatagramResult(0, default, IoError.Closed);
        }

        int n = SocketCalls.ReceiveFrom(_fd, buffer, out NetAddress from, out int errno);
        if (n >= 0)
        {
            return new DatagramResult(n, from, IoError.None);
        }

        _readable = errno != Errno.EAGAIN;
        return new DatagramResult(0, default, Errno.ToIoError(errno));
    }

    /// <summary>
    /// Waits for a datagram; what does not fit the buffer is cut off. An ICMP error of an earlier send comes back as its error and
    /// leaves the socket usable.
    /// </summary>
    public async ValueTask<DatagramResult> ReceiveFromAsync(Memory<byte> buffer)
    {
        while (true)
        {
            if (TurnBudgetIsSpent())
            {
                await _loop.YieldAsync();
            }

            if (_readable)
            {
                DatagramResult result = TryReceiveFrom(buffer.Span);
                if (result.Error != IoError.WouldBlock)
                {
                    return result;
                }
            }

            IoResult ready = await _ready.Begin();
            if (!ready.IsOk)
            {
                return new DatagramResult(0, default, ready.Error);
            }
        }
    }

    public IoError TrySendTo(ReadOnlySpan<byte> datagram, NetAddress to)
    {
        if (_fd < 0)
        {
            return IoError.Closed;
        }

        return SocketCalls.SendTo(_fd, datagram, to, out int errno) >= 0 ? IoError.None : Errno.ToIoError(errno);
    }

    public void CancelReceive()
    {
        if (_ready.IsPending)
        {
            _ready.CompleteLater(IoResult.Failed(IoError.Canceled));
        }
    }

    public void Close()
    {
        if (_fd < 0)
        {
            return;
        }

        _loop.Unregister(_key);
        SocketCalls.Close(_fd);
        _fd = -1;
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
            _receivesThisTurn = 0;
        }

        return ++_receivesThisTurn > ReceivesPerTurnMax;
    }
}
