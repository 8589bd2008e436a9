using System.Text;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Runtime.Buffers;
using Xunit;

namespace Pilotfish.Proxy.Tests.AsyncClient;

public sealed class GrpcMessageReaderTests
{
    [Fact]
    public void Messages_SplitAtAnyOffset_AreTheSame()
    {
        byte[] body = [0, 0, 0, 0, 2, .. "ab"u8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4, .. Enumerable.Repeat((byte)'x', 260), 0, 0, 0, 0, 1, (byte)'z'];
        for (int split = 0; split <= body.Length; split++)
        {
            var pool = new BufferPool();
            var reader = new GrpcMessageReader(260);
            var read = new List<string>();
            Feed(ref reader, pool, body.AsSpan(0, split), read);
            Feed(ref reader, pool, body.AsSpan(split), read);
            Assert.Equal(["ab", "", new string('x', 260), "z"], read);
            Assert.True(reader.IsEmpty);
            Assert.Equal(0, pool.RentedCount);
        }
    }

    [Fact]
    public void LargeClaim_TakesNoMemory_UntilBytesCome()
    {
        var pool = new BufferPool();
        var reader = new GrpcMessageReader(int.MaxValue);
        reader.Append(pool, [0, 0x7F, 0xFF, 0xFF, 0xFF]);
        Assert.False(reader.TryPeek(out _, out GrpcFrameFault fault));
        Assert.Equal((GrpcFrameFault.None, 1), (fault, pool.RentedCount));
        reader.Release();
        Assert.Equal(0, pool.RentedCount);
    }

    private static void Feed(ref GrpcMessageReader reader, BufferPool pool, ReadOnlySpan<byte> bytes, List<string> read)
    {
        reader.Append(pool, bytes);
        while (reader.TryPeek(out ReadOnlySpan<byte> message, out GrpcFrameFault fault))
        {
            Assert.Equal(GrpcFrameFault.None, fault);
            read.Add(Encoding.ASCII.GetString(message));
            reader.Consume(message.Length);
        }
    }
}
