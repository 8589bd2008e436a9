using Pilotfish.Runtime.Interop;

namespace Pilotfish.Runtime.Sockets;

/// <summary>Opens sockets and applies options. Each call gives the first error number, or 0; on error nothing stays open.</summary>
internal static class SocketSetup
{
    internal static int OpenForConnect(in NetAddress remote, SocketStreamOptions options, out int fd)
    {
        fd = SocketCalls.OpenStream(NativeAddress.Family(remote.Kind), out int errno);
        if (fd < 0)
        {
            return errno;
        }

        errno = ApplyForConnect(fd, remote, options);
        if (errno != 0)
        {
            SocketCalls.Close(fd);
            fd = -1;
        }

        return errno;
    }

    internal static int OpenForListen(in NetAddress address, ListenSocketOptions options, out int fd)
    {
        fd = -1;
        int errno = 0;
        if (options.Multipath && address.IsIp)
        {
            fd = SocketCalls.OpenMultipath(NativeAddress.Family(address.Kind), out errno);
        }

        if (fd < 0)
        {
            fd = SocketCalls.OpenStream(NativeAddress.Family(address.Kind), out errno);
        }

        if (fd < 0)
        {
            return errno;
        }

        errno = ApplyForListen(fd, address, options);
        if (errno == 0)
        {
            errno = SocketCalls.Bind(fd, address);
        }

        if (errno == 0 && address.Kind == AddressFamilyKind.Unix && options.UnixMode is { } mode)
        {
            errno = FileCalls.ChangeMode(address.UnixPath, mode);
        }

        errno = errno != 0 ? errno : ApplyRaw(fd, options.Raw, address.Kind, SocketOptionState.Bound);
        errno = errno != 0 ? errno : SocketCalls.Listen(fd, options.Backlog);
        errno = errno != 0 ? errno : ApplyRaw(fd, options.Raw, address.Kind, SocketOptionState.Listening);

        if (errno != 0)
        {
            SocketCalls.Close(fd);
            fd = -1;
        }

        return errno;
    }

    private static int ApplyForConnect(int fd, in NetAddress remote, SocketStreamOptions options)
    {
        int errno = ApplyBuffers(fd, options.ReceiveBufferBytes, options.SendBufferBytes);
        if (remote.IsIp && errno == 0)
        {
            errno = ApplyTcp(fd, options.NoDelay, options.KeepAlive);
            errno = errno != 0 ? errno : ApplyRouting(fd, remote.Kind, options.Transparent, options.FreeBind, options.Mark);
        }

        errno = errno != 0 ? errno : ApplyRaw(fd, options.Raw, remote.Kind, SocketOptionState.PreBind);
        if (errno != 0 || options.Source.IsNone || !remote.IsIp)
        {
            return errno;
        }

        if (options.Source.Port == 0)
        {
            errno = SocketCalls.SetOption(fd, SocketOption.IPPROTO_IP, SocketOption.IP_BIND_ADDRESS_NO_PORT, 1);
        }

        return errno != 0 ? errno : SocketCalls.Bind(fd, options.Source);
    }

    private static int ApplyForListen(int fd, in NetAddress address, ListenSocketOptions options)
    {
        int errno = ApplyBuffers(fd, options.ReceiveBufferBytes, options.SendBufferBytes);
        if (address.IsIp && errno == 0)
        {
            errno = SocketCalls.SetOption(fd, SocketOption.SOL_SOCKET, SocketOption.SO_REUSEADDR, 1);
            if (errno == 0 && options.ReusePort)
            {
                errno = SocketCalls.SetOption(fd, SocketOption.SOL_SOCKET, SocketOption.SO_REUSEPORT, 1);
            }

            if (errno == 0 && address.Kind == AddressFamilyKind.IPv6)
            {
                int v6Only = options.DualStack ? 0 : 1;
                errno = SocketCalls.SetOption(fd, SocketOption.IPPROTO_IPV6, SocketOption.IPV6_V6ONLY, v6Only);
            }

            if (errno == 0 && options.FastOpenQueue > 0)
            {
                errno = SocketCalls.SetOption(fd, SocketOption.IPPROTO_TCP, SocketOption.TCP_FASTOPEN, options.FastOpenQueue);
            }

            errno = errno != 0 ? errno : ApplyTcp(fd, options.NoDelay, options.KeepAlive);
            errno = errno != 0 ? errno : ApplyRouting(fd, address.Kind, options.Transparent, options.FreeBind, options.Mark);
        }

        return errno != 0 ? errno : ApplyRaw(fd, options.Raw, address.Kind, SocketOptionState.PreBind);
    }

    private static int ApplyBuffers(int fd, int receiveBytes, int sendBytes)
    {
        int errno = receiveBytes == 0 ? 0 : SocketCalls.SetOption(fd, SocketOption.SOL_SOCKET, SocketOption.SO_RCVBUF, receiveBytes);
        return errno != 0 || sendBytes == 0
            ? errno
            : SocketCalls.SetOption(fd, SocketOption.SOL_SOCKET, SocketOption.SO_SNDBUF, sendBytes);
    }

    private static int ApplyTcp(int fd, bool noDelay, KeepAliveOptions? keepAlive)
    {
        int errno = noDelay ? SocketCalls.SetOption(fd, SocketOption.IPPROTO_TCP, SocketOption.TCP_NODELAY, 1) : 0;
        if (keepAlive is null || errno != 0)
        {
            return errno;
        }

        errno = SocketCalls.SetOption(fd, SocketOption.SOL_SOCKET, SocketOption.SO_KEEPALIVE, 1);
        errno = errno != 0 ? errno : SetPositive(fd, SocketOption.TCP_KEEPIDLE, keepAlive.IdleSeconds);
        errno = errno != 0 ? errno : SetPositive(fd, SocketOption.TCP_KEEPINTVL, keepAlive.IntervalSeconds);
        return errno != 0 ? errno : SetPositive(fd, SocketOption.TCP_KEEPCNT, keepAlive.Probes);
    }

    private static int SetPositive(int fd, int name, int value) =>
        value > 0 ? SocketCalls.SetOption(fd, SocketOption.IPPROTO_TCP, name, value) : 0;

    private static int ApplyRouting(int fd, AddressFamilyKind family, bool transparent, bool freeBind, int mark)
    {
        bool v6 = family == AddressFamilyKind.IPv6;
        int level = v6 ? SocketOption.IPPROTO_IPV6 : SocketOption.IPPROTO_IP;
        int errno = transparent
            ? SocketCalls.SetOption(fd, level, v6 ? SocketOption.IPV6_TRANSPARENT : SocketOption.IP_TRANSPARENT, 1)
            : 0;
        if (errno == 0 && freeBind)
        {
            errno = SocketCalls.SetOption(fd, level, v6 ? SocketOption.IPV6_FREEBIND : SocketOption.IP_FREEBIND, 1);
        }

        return errno != 0 || mark == 0 ? errno : SocketCalls.SetOption(fd, SocketOption.SOL_SOCKET, SocketOption.SO_MARK, mark);
    }

    private static int ApplyRaw(int fd, IReadOnlyList<RawSocketOption> options, AddressFamilyKind family, SocketOptionState state)
    {
        int errno = 0;
        for (int i = 0; i < options.Count && errno == 0; i++)
        {
            RawSocketOption option = options[i];
            if (option.State != state || (option.Family is { } only && only != family))
            {
                continue;
            }

            errno = option.Bytes.IsEmpty
                ? SocketCalls.SetOption(fd, option.Level, option.Name, option.Number)
                : SocketCalls.SetOption(fd, option.Level, option.Name, option.Bytes.Span);
        }

        return errno;
    }
}
