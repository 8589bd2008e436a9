using Pilotfish.Runtime.Buffers;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Tcp;

/// <summary>
/// Moves bytes one way until the source ends, then half-closes the destination. Two plain sockets are spliced in the kernel;
/// anything else is copied through one buffer, which an idle direction does not hold. A slow destination stops the reading:
/// nothing is buffered beyond one buffer and the kernel's.
/// </summary>
internal static class BytePump
{
    // Large enough that a bulk flow costs few system calls, small enough to stay in the second-level cache.
    private const int CopyBytes = BufferPool.LargeBytes;

    public static ValueTask<PumpResult> RunAsync(IByteStream source, IByteStream destination, TransferProgress progress) =>
        source is SocketStream from && destination is SocketStream to
            ? SpliceAsync(from, to, progress)
            : CopyAsync(source, destination, progress);

    private static async ValueTask<PumpResult> SpliceAsync(SocketStream source, SocketStream destination, TransferProgress progress)
    {
        SpliceResult result = await source.SpliceToAsync(destination, SpliceBudget.Default, progress);
        switch (result.End)
        {
            case SpliceEnd.SourceEnded:
                destination.ShutdownSend();
                return default;
            case SpliceEnd.NoPipe:
                return await CopyAsync(source, destination, progress);
            case SpliceEnd.SourceFailed:
                return new PumpResult(result.Error, SourceFailed: true);
            default:
                return new PumpResult(result.Error, SourceFailed: false);
        }
    }

    private static async ValueTask<PumpResult> CopyAsync(IByteStream source, IByteStream destination, TransferProgress progress)
    {
        while (true)
        {
            IoResult ready = await source.ReceiveAsync(Memory<byte>.Empty);
            if (!ready.IsOk)
            {
                return new PumpResult(ready.Error, SourceFailed: true);
            }

            PooledBuffer buffer = source.Loop.Buffers.Rent(CopyBytes);
            (PumpResult result, bool isOver) = await CopyBurstAsync(source, destination, buffer, progress);
            buffer.Return();
            if (isOver)
            {
                return result;
            }
        }
    }

    /// <summary>Copies while bytes are there without waiting; gives the buffer back when the source pauses.</summary>
    private static async ValueTask<(PumpResult Result, bool IsOver)> CopyBurstAsync(
        IByteStream source, IByteStream destination, PooledBuffer buffer, TransferProgress progress)
    {
        while (true)
        {
            IoResult received = source.TryReceive(buffer.Span);
            if (received.IsWouldBlock)
            {
                return (default, false);
            }

            if (!received.IsOk)
            {
                return (new PumpResult(received.Error, SourceFailed: true), true);
            }

            if (received.IsEnd)
            {
                destination.ShutdownSend();
                return (default, true);
            }

            ValueTask<IoResult> sending = destination.SendAsync(buffer.Memory[..received.Bytes]);
            bool waits = !sending.IsCompleted;
            if (waits)
            {
                progress.Pause();
            }

            IoResult sent = await sending;
            if (!sent.IsOk)
            {
                return (new PumpResult(sent.Error, SourceFailed: false), true);
            }

            if (waits)
            {
                progress.Resume();
            }

            progress.Add(received.Bytes, source.Loop.NowMilliseconds);

            // One buffer per turn and direction: a bulk flow must not hold its neighbours up.
            await source.Loop.YieldAsync();
        }
    }
}
