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

    [Fact]
    public void Parts_SplitAtAnyOffset_MakeTheSameMessages()
    {
        byte[] body = [0, 0, 0, 0, 2, .. "ab"u8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4, .. Enumerable.Repeat((byte)'x', 260), 0, 0, 0, 0, 1, (byte)'z'];
        for (int split = 0; split <= body.Length; split++)
        {
            var pool = new BufferPool();
            var reader = new GrpcMessageReader(260);
            var read = new List<string> { "" };
            FeedParts(ref reader, pool, body.AsSpan(0, split), read);
            FeedParts(ref reader, pool, body.AsSpan(split), read);
            Assert.Equal(["ab", "", new string('x', 260), "z", ""], read);
            Assert.True(reader.IsEmpty);
            Assert.Equal(0, pool.RentedCount);
        }
    }

    [Fact]
    public void Parts_OfAMessageThatIsCutOff_LeaveTheReaderNotEmpty()
    {
        var pool = new BufferPool();
        var reader = new GrpcMessageReader(10);
        FeedParts(ref reader, pool, [0, 0, 0, 0, 3, (byte)'a'], [""]);
        Assert.False(reader.IsEmpty);
        Assert.Equal(0, pool.RentedCount);
        reader.Release();
        Assert.True(reader.IsEmpty);
    }

    [Fact]
    public void Parts_OfAMessageAboveTheBound_AreRefusedByItsPrefix()
    {
        var reader = new GrpcMessageReader(10);
        reader.Append(new BufferPool(), [0, 0, 0, 0, 11, (byte)'a']);
        Assert.False(reader.TryPeekPart(out _, out _, out GrpcFrameFault fault));
        Assert.Equal(GrpcFrameFault.TooLarge, fault);
    }

    private static void FeedParts(ref GrpcMessageReader reader, BufferPool pool, ReadOnlySpan<byte> bytes, List<string> read)
    {
        reader.Append(pool, bytes);
        while (reader.TryPeekPart(out ReadOnlySpan<byte> part, out bool end, out GrpcFrameFault fault))
        {
            Assert.Equal(GrpcFrameFault.None, fault);
            read[^1] += Encoding.ASCII.GetString(part);
            reader.ConsumePart(part.Length);
            if (end)
            {
                read.Add("");
            }
        }
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
