using System.Runtime.InteropServices;

namespace Pilotfish.Runtime.Interop;

/// <summary>
/// An exclusive flock(2) on a folder itself: no file is made, links and other spellings of the path meet the same lock, and the kernel
/// lets go of it with the process, after SIGKILL too. Any thread.
/// </summary>
public sealed class FolderLock : IDisposable
{
    private const int LOCK_EX = 2;
    private const int LOCK_NB = 4;

    private int _fd;

    private FolderLock(int fd) => _fd = fd;

    /// <summary>Null when somebody holds it. A file system without locks gives a lock that keeps nobody out.</summary>
    /// <exception cref="IOException">The folder cannot be opened.</exception>
    public static FolderLock? TryTake(string path)
    {
        int fd = FileCalls.OpenFolder(path, out int errno);
        if (fd < 0)
        {
            throw new IOException($"The folder '{path}' cannot be opened: {Marshal.GetPInvokeErrorMessage(errno)}.");
        }

        if (NamespaceLibc.flock(fd, LOCK_EX | LOCK_NB) != 0 && Marshal.GetLastPInvokeError() == Errno.EAGAIN)
        {
            _ = Libc.close(fd);
            return null;
        }

        return new FolderLock(fd);
    }

    public void Dispose()
    {
        int fd = Interlocked.Exchange(ref _fd, -1);
        if (fd >= 0)
        {
            _ = Libc.close(fd);
        }
    }
}
