using CsCheck;
using Pilotfish.Proxy.Http2;
using Pilotfish.Runtime.Buffers;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http2;

public sealed class ByteQueueTests
{
    private const int PieceMax = 80_000;
    private const int Period = 251;

    private static readonly byte[] s_bytes = [.. Enumerable.Range(0, PieceMax + Period).Select(static i => (byte)(i % Period))];

    /// <summary>Whatever comes and goes, in whatever pieces: the bytes are those that came, and the buffer is little more than what waits at most.</summary>
    [Fact]
    public void Queue_AnyTraffic_KeepsItsBytesInLittleMore() =>
        Gen.Select(Gen.Int[1, PieceMax], Gen.Int[0, 100]).List[1, 60].Sample(static steps =>
        {
            var pool = new BufferPool();
            var queue = default(ByteQueue);
            long came = 0;
            long gone = 0;
            long capacityMax = 0;
            foreach ((int bytes, int percent) in steps)
            {
                queue.Append(pool, s_bytes.AsSpan((int)(came % Period), bytes));
                came += bytes;
                capacityMax = Math.Max(capacityMax, Capacity(queue.Length));
                Assert.InRange(queue.Capacity, queue.Length, capacityMax);
                Assert.Equal(came - gone, queue.Length);
                Assert.True(IsPart(queue.Unread, gone), "The bytes are others than those that came.");
                int taken = (int)((long)queue.Length * percent / 100);
                queue.Consume(taken);
                gone += taken;
                Assert.Equal(queue.Capacity, pool.RentedBytes);
            }

            queue.Release();
            Assert.Equal(0, pool.RentedCount);
        }, iter: 200);

    // Part of an endless text that repeats itself, from a position on.
    private static bool IsPart(ReadOnlySpan<byte> bytes, long position)
    {
        for (int at = 0; at < bytes.Length; at += PieceMax)
        {
            ReadOnlySpan<byte> piece = bytes[at..Math.Min(bytes.Length, at + PieceMax)];
            if (!piece.SequenceEqual(s_bytes.AsSpan((int)((position + at) % Period), piece.Length)))
            {
                return false;
            }
        }

        return true;
    }

    // Growing for a last byte doubles what is small and adds a quarter to what is large; small buffers come in classes.
    private static long Capacity(int length) =>
        length <= BufferPool.HugeBytes / 2 ? BufferPool.HugeBytes : Math.Max(2 * BufferPool.HugeBytes, (long)length + (length / 4));
}
