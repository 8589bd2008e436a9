using System.Runtime.InteropServices;

namespace Pilotfish.Runtime.Interop;

/// <summary>Kernel pipes and splice(2), which moves pages between a socket and a pipe without copying them to user space.</summary>
internal static unsafe class PipeCalls
{
    private const int O_NONBLOCK = 0x800;
    private const int O_CLOEXEC = 0x80000;
    private const int F_SETPIPE_SZ = 1031;
    private const uint SPLICE_F_MOVE = 1;
    private const uint SPLICE_F_NONBLOCK = 2;

    internal static bool TryOpen(int capacityBytes, out int readEnd, out int writeEnd, out int errno)
    {
        int* fds = stackalloc int[2];
        // Safety: the kernel writes two ints into the two that are reserved above.
        int rc = Libc.pipe2(fds, O_NONBLOCK | O_CLOEXEC);
        errno = rc < 0 ? Marshal.GetLastPInvokeError() : 0;
        (readEnd, writeEnd) = rc == 0 ? (fds[0], fds[1]) : (-1, -1);
        if (rc == 0)
        {
            // Failure (the user's pipe quota) leaves the default of 64 KiB, which works as well.
            _ = Libc.fcntl(writeEnd, F_SETPIPE_SZ, capacityBytes);
        }

        return rc == 0;
    }

    internal static int Splice(int from, int to, int bytes, out int errno)
    {
        nint n;
        do
        {
            // Safety: no pointers are passed; the kernel moves between two descriptors.
            n = Libc.splice(from, null, to, null, (nuint)bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
            errno = n < 0 ? Marshal.GetLastPInvokeError() : 0;
        }
        while (errno == Errno.EINTR);
        return (int)n;
    }

    internal static void Close(int readEnd, int writeEnd)
    {
        _ = Libc.close(readEnd);
        _ = Libc.close(writeEnd);
    }
}
