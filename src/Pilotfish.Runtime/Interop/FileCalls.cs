using System.Runtime.InteropServices;
using System.Text;

namespace Pilotfish.Runtime.Interop;

/// <summary>The few file system calls that .NET's own do not offer in the needed form.</summary>
internal static unsafe class FileCalls
{
    private const int O_WRONLY = 1;
    private const int O_CREAT = 0x40;
    private const int O_APPEND = 0x400;
    private const int O_DIRECTORY = 0x10000;
    private const int O_CLOEXEC = 0x80000;
    private const short POLLOUT = 4;
    private const int WaitMilliseconds = 1000;
    private const int AT_FDCWD = -100;
    private const uint STATX_BASIC_STATS = 0x7ff;
    private const int StatxBytes = 256;
    private const uint NewFileMode = 0x1a4; // rw-r--r--

    internal static int ChangeMode(string path, int mode)
    {
        byte[] name = Terminated(path);
        // Safety: the name is pinned and ends with NUL.
        fixed (byte* p = name)
        {
            return Libc.chmod(p, (uint)mode) == 0 ? 0 : Marshal.GetLastPInvokeError();
        }
    }

    /// <summary>Which file the path leads to and what state it is in, through symbolic links; false when it leads nowhere.</summary>
    internal static bool TryStat(string path, out ulong inode, out ulong device, out long length, out long modifiedNanoseconds)
    {
        byte[] name = Terminated(path);
        Span<byte> result = stackalloc byte[StatxBytes];
        int error;
        // Safety: both are pinned; the name ends with NUL and the kernel writes at most its 256-byte struct statx.
        fixed (byte* p = name, into = result)
        {
            error = Libc.statx(AT_FDCWD, p, 0, STATX_BASIC_STATS, into);
        }

        // struct statx: stx_ino at 32, stx_size at 40, stx_mtime at 112, stx_dev_major and stx_dev_minor at 136.
        inode = BitConverter.ToUInt64(result[32..]);
        length = BitConverter.ToInt64(result[40..]);
        modifiedNanoseconds = (BitConverter.ToInt64(result[112..]) * 1_000_000_000) + BitConverter.ToUInt32(result[120..]);
        device = BitConverter.ToUInt64(result[136..]);
        return error == 0;
    }

    internal static void Unlink(string path)
    {
        byte[] name = Terminated(path);
        // Safety: the name is pinned and ends with NUL. A missing file is what the caller wants anyway.
        fixed (byte* p = name)
        {
            _ = Libc.unlink(p);
        }
    }

    /// <summary>Opens for appending, creating it; -1 on failure.</summary>
    internal static int OpenAppend(string path, out int errno)
    {
        byte[] name = Terminated(path);
        // Safety: the name is pinned and ends with NUL.
        fixed (byte* p = name)
        {
            int fd = Libc.open(p, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, NewFileMode);
            errno = fd < 0 ? Marshal.GetLastPInvokeError() : 0;
            return fd;
        }
    }

    /// <summary>Opens a folder for reading; -1 on failure.</summary>
    internal static int OpenFolder(string path, out int errno)
    {
        byte[] name = Terminated(path);
        // Safety: the name is pinned and ends with NUL.
        fixed (byte* p = name)
        {
            int fd = Libc.open(p, O_DIRECTORY | O_CLOEXEC, 0);
            errno = fd < 0 ? Marshal.GetLastPInvokeError() : 0;
            return fd;
        }
    }

    /// <summary>Blocks until something is written; -1 on failure.</summary>
    internal static int Write(int fd, ReadOnlySpan<byte> bytes, out int errno)
    {
        // Safety: the span is pinned for the call and only read, up to its own length.
        fixed (byte* p = bytes)
        {
            nint n;
            do
            {
                n = Libc.write(fd, p, (nuint)bytes.Length);
                errno = n < 0 ? Marshal.GetLastPInvokeError() : 0;
            }
            while (errno == Errno.EINTR);
            return (int)n;
        }
    }

    /// <summary>Blocks until the descriptor takes bytes, fails, or a while has passed.</summary>
    internal static void WaitWritable(int fd)
    {
        var poll = new Libc.PollDescriptor { Descriptor = fd, Events = POLLOUT };
        // Safety: one entry on this stack frame is read and written.
        _ = Libc.poll(&poll, 1, WaitMilliseconds);
    }

    internal static int Duplicate(int fd) => Libc.dup(fd);

    internal static void Close(int fd) => _ = Libc.close(fd);

    /// <summary>The kernel's number of the calling thread.</summary>
    internal static int ThreadId() => Libc.gettid();

    /// <summary>Gives free heap pages back to the system.</summary>
    internal static void TrimHeap() => _ = Libc.malloc_trim(0);

    /// <summary>Unmaps the pages of a file's clean, unwritable, private mapping until they are touched again.</summary>
    internal static void DropCleanPages(nuint start, nuint length)
    {
        const int DontNeed = 4;

        // Safety: the caller gives a mapping without written pages, so the kernel finds the same bytes in the file again.
        _ = Libc.madvise((void*)start, length, DontNeed);
    }

    private static byte[] Terminated(string text)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(text) + 1];
        Encoding.UTF8.GetBytes(text, bytes);
        return bytes;
    }
}
