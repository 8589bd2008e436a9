using System.Text;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Runtime.Tests.Sockets;

public sealed class SocketStreamTests
{
    private static readonly byte[] s_hello = Encoding.ASCII.GetBytes("hello, pilot fish");

    [Theory]
    [InlineData("127.0.0.1:0")]
    [InlineData("[::1]:0")]
    public void Connection_EchoedBytes_Return(string address) => LoopRunner.Run(async loop =>
    {
        (SocketStream client, SocketStream server, ListenSocket listener) = await ConnectPair(loop, NetAddress.Parse(address));
        Assert.Equal(listener.LocalAddress, client.RemoteAddress);
        Assert.Equal(client.LocalAddress, server.RemoteAddress);
        Assert.Equal(s_hello.Length, (await client.SendAsync(s_hello)).Bytes);
        byte[] buffer = new byte[100];
        IoResult received = await server.ReceiveAsync(buffer);
        Assert.Equal(s_hello, buffer[..received.Bytes]);
        await server.SendAsync(buffer.AsMemory(0, 5), buffer.AsMemory(5, received.Bytes - 5));
        byte[] back = new byte[100];
        received = await client.ReceiveAsync(back);
        Assert.Equal(s_hello, back[..received.Bytes]);
        client.ShutdownSend();
        Assert.True((await server.ReceiveAsync(buffer)).IsEnd);
        server.Close();
        Assert.True((await client.ReceiveAsync(buffer)).IsEnd);
        client.Close();
        listener.Close();
        Assert.Equal(0, loop.HandleCount);
    });

    [Fact]
    public void Connect_NobodyListens_IsRefused() => LoopRunner.Run(async loop =>
    {
        ListenSocket listener = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        NetAddress gone = listener.LocalAddress;
        listener.Close();
        SocketStream client = SocketStream.Create(loop);
        Assert.Equal(IoError.ConnectionRefused, await client.ConnectAsync(gone));
        Assert.True(client.IsClosed);
        Assert.Equal(IoError.ConnectionRefused.Describe(), client.TransportFailure);
        Assert.Equal(IoError.Closed, (await client.ReceiveAsync(new byte[1])).Error);
        Assert.Equal(IoError.Closed, (await client.SendAsync(new byte[1])).Error);
        Assert.Equal(0, loop.HandleCount);
    });

    [Theory]
    [InlineData("198.51.100.77:1", "198.51.100.1:0", IoError.AddressNotAvailable)]
    [InlineData("unix:/nonexistent/socket", null, IoError.ConnectionRefused)]
    public void Connect_Impossible_IsAValue(string remote, string? source, IoError expected) => LoopRunner.Run(async loop =>
    {
        var options = new SocketStreamOptions { Source = source is null ? default : NetAddress.Parse(source) };
        SocketStream client = SocketStream.Create(loop, options);
        Assert.Equal(expected, await client.ConnectAsync(NetAddress.Parse(remote)));
        Assert.True(client.IsClosed);
    });

    /// <summary>However large its pieces are, one stream has its share of a turn: what those who hear of it later hold is bounded by that.</summary>
    [Fact]
    public void Receive_OfMuch_LeavesTheTurnToOthers() => LoopRunner.Run(async loop =>
    {
        const int total = 8 * 1024 * 1024;
        const int piece = 64 * 1024;
        (SocketStream client, SocketStream server, ListenSocket listener) = await ConnectPair(loop, NetAddress.Loopback(0));
        ValueTask<IoResult> sending = client.SendAsync(new byte[total]);
        byte[] buffer = new byte[piece];
        long turn = 0;
        int ofTurn = 0;
        int most = 0;
        for (int received = 0; received < total;)
        {
            Assert.True((await server.ReceiveAsync(Memory<byte>.Empty)).IsOk);
            IoResult result = server.TryReceive(buffer);
            ofTurn = loop.TurnNumber == turn ? ofTurn : 0;
            turn = loop.TurnNumber;
            ofTurn += result.Bytes;
            received += result.Bytes;
            most = Math.Max(most, ofTurn);
        }

        Assert.True((await sending).IsOk);
        Assert.InRange(most, 1, SocketStream.ReceiveBytesPerTurnMax + piece);
        client.Close();
        server.Close();
        listener.Close();
    });

    [Fact]
    public void Connect_ClosedWhilePending_EndsAsClosed() => LoopRunner.Run(async loop =>
    {
        using var full = new FullBacklog();
        SocketStream client = SocketStream.Create(loop);
        ValueTask<IoError> connecting = client.ConnectAsync(full.Address);
        Assert.False(connecting.IsCompleted);
        await loop.YieldAsync();
        client.Close();
        Assert.Equal(IoError.Closed, await connecting);
        Assert.Equal(0, loop.HandleCount);
    });

    [Fact]
    public void Connect_FromASourceAddress_IsSeenByThePeer() => LoopRunner.Run(async loop =>
    {
        var options = new SocketStreamOptions { Source = NetAddress.IPv4(127, 0, 0, 6, 0), KeepAlive = new() { IdleSeconds = 30, IntervalSeconds = 5, Probes = 3 } };
        (SocketStream client, SocketStream server, ListenSocket listener) = await ConnectPair(loop, NetAddress.Loopback(0), options);
        Assert.Equal(NetAddress.IPv4(127, 0, 0, 6, client.LocalAddress.Port), server.RemoteAddress);
        CloseAll(client, server, listener);
    });

    /// <summary>The trap of edge-triggered readiness: a short receive looks drained, and the end came with the same event.</summary>
    [Fact]
    public void Receive_DataAndEndTogether_BothArriveAtEverySplit() => LoopRunner.Run(async loop =>
    {
        ListenSocket listener = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        for (int split = 1; split <= s_hello.Length + 1; split++)
        {
            foreach (bool waitFirst in new[] { false, true })
            {
                SocketStream client = SocketStream.Create(loop);
                ValueTask<AcceptResult> accepting = listener.AcceptAsync();
                await client.ConnectAsync(listener.LocalAddress);
                SocketStream server = (await accepting).Stream!;
                byte[] buffer = new byte[split];
                ValueTask<IoResult> pending = waitFirst ? server.ReceiveAsync(buffer) : default;
                client.TrySend(s_hello);
                client.ShutdownSend();
                IoResult result = waitFirst ? await pending : await server.ReceiveAsync(buffer);
                var all = new List<byte>();
                while (!result.IsEnd)
                {
                    Assert.True(result.IsOk);
                    all.AddRange(buffer[..result.Bytes]);
                    result = await server.ReceiveAsync(buffer);
                }

                Assert.Equal(s_hello, all);
                CloseAll(client, server);
            }
        }

        listener.Close();
    });

    [Fact]
    public void Receive_ManyMessages_EachWakesTheReceiver() => LoopRunner.Run(async loop =>
    {
        (SocketStream client, SocketStream server, ListenSocket listener) = await ConnectPair(loop, NetAddress.Loopback(0));
        byte[] buffer = new byte[4096];
        for (int i = 1; i < 500; i++)
        {
            ValueTask<IoResult> pending = server.ReceiveAsync(buffer);
            client.TrySend(buffer.AsSpan(0, i));
            Assert.Equal(i, (await pending).Bytes);
        }

        CloseAll(client, server, listener);
    });

    [Fact]
    public void Send_MoreThanTheKernelTakes_WaitsAndDeliversEverything() => LoopRunner.Run(async loop =>
    {
        (SocketStream client, SocketStream server, ListenSocket listener) = await ConnectPair(loop, NetAddress.Loopback(0));
        byte[] first = Bytes(5_000_001);
        byte[] second = Bytes(3_000_003);
        ValueTask<IoResult> sending = client.SendAsync(first, second);
        Assert.False(sending.IsCompleted);
        Task<byte[]> reading = ReadToEnd(server, 60_000);
        Assert.Equal(first.Length + second.Length, (await sending).Bytes);
        client.ShutdownSend();
        Assert.Equal(IoError.BrokenPipe, client.TrySend([1]).Error);
        byte[] received = await reading;
        Assert.True(received.AsSpan(0, first.Length).SequenceEqual(first));
        Assert.True(received.AsSpan(first.Length).SequenceEqual(second));
        CloseAll(client, server, listener);
    });

    [Fact]
    public void Receive_Cancelled_LosesNoByteAndMayBeRepeated() => LoopRunner.Run(async loop =>
    {
        (SocketStream client, SocketStream server, ListenSocket listener) = await ConnectPair(loop, NetAddress.Loopback(0));
        byte[] buffer = new byte[100];
        ValueTask<IoResult> pending = server.ReceiveAsync(buffer);
        bool continued = false;
        Task<IoResult> observed = Observe();
        server.CancelReceive();
        Assert.False(continued, "A cancelled operation continues later, not inside the cancelling call.");
        Assert.Equal(IoError.Canceled, (await observed).Error);
        client.TrySend(s_hello);
        Assert.Equal(s_hello.Length, (await server.ReceiveAsync(buffer)).Bytes);
        CloseAll(client, server, listener);

        async Task<IoResult> Observe()
        {
            IoResult result = await pending;
            continued = true;
            return result;
        }
    });

    [Fact]
    public void Close_OperationsPending_EndsThemAsClosed() => LoopRunner.Run(async loop =>
    {
        (SocketStream client, SocketStream server, ListenSocket listener) = await ConnectPair(loop, NetAddress.Loopback(0));
        ValueTask<IoResult> receiving = client.ReceiveAsync(new byte[1]);
        ValueTask<IoResult> sending = client.SendAsync(Bytes(20_000_000));
        Assert.False(sending.IsCompleted);
        client.Close();
        client.Close();
        Assert.Equal(IoError.Closed, (await receiving).Error);
        Assert.Equal(IoError.Closed, (await sending).Error);
        CloseAll(server, listener);
    });

    [Fact]
    public void Send_Cancelled_EndsAsCanceled() => LoopRunner.Run(async loop =>
    {
        (SocketStream client, SocketStream server, ListenSocket listener) = await ConnectPair(loop, NetAddress.Loopback(0));
        ValueTask<IoResult> sending = client.SendAsync(Bytes(20_000_000));
        client.CancelSend();
        Assert.Equal(IoError.Canceled, (await sending).Error);
        CloseAll(client, server, listener);
    });

    [Fact]
    public void Reset_ByThePeer_FailsReceiveAndSend() => LoopRunner.Run(async loop =>
    {
        (SocketStream client, SocketStream server, ListenSocket listener) = await ConnectPair(loop, NetAddress.Loopback(0));
        ValueTask<IoResult> pending = server.ReceiveAsync(new byte[10]);
        client.Reset();
        Assert.Equal(IoError.ConnectionReset, (await pending).Error);
        Assert.Equal(IoError.BrokenPipe, server.TrySend([1]).Error);
        Assert.NotNull(server.TransportFailure);
        CloseAll(server, listener);
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void PeerCloseObserver_NobodyReceives_IsToldOnce(bool reset) => LoopRunner.Run(async loop =>
    {
        foreach (bool setLate in new[] { false, true })
        {
            (SocketStream client, SocketStream server, ListenSocket listener) = await ConnectPair(loop, NetAddress.Loopback(0));
            var observer = new RecordingObserver();
            if (!setLate)
            {
                server.PeerCloseObserver = observer;
            }

            client.TrySend([1]);
            if (reset)
            {
                client.Reset();
            }
            else
            {
                client.ShutdownSend();
            }

            await loop.DelayAsync(2);
            server.PeerCloseObserver = observer;
            await loop.DelayAsync(2);
            Assert.Equal([reset], observer.Calls);
            CloseAll(client, server, listener);
        }
    });

    [Fact]
    public void EmptyReceive_IdleConnection_WaitsUntilBytesCome() => LoopRunner.Run(async loop =>
    {
        (SocketStream client, SocketStream server, ListenSocket listener) = await ConnectPair(loop, NetAddress.Loopback(0));
        Assert.True(server.TryReceive(new byte[1]).IsWouldBlock);
        ValueTask<IoResult> waiting = server.ReceiveAsync(Memory<byte>.Empty);
        await loop.YieldAsync();
        Assert.False(waiting.IsCompleted);
        client.TrySend(s_hello);
        Assert.Equal(IoResult.Ok(0), await waiting);
        byte[] buffer = new byte[100];
        Assert.Equal(s_hello.Length, server.TryReceive(buffer).Bytes);
        CloseAll(client, server, listener);
    });

    [Fact]
    public void Peek_BytesComeOneByOne_SeesEachWithoutTakingThem() => LoopRunner.Run(async loop =>
    {
        (SocketStream client, SocketStream server, ListenSocket listener) = await ConnectPair(loop, NetAddress.Loopback(0));
        byte[] buffer = new byte[100];
        for (int i = 0; i < s_hello.Length; i++)
        {
            ValueTask<IoResult> more = server.ReceiveAsync(Memory<byte>.Empty);
            client.TrySend(s_hello.AsSpan(i, 1));
            await more;
            IoResult peeked = server.TryPeek(buffer);
            while (peeked.Bytes <= i)
            {
                await server.ReceiveAsync(Memory<byte>.Empty);
                peeked = server.TryPeek(buffer);
            }

            Assert.Equal(i + 1, peeked.Bytes);
        }

        ValueTask<IoResult> end = server.ReceiveAsync(Memory<byte>.Empty);
        Assert.False(end.IsCompleted);
        client.ShutdownSend();
        await end;
        Assert.True(server.PeerHasClosed);
        Assert.Equal(s_hello.Length, (await server.ReceiveAsync(buffer)).Bytes);
        Assert.Equal(s_hello, buffer[..s_hello.Length]);
        Assert.True((await server.ReceiveAsync(buffer)).IsEnd);
        CloseAll(client, server, listener);
    });

    [Fact]
    public void EndPeeking_EverythingWasPeeked_NextWaitEndsAtOnce() => LoopRunner.Run(async loop =>
    {
        (SocketStream client, SocketStream server, ListenSocket listener) = await ConnectPair(loop, NetAddress.Loopback(0));
        byte[] buffer = new byte[100];
        ValueTask<IoResult> arrived = server.ReceiveAsync(Memory<byte>.Empty);
        client.TrySend(s_hello);
        await arrived;
        Assert.Equal(s_hello.Length, server.TryPeek(buffer).Bytes);
        server.EndPeeking();
        ValueTask<IoResult> ready = server.ReceiveAsync(Memory<byte>.Empty);
        Assert.True(ready.IsCompleted);
        await ready;
        Assert.Equal(s_hello.Length, (await server.ReceiveAsync(buffer)).Bytes);
        CloseAll(client, server, listener);
    });

    [Fact]
    public void Detach_ToAnotherLoop_GoesOnThere() => LoopRunner.Run(async loop =>
    {
        (SocketStream client, SocketStream server, ListenSocket listener) = await ConnectPair(loop, NetAddress.Loopback(0));
        using var other = new EventLoop(new EventLoopOptions { Name = "other" });
        other.Start();
        SocketHandleTransfer transfer = server.Detach();
        Assert.True(server.IsClosed);
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        other.Post(_ => Echo(), null);
        client.TrySend(s_hello);
        byte[] buffer = new byte[100];
        Assert.Equal(s_hello.Length, (await client.ReceiveAsync(buffer)).Bytes);
        await done.Task;
        Assert.Throws<InvalidOperationException>(() => SocketStream.Attach(loop, transfer));
        CloseAll(client, listener);

        async void Echo()
        {
            SocketStream moved = SocketStream.Attach(other, transfer);
            byte[] bytes = new byte[100];
            IoResult received = await moved.ReceiveAsync(bytes);
            await moved.SendAsync(bytes.AsMemory(0, received.Bytes));
            moved.Close();
            done.SetResult();
        }
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Receive_PeerSendsWithoutEnd_OthersHaveTheirTurn(bool waitFirst) => LoopRunner.Run(async loop =>
    {
        (SocketStream client, SocketStream server, ListenSocket listener) = await ConnectPair(loop, NetAddress.Loopback(0));
        bool stop = false;
        byte[] buffer = new byte[1];
        client.TrySend(Bytes(100_000));
        Task reading = Read();
        await loop.YieldAsync();
        Assert.False(reading.IsCompleted);
        stop = true;
        await reading;
        CloseAll(client, server, listener);

        async Task Read()
        {
            while (!stop)
            {
                if (waitFirst)
                {
                    await server.ReceiveAsync(Memory<byte>.Empty);
                    server.TryReceive(buffer);
                }
                else
                {
                    await server.ReceiveAsync(buffer);
                }
            }
        }
    });

    [Fact]
    public void OriginalDestination_NotRedirected_IsNotInvented() => LoopRunner.Run(async loop =>
    {
        (SocketStream client, SocketStream server, ListenSocket listener) = await ConnectPair(loop, NetAddress.Loopback(0));
        // With connection tracking on, an untouched connection reports its own destination.
        Assert.True(!server.TryGetOriginalDestination(out NetAddress address) || address == server.LocalAddress);
        CloseAll(client, server, listener);
    });

    [Fact]
    public void SteadyTraffic_ReceiveAndSend_AllocateNothing() => LoopRunner.Run(async loop =>
    {
        (SocketStream client, SocketStream server, ListenSocket listener) = await ConnectPair(loop, NetAddress.Loopback(0));
        const int ExchangesPerRound = 1000;
        byte[] bytes = new byte[1024];
        byte[] buffer = new byte[4096];
        var meter = new AllocationMeter();
        Task echo = Echo();
        Task ping = Ping();
        await ping;
        client.Close();
        await echo;
        Assert.Equal(0, meter.Least);
        CloseAll(server, listener);

        async Task Ping()
        {
            byte[] back = new byte[4096];
            for (int i = 1; meter.WantsMore; i++)
            {
                await client.SendAsync(bytes);
                int got = 0;
                while (got < bytes.Length)
                {
                    got += (await client.ReceiveAsync(back)).Bytes;
                }

                if (i % ExchangesPerRound == 0)
                {
                    meter.Mark();
                }
            }
        }

        async Task Echo()
        {
            while (true)
            {
                await server.ReceiveAsync(Memory<byte>.Empty);
                IoResult result = server.TryReceive(buffer);
                if (result.IsWouldBlock)
                {
                    continue;
                }

                if (!result.IsOk || result.IsEnd)
                {
                    return;
                }

                await server.SendAsync(buffer.AsMemory(0, 10), buffer.AsMemory(10, result.Bytes - 10));
            }
        }
    });

    [Fact]
    public void Operation_SecondReceiver_IsRefused() => LoopRunner.Run(loop =>
    {
        (SocketStream first, SocketStream second) = SocketPair.Create(loop);
        _ = first.ReceiveAsync(new byte[1]).AsTask();
        Assert.Throws<InvalidOperationException>(() => { _ = first.ReceiveAsync(new byte[1]).AsTask(); });
        CloseAll(first, second);
        return Task.CompletedTask;
    });

    internal static async Task<(SocketStream Client, SocketStream Server, ListenSocket Listener)> ConnectPair(
        EventLoop loop, NetAddress address, SocketStreamOptions? options = null)
    {
        ListenSocket listener = ListenSocket.Listen(loop, address);
        SocketStream client = SocketStream.Create(loop, options);
        ValueTask<AcceptResult> accepting = listener.AcceptAsync();
        Assert.Equal(IoError.None, await client.ConnectAsync(listener.LocalAddress));
        AcceptResult accepted = await accepting;
        Assert.Equal(IoError.None, accepted.Error);
        return (client, accepted.Stream!, listener);
    }

    internal static byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        new Random(count).NextBytes(bytes);
        return bytes;
    }

    internal static async Task<byte[]> ReadToEnd(IByteStream stream, int chunk)
    {
        var all = new MemoryStream();
        byte[] buffer = new byte[chunk];
        while (true)
        {
            IoResult result = await stream.ReceiveAsync(buffer);
            Assert.True(result.IsOk, result.Error.ToString());
            if (result.IsEnd)
            {
                return all.ToArray();
            }

            all.Write(buffer, 0, result.Bytes);
        }
    }

    internal static void CloseAll(params object[] all)
    {
        foreach (object each in all)
        {
            (each as IByteStream)?.Close();
            (each as ListenSocket)?.Close();
        }
    }

    private sealed class RecordingObserver : IPeerCloseObserver
    {
        public List<bool> Calls { get; } = [];

        public void OnPeerClosed(bool reset) => Calls.Add(reset);
    }
}
