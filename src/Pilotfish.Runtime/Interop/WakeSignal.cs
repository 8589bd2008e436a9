using Microsoft.Win32.SafeHandles;

namespace Pilotfish.Runtime.Interop;

/// <summary>
/// Wakes one thread that waits, as an AutoResetEvent does, over an eventfd. The runtime's events keep their waiters in tables under a lock of the
/// whole process, in which a loop that only signals could meet any other thread's wait and sleep; here a signal is one call that never waits.
/// </summary>
internal sealed unsafe class WakeSignal : SafeHandleMinusOneIsInvalid
{
    private const int EFD_CLOEXEC = 0x80000;
    private const int EFD_NONBLOCK = 0x800;
    private const short POLLIN = 1;

    public WakeSignal()
        : base(ownsHandle: true)
    {
        int fd = Libc.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (fd < 0)
        {
            throw new IOException($"No event descriptor can be made (errno {System.Runtime.InteropServices.Marshal.GetLastPInvokeError()}).");
        }

        SetHandle(fd);
    }

    /// <summary>The present wait, or the next, ends. Any thread; does nothing after <see cref="System.Runtime.InteropServices.SafeHandle.Dispose()"/>.</summary>
    public void Set()
    {
        bool held = false;
        try
        {
            DangerousAddRef(ref held);
            ulong one = 1;
            // Safety: eight bytes of this stack frame are read, and the handle is held. EAGAIN means the counter is full: a signal is pending.
            _ = Libc.write((int)handle, &one, sizeof(ulong));
        }
        catch (ObjectDisposedException)
        {
            // Nobody waits any more.
        }
        finally
        {
            if (held)
            {
                DangerousRelease();
            }
        }
    }

    /// <summary>Waits for a signal and takes it; false when the limit has passed. One thread at a time.</summary>
    /// <param name="limit">Null waits for ever.</param>
    public bool Wait(TimeSpan? limit)
    {
        long deadline = limit is { } given ? Environment.TickCount64 + (long)Math.Ceiling(given.TotalMilliseconds) : 0;
        while (true)
        {
            ulong count;
            // Safety: eight bytes of this stack frame are written; the waiting thread disposes of the handle itself, or is waited for before.
            if (Libc.read((int)handle, &count, sizeof(ulong)) == sizeof(ulong))
            {
                return true;
            }

            long left = limit is null ? -1 : deadline - Environment.TickCount64;
            if (limit is not null && left <= 0)
            {
                return false;
            }

            var poll = new Libc.PollDescriptor { Descriptor = (int)handle, Events = POLLIN };
            // Safety: one entry on this stack frame is read and written. An interrupted call is just made again.
            _ = Libc.poll(&poll, 1, (int)Math.Min(left, int.MaxValue));
        }
    }

    protected override bool ReleaseHandle() => Libc.close((int)handle) == 0;
}
