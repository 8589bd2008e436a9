using Pilotfish.Runtime.Interop;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Sockets;

/// <summary>
/// The splice loop: socket to pipe, pipe to socket. The pipe is emptied before it is filled again, so EAGAIN on the first half
/// means that the source is dry, and the pipe is on loan only while bytes are on their way.
/// </summary>
internal static class SpliceTransfer
{
    internal static async ValueTask<SpliceResult> RunAsync(
        SocketStream source, SocketStream destination, SpliceBudget budget, TransferProgress? progress)
    {
        EventLoop loop = source.Loop;
        long total = 0;
        int left = budget.BytesPerTurn;
        while (true)
        {
            if (!loop.Pipes.TryRent(out PipePool.Pipe pipe, out int errno))
            {
                return new SpliceResult(total, SpliceEnd.NoPipe, Errno.ToIoError(errno));
            }

            int taken = Fill(source, pipe, Math.Min(left, PipePool.CapacityBytes), out IoError error);
            if (taken <= 0)
            {
                loop.Pipes.Return(pipe, isEmpty: true);
                if (error != IoError.WouldBlock)
                {
                    SpliceEnd end = error == IoError.None ? SpliceEnd.SourceEnded : SpliceEnd.SourceFailed;
                    return new SpliceResult(total, end, error);
                }

                IoResult readable = await source.ReceiveAsync(Memory<byte>.Empty);
                if (!readable.IsOk)
                {
                    return new SpliceResult(total, SpliceEnd.SourceFailed, readable.Error);
                }

                left = budget.BytesPerTurn;
                continue;
            }

            int held = taken;
            while (held > 0)
            {
                int sent = Drain(pipe, destination, held, out error);
                if (sent > 0)
                {
                    held -= sent;
                    total += sent;
                    progress?.Add(sent, loop.NowMilliseconds);
                    continue;
                }

                IoResult writable = IoResult.Failed(error);
                if (error == IoError.WouldBlock)
                {
                    progress?.Pause();
                    writable = await destination.WaitWritableAsync();
                }

                if (!writable.IsOk)
                {
                    loop.Pipes.Return(pipe, isEmpty: false);
                    return new SpliceResult(total, SpliceEnd.DestinationFailed, writable.Error);
                }

                progress?.Resume();
            }

            loop.Pipes.Return(pipe, isEmpty: true);
            left -= taken;
            if (left <= 0)
            {
                left = budget.BytesPerTurn;
                await loop.YieldAsync();
            }
        }
    }

    /// <summary>Bytes taken; 0 with no error at the end of the source, -1 with the error otherwise.</summary>
    private static int Fill(SocketStream source, PipePool.Pipe pipe, int bytesMax, out IoError error)
    {
        if (source.Descriptor < 0)
        {
            error = IoError.Closed;
            return -1;
        }

        int n = PipeCalls.Splice(source.Descriptor, pipe.WriteEnd, bytesMax, out int errno);
        error = IoError.None;
        if (n == 0)
        {
            source.NoteEndReceived();
        }
        else if (n < 0)
        {
            error = errno == Errno.EAGAIN ? source.NothingToReceive().Error : source.Note(errno);
        }

        return n;
    }

    private static int Drain(PipePool.Pipe pipe, SocketStream destination, int held, out IoError error)
    {
        if (destination.Descriptor < 0)
        {
            error = IoError.Closed;
            return -1;
        }

        int n = PipeCalls.Splice(pipe.ReadEnd, destination.Descriptor, held, out int errno);
        error = n > 0 ? IoError.None : n == 0 ? IoError.BrokenPipe : destination.Note(errno);
        return n;
    }
}
