using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Pilotfish.Runtime.Interop;

/// <summary>One epoll instance, its wake-up eventfd, and the batch of events of the last wait. Loop-affine except <see cref="Wake"/>.</summary>
internal sealed unsafe class Epoll : IDisposable
{
    internal const uint EPOLLIN = 0x1;
    internal const uint EPOLLOUT = 0x4;
    internal const uint EPOLLERR = 0x8;
    internal const uint EPOLLHUP = 0x10;
    internal const uint EPOLLRDHUP = 0x2000;
    internal const uint EPOLLET = 1u << 31;

    /// <summary>The key of the wake-up descriptor; slots never reach it.</summary>
    internal const ulong WakeKey = ulong.MaxValue;

    private const int EPOLL_CTL_ADD = 1;
    private const int EPOLL_CTL_DEL = 2;
    private const int EPOLL_CLOEXEC = 0x80000;
    private const int EFD_NONBLOCK = 0x800;
    private const int EFD_CLOEXEC = 0x80000;

    // struct epoll_event is packed on x86-64 alone: 4 bytes of events, then 8 of data.
    private static readonly bool s_packed = RuntimeInformation.ProcessArchitecture == Architecture.X64;
    private static readonly int s_stride = s_packed ? 12 : 16;
    private static readonly int s_dataOffset = s_packed ? 4 : 8;

    private readonly int _epoll;
    private readonly int _wake;
    private readonly byte[] _batch;
    private readonly int _batchEvents;
    private bool _disposed;

    internal Epoll(int batchEvents)
    {
        _batchEvents = batchEvents;
        // Pinned: the pointer is taken on every turn, and this array lives as long as the loop.
        _batch = GC.AllocateArray<byte>(batchEvents * s_stride, pinned: true);
        _epoll = Libc.epoll_create1(EPOLL_CLOEXEC);
        _wake = _epoll < 0 ? -1 : Libc.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (_wake < 0 || Add(_wake, EPOLLIN | EPOLLET, WakeKey) != 0)
        {
            throw new IOException($"An event loop needs two file descriptors and could not get them: {Marshal.GetLastPInvokeErrorMessage()}.");
        }
    }

    /// <summary>0 or the error number.</summary>
    internal int Add(int fd, uint events, ulong key)
    {
        byte* ev = stackalloc byte[16];
        Unsafe.WriteUnaligned(ev, events);
        Unsafe.WriteUnaligned(ev + s_dataOffset, key);
        // Safety: the event is on this stack frame, laid out for this architecture; the kernel copies it.
        return Libc.epoll_ctl(_epoll, EPOLL_CTL_ADD, fd, ev) == 0 ? 0 : Marshal.GetLastPInvokeError();
    }

    internal void Remove(int fd)
    {
        byte* ev = stackalloc byte[16];
        // Safety: the event is ignored but must be readable on old kernels; it is on this stack frame.
        _ = Libc.epoll_ctl(_epoll, EPOLL_CTL_DEL, fd, ev);
    }

    /// <summary>Waits for events; returns how many are in the batch (0 on time-out or signal).</summary>
    internal int Wait(int timeoutMilliseconds)
    {
        // Safety: the batch is a pinned array of batchEvents * stride bytes, which is what the kernel may fill.
        void* events = Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_batch));
        int n = Libc.epoll_wait(_epoll, events, _batchEvents, timeoutMilliseconds);
        if (n >= 0)
        {
            return n;
        }

        int errno = Marshal.GetLastSystemError();
        return errno == Errno.EINTR ? 0 : throw new IOException($"epoll_wait failed: {Marshal.GetPInvokeErrorMessage(errno)}.");
    }

    internal uint EventsAt(int index) => Unsafe.ReadUnaligned<uint>(ref _batch[index * s_stride]);

    internal ulong KeyAt(int index) => Unsafe.ReadUnaligned<ulong>(ref _batch[(index * s_stride) + s_dataOffset]);

    /// <summary>Ends the current or next wait. Any thread.</summary>
    internal void Wake()
    {
        ulong one = 1;
        // Safety: eight bytes of this stack frame are read. EAGAIN means the counter is full, hence a wake-up is pending already.
        _ = Libc.write(_wake, &one, sizeof(ulong));
    }

    // The wake-up descriptor is edge-triggered: each write is a new edge, so the counter never needs to be read.

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _ = Libc.close(_wake);
        _ = Libc.close(_epoll);
    }
}
