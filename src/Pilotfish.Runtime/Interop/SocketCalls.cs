using System.Runtime.InteropServices;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Runtime.Interop;

/// <summary>
/// Socket system calls with safe signatures. Results are as the kernel gives them: -1 with the error number in errno.
/// EINTR is retried here and nowhere else.
/// </summary>
internal static unsafe class SocketCalls
{
    internal const int MSG_PEEK = 2;
    private const int MSG_NOSIGNAL = 0x4000;
    private const int SOCK_STREAM = 1;
    private const int SOCK_DGRAM = 2;
    private const int SOCK_NONBLOCK = 0x800;
    private const int SOCK_CLOEXEC = 0x80000;
    internal const int SHUT_WR = 1;

    internal static int OpenStream(int family, out int errno) => Open(family, SOCK_STREAM, out errno);

    internal static int OpenMultipath(int family, out int errno) => Open(family, SOCK_STREAM, out errno, SocketOption.IPPROTO_MPTCP);

    internal static int OpenDatagram(int family, out int errno) => Open(family, SOCK_DGRAM, out errno);

    /// <summary>Two connected Unix stream sockets.</summary>
    internal static bool TryOpenPair(out int first, out int second, out int errno)
    {
        int* fds = stackalloc int[2];
        // Safety: the kernel writes two ints into the two that are reserved above.
        int rc = Libc.socketpair(NativeAddress.AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);
        errno = Failure(rc);
        (first, second) = rc == 0 ? (fds[0], fds[1]) : (-1, -1);
        return rc == 0;
    }

    internal static int Receive(int fd, Span<byte> buffer, int flags, out int errno)
    {
        // Safety: the span is pinned for the call and its own length bounds what the kernel writes.
        fixed (byte* p = buffer)
        {
            nint n;
            do
            {
                n = Libc.recv(fd, p, (nuint)buffer.Length, flags);
                errno = FailureNow(n);
            }
            while (errno == Errno.EINTR);
            return (int)n;
        }
    }

    internal static int Send(int fd, ReadOnlySpan<byte> bytes, out int errno)
    {
        // Safety: the span is pinned for the call and only read, up to its own length.
        fixed (byte* p = bytes)
        {
            nint n;
            do
            {
                n = Libc.send(fd, p, (nuint)bytes.Length, MSG_NOSIGNAL);
                errno = FailureNow(n);
            }
            while (errno == Errno.EINTR);
            return (int)n;
        }
    }

    internal static int SendGathered(int fd, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, out int errno)
    {
        // Safety: both spans stay pinned and the vectors and header live on this stack frame until the call returns.
        fixed (byte* a = first)
        fixed (byte* b = second)
        {
            Libc.IoVector* vectors = stackalloc Libc.IoVector[2];
            vectors[0] = new Libc.IoVector { Base = a, Length = (nuint)first.Length };
            vectors[1] = new Libc.IoVector { Base = b, Length = (nuint)second.Length };
            Libc.MessageHeader header = default;
            header.Vectors = vectors;
            header.VectorCount = 2;
            nint n;
            do
            {
                n = Libc.sendmsg(fd, &header, MSG_NOSIGNAL);
                errno = FailureNow(n);
            }
            while (errno == Errno.EINTR);
            return (int)n;
        }
    }

    internal static int ReceiveFrom(int fd, Span<byte> buffer, out NetAddress from, out int errno)
    {
        Span<byte> native = stackalloc byte[NativeAddress.SizeMax];
        uint length = NativeAddress.SizeMax;
        // Safety: buffer and address are pinned; their lengths bound what the kernel writes.
        fixed (byte* p = buffer)
        fixed (byte* a = native)
        {
            nint n;
            do
            {
                n = Libc.recvfrom(fd, p, (nuint)buffer.Length, 0, a, &length);
                errno = Failure(n);
            }
            while (errno == Errno.EINTR);
            from = n >= 0 ? NativeAddress.Read(native[..Math.Min((int)length, native.Length)]) : default;
            return (int)n;
        }
    }

    internal static int SendTo(int fd, ReadOnlySpan<byte> bytes, in NetAddress to, out int errno)
    {
        Span<byte> native = stackalloc byte[NativeAddress.SizeMax];
        int length = NativeAddress.Write(to, native);
        // Safety: both spans are pinned for the call and only read.
        fixed (byte* p = bytes)
        fixed (byte* a = native)
        {
            nint n;
            do
            {
                n = Libc.sendto(fd, p, (nuint)bytes.Length, MSG_NOSIGNAL, length == 0 ? null : a, (uint)length);
                errno = Failure(n);
            }
            while (errno == Errno.EINTR);
            return (int)n;
        }
    }

    internal static int Bind(int fd, in NetAddress address)
    {
        Span<byte> native = stackalloc byte[NativeAddress.SizeMax];
        int length = NativeAddress.Write(address, native);
        if (length == 0)
        {
            return Errno.EINVAL;
        }

        // Safety: the address is pinned for the call and only read.
        fixed (byte* a = native)
        {
            return Failure(Libc.bind(fd, a, (uint)length));
        }
    }

    internal static int Listen(int fd, int backlog) => Failure(Libc.listen(fd, backlog));

    /// <summary>0 when connected at once, EINPROGRESS when under way, else the error.</summary>
    internal static int Connect(int fd, in NetAddress address)
    {
        Span<byte> native = stackalloc byte[NativeAddress.SizeMax];
        int length = NativeAddress.Write(address, native);
        if (length == 0)
        {
            return Errno.EINVAL;
        }

        // Safety: the address is pinned for the call and only read.
        fixed (byte* a = native)
        {
            int errno = Failure(Libc.connect(fd, a, (uint)length));
            // An interrupted connect goes on in the background, exactly as one in progress.
            return errno == Errno.EINTR ? Errno.EINPROGRESS : errno;
        }
    }

    internal static int Accept(int fd, out NetAddress remote, out int errno)
    {
        Span<byte> native = stackalloc byte[NativeAddress.SizeMax];
        uint length = NativeAddress.SizeMax;
        // Safety: the address is pinned; its length bounds what the kernel writes.
        fixed (byte* a = native)
        {
            int accepted;
            do
            {
                accepted = Libc.accept4(fd, a, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
                errno = Failure(accepted);
            }
            while (errno == Errno.EINTR);
            remote = accepted >= 0 ? NativeAddress.Read(native[..Math.Min((int)length, native.Length)]) : default;
            return accepted;
        }
    }

    internal static NetAddress LocalAddress(int fd)
    {
        Span<byte> native = stackalloc byte[NativeAddress.SizeMax];
        uint length = NativeAddress.SizeMax;
        // Safety: the address is pinned; its length bounds what the kernel writes.
        fixed (byte* a = native)
        {
            return Libc.getsockname(fd, a, &length) == 0 ? NativeAddress.Read(native[..Math.Min((int)length, native.Length)]) : default;
        }
    }

    internal static NetAddress RemoteAddress(int fd)
    {
        Span<byte> native = stackalloc byte[NativeAddress.SizeMax];
        uint length = NativeAddress.SizeMax;
        // Safety: the address is pinned; its length bounds what the kernel writes.
        fixed (byte* a = native)
        {
            return Libc.getpeername(fd, a, &length) == 0 ? NativeAddress.Read(native[..Math.Min((int)length, native.Length)]) : default;
        }
    }

    /// <summary>The destination before NAT, from connection tracking; false when the connection was not redirected.</summary>
    internal static bool TryGetOriginalDestination(int fd, bool v6, out NetAddress address)
    {
        Span<byte> native = stackalloc byte[NativeAddress.SizeMax];
        uint length = v6 ? 28u : 16u;
        // Safety: the address is pinned and the length given is within it.
        fixed (byte* a = native)
        {
            int rc = v6
                ? Libc.getsockopt(fd, SocketOption.IPPROTO_IPV6, SocketOption.IP6T_SO_ORIGINAL_DST, a, &length)
                : Libc.getsockopt(fd, SocketOption.IPPROTO_IP, SocketOption.SO_ORIGINAL_DST, a, &length);
            address = rc == 0 ? NativeAddress.Read(native[..(int)length]) : default;
            return rc == 0;
        }
    }

    internal static int SetOption(int fd, int level, int name, int value)
    {
        // Safety: the option is an int on this stack frame.
        return Failure(Libc.setsockopt(fd, level, name, &value, sizeof(int)));
    }

    internal static int SetOption(int fd, int level, int name, ReadOnlySpan<byte> value)
    {
        // Safety: the span is pinned for the call and only read.
        fixed (byte* p = value)
        {
            return Failure(Libc.setsockopt(fd, level, name, p, (uint)value.Length));
        }
    }

    internal static int GetOption(int fd, int level, int name, out int value)
    {
        int got = 0;
        uint length = sizeof(int);
        // Safety: the option is an int on this stack frame and the length says so.
        int errno = Failure(Libc.getsockopt(fd, level, name, &got, &length));
        value = got;
        return errno;
    }

    /// <summary>The error of an asynchronous connect, or of a connection that broke; 0 when there is none.</summary>
    internal static int TakeError(int fd)
    {
        int errno = GetOption(fd, SocketOption.SOL_SOCKET, SocketOption.SO_ERROR, out int value);
        return errno != 0 ? errno : value;
    }

    /// <summary>Makes the next close send RST and drop what is unsent.</summary>
    internal static void LingerZero(int fd)
    {
        ReadOnlySpan<int> linger = [1, 0];
        SetOption(fd, SocketOption.SOL_SOCKET, SocketOption.SO_LINGER, MemoryMarshal.AsBytes(linger));
    }

    internal static int Shutdown(int fd) => Failure(Libc.shutdown(fd, SHUT_WR));

    // The descriptor is gone even when close reports an error, so there is nothing to handle.
    internal static void Close(int fd) => Libc.close(fd);

    private static int Open(int family, int type, out int errno, int protocol = 0)
    {
        int fd = Libc.socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
        errno = Failure(fd);
        return fd;
    }

    // For calls whose import does not keep errno: nothing may come between the call and this.
    private static int FailureNow(nint result) => result < 0 ? Marshal.GetLastSystemError() : 0;

    private static int Failure(nint result) => result < 0 ? Marshal.GetLastPInvokeError() : 0;
}
