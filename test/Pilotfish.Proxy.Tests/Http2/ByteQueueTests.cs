using CsCheck;
using Pilotfish.Proxy.Http2;
using Pilotfish.Runtime.Buffers;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http2;

public sealed class ByteQueueTests
{
    /// <summary>Whatever comes and goes, in whatever pieces: the bytes are those that came, and the buffer is little more than what waits at most.</summary>
    [Fact]
    public void Queue_AnyTraffic_KeepsItsBytesInLittleMore() =>
        Gen.Select(Gen.Int[1, 80_000], Gen.Int[0, 100]).List[1, 60].Sample(static steps =>
        {
            var pool = new BufferPool();
            var queue = default(ByteQueue);
            var model = new Queue<byte>();
            byte next = 0;
            long capacityMax = 0;
            foreach ((int bytes, int percent) in steps)
            {
                byte[] piece = new byte[bytes];
                for (int i = 0; i < bytes; i++)
                {
                    piece[i] = next++;
                    model.Enqueue(piece[i]);
                }

                queue.Append(pool, piece);
                capacityMax = Math.Max(capacityMax, Capacity(queue.Length));
                Assert.InRange(queue.Capacity, queue.Length, capacityMax);
                int taken = (int)((long)queue.Length * percent / 100);
                foreach (byte b in queue.Unread[..taken])
                {
                    Assert.Equal(model.Dequeue(), b);
                }

                queue.Consume(taken);
                Assert.Equal(model.Count, queue.Length);
                Assert.Equal(queue.Capacity, pool.RentedBytes);
            }

            Assert.True(queue.Unread.SequenceEqual(model.ToArray()));
            queue.Release();
            Assert.Equal(0, pool.RentedCount);
        }, iter: 300);

    // Growing for a last byte doubles what is small and adds a quarter to what is large; small buffers come in classes.
    private static long Capacity(int length) =>
        length <= BufferPool.HugeBytes / 2 ? BufferPool.HugeBytes : Math.Max(2 * BufferPool.HugeBytes, (long)length + (length / 4));
}
