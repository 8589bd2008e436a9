using Pilotfish.Runtime.Interop;

namespace Pilotfish.Runtime.Sockets;

/// <summary>
/// Empty kernel pipes for splice, per loop. A flow holds one only while bytes are inside, so the number of pipes follows the flows
/// that are blocked on their receiver, not the open connections.
/// </summary>
internal sealed class PipePool : IDisposable
{
    /// <summary>Per pipe. 256 KiB moves a full socket buffer at once; the kernel charges pages only for what is inside.</summary>
    internal const int CapacityBytes = 256 * 1024;

    /// <summary>Free pipes kept: two descriptors each.</summary>
    private const int KeepMax = 32;

    private readonly Stack<Pipe> _free = new();

    internal bool TryRent(out Pipe pipe, out int errno)
    {
        errno = 0;
        if (_free.TryPop(out pipe))
        {
            return true;
        }

        bool opened = PipeCalls.TryOpen(CapacityBytes, out int readEnd, out int writeEnd, out errno);
        pipe = new Pipe(readEnd, writeEnd);
        return opened;
    }

    /// <summary>Takes back a pipe; one that still holds bytes is closed.</summary>
    internal void Return(Pipe pipe, bool isEmpty)
    {
        if (isEmpty && _free.Count < KeepMax)
        {
            _free.Push(pipe);
        }
        else
        {
            PipeCalls.Close(pipe.ReadEnd, pipe.WriteEnd);
        }
    }

    public void Dispose()
    {
        while (_free.TryPop(out Pipe pipe))
        {
            PipeCalls.Close(pipe.ReadEnd, pipe.WriteEnd);
        }
    }

    internal readonly record struct Pipe(int ReadEnd, int WriteEnd);
}
