using CsCheck;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Tests.Sockets;
using Pilotfish.Testing;

namespace Pilotfish.Runtime.Tests.Streams;

public sealed class MemoryStreamPairTests
{
    [Fact]
    public void Pair_AnySizes_DeliversTheSameBytes() =>
        Gen.Select(Gen.Int[1, 50], Gen.Int[1, 60], Gen.Int[0, 500], Gen.Int[0, 500]).Sample(sizes => LoopRunner.Run(async loop =>
        {
            (int capacity, int chunk, int first, int second) = sizes;
            (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop, capacityBytes: capacity);
            Task<byte[]> reading = SocketStreamTests.ReadToEnd(b, chunk);
            Assert.Equal(first + second, (await a.SendAsync(SocketStreamTests.Bytes(first), SocketStreamTests.Bytes(second))).Bytes);
            a.ShutdownSend();
            byte[] expected = [.. SocketStreamTests.Bytes(first), .. SocketStreamTests.Bytes(second)];
            Assert.Equal(expected, await reading);
            a.Close();
            b.Close();
            Assert.Equal(0, loop.Buffers.RentedCount);
        }), iter: 200);

    [Fact]
    public void Pair_Addresses_Mirror() => LoopRunner.Run(loop =>
    {
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop, NetAddress.Loopback(1), NetAddress.Loopback(2));
        Assert.Equal(a.LocalAddress, b.RemoteAddress);
        Assert.Equal(b.LocalAddress, a.RemoteAddress);
        return Task.CompletedTask;
    });

    [Fact]
    public void Close_PeerReceives_SeesBytesThenEnd() => LoopRunner.Run(async loop =>
    {
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
        a.TrySend([1, 2, 3]);
        a.Close();
        byte[] buffer = new byte[10];
        Assert.Equal(3, (await b.ReceiveAsync(buffer)).Bytes);
        Assert.True((await b.ReceiveAsync(buffer)).IsEnd);
        Assert.Equal(IoError.BrokenPipe, b.TrySend([1]).Error);
        Assert.Equal(IoError.Closed, a.TrySend([1]).Error);
    });

    [Fact]
    public void Reset_PeerReceives_FailsAndUnreadBytesAreGone() => LoopRunner.Run(async loop =>
    {
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
        a.TrySend([1, 2, 3]);
        a.Reset();
        Assert.Equal(IoError.ConnectionReset, (await b.ReceiveAsync(new byte[10])).Error);
        b.Close();
        Assert.Equal(0, loop.Buffers.RentedCount);
    });

    [Fact]
    public void Cancel_Pending_ContinuesLaterInTheTurn() => LoopRunner.Run(async loop =>
    {
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop, capacityBytes: 4);
        ValueTask<IoResult> receiving = b.ReceiveAsync(new byte[4]);
        b.CancelReceive();
        Assert.Equal(IoError.Canceled, (await receiving).Error);
        ValueTask<IoResult> sending = a.SendAsync(new byte[100]);
        a.CancelSend();
        Assert.Equal(IoError.Canceled, (await sending).Error);
        receiving = a.ReceiveAsync(new byte[4]);
        a.Close();
        Assert.Equal(IoError.Closed, (await receiving).Error);
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void PeerCloseObserver_NobodyReceives_IsToldOnce(bool reset) => LoopRunner.Run(async loop =>
    {
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
        var observer = new Observer();
        b.PeerCloseObserver = observer;
        if (reset)
        {
            a.Reset();
        }
        else
        {
            a.ShutdownSend();
        }

        await loop.YieldAsync();
        await loop.YieldAsync();
        b.PeerCloseObserver = observer;
        await loop.YieldAsync();
        await loop.YieldAsync();
        Assert.Equal([reset], observer.Calls);
    });

    [Fact]
    public void Faulty_OneByteAtATime_DeliversTheSameBytes() => LoopRunner.Run(async loop =>
    {
        (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
        var faulty = new FaultyByteStream(b, new FaultScript { ReceiveBytesMax = 1, ReceiveSizes = [3, 2] });
        a.TrySend(SocketStreamTests.Bytes(100));
        byte[] buffer = new byte[50];
        Assert.Equal(3, (await faulty.ReceiveAsync(buffer)).Bytes);
        Assert.Equal(2, faulty.TryReceive(buffer).Bytes);
        Assert.Equal(1, faulty.TryReceive(buffer).Bytes);
        a.ShutdownSend();
        Assert.Equal(SocketStreamTests.Bytes(100)[6..], await SocketStreamTests.ReadToEnd(faulty, 50));
    });

    [Fact]
    public void Faulty_ResetByScript_HappensAtTheExactByte() => LoopRunner.Run(async loop =>
    {
        for (int at = 0; at < 5; at++)
        {
            (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
            var faulty = new FaultyByteStream(a, new FaultScript { ResetAfterSentBytes = at });
            Assert.Equal(IoError.ConnectionReset, (await faulty.SendAsync(new byte[5])).Error);
            Assert.Equal(at, faulty.SentBytes);
            Assert.Equal(IoError.ConnectionReset, (await b.ReceiveAsync(new byte[5])).Error);

            (a, b) = MemoryStreamPair.Create(loop);
            faulty = new FaultyByteStream(b, new FaultScript { ResetAfterReceivedBytes = at });
            a.TrySend(new byte[5]);
            IoResult result;
            do
            {
                result = await faulty.ReceiveAsync(new byte[5]);
            }
            while (result.IsOk);
            Assert.Equal(IoError.ConnectionReset, result.Error);
            Assert.Equal(at, faulty.ReceivedBytes);
        }
    });

    [Fact]
    public void Faulty_Delay_FollowsTheLoopsClock()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            (IByteStream a, IByteStream b) = MemoryStreamPair.Create(loop);
            var faulty = new FaultyByteStream(b, new FaultScript { ReceiveDelayMilliseconds = 100 });
            a.TrySend([1]);
            ValueTask<IoResult> pending = faulty.ReceiveAsync(new byte[1]);
            await loop.YieldAsync();
            Assert.False(pending.IsCompleted);
            clock.AdvanceMilliseconds(100);
            Assert.Equal(1, (await pending).Bytes);
        });
    }

    private sealed class Observer : IPeerCloseObserver
    {
        public List<bool> Calls { get; } = [];

        public void OnPeerClosed(bool reset) => Calls.Add(reset);
    }
}
