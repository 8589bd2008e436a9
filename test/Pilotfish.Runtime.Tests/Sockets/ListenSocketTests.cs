using Pilotfish.Runtime.Interop;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Runtime.Tests.Sockets;

/// <summary>Alone, because it uses up the process's descriptors.</summary>
[Collection(nameof(ListenSocketTests))]
[CollectionDefinition(nameof(ListenSocketTests), DisableParallelization = true)]
public sealed class ListenSocketTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("runtime-listen").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Listen_AddressTaken_IsAValueThatNamesIt() => LoopRunner.Run(loop =>
    {
        ListenSocket first = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        Assert.Equal(IoError.AddressInUse, ListenSocket.TryListen(loop, first.LocalAddress, ListenSocketOptions.Default, out _));
        IOException thrown = Assert.Throws<IOException>(() => ListenSocket.Listen(loop, first.LocalAddress));
        Assert.Contains(first.LocalAddress.ToString(), thrown.Message, StringComparison.Ordinal);
        first.Close();
        Assert.Equal(0, loop.HandleCount);
        return Task.CompletedTask;
    });

    [Fact]
    public void Listen_ReusePort_SharesTheAddress() => LoopRunner.Run(loop =>
    {
        var options = new ListenSocketOptions { ReusePort = true };
        ListenSocket first = ListenSocket.Listen(loop, NetAddress.Loopback(0), options);
        ListenSocket second = ListenSocket.Listen(loop, first.LocalAddress, options);
        Assert.Equal(first.LocalAddress, second.LocalAddress);
        SocketStreamTests.CloseAll(first, second);
        return Task.CompletedTask;
    });

    /// <summary>It listens between two loops too: who connects then is accepted by the loop that adopts it.</summary>
    [Fact]
    public void Detach_ThenAdopt_LosesNoConnection() => LoopRunner.Run(async loop =>
    {
        ListenSocket first = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        ListenSocketTransfer transfer = first.Detach();
        Assert.True(first.IsClosed);
        Assert.Equal(IoError.Closed, (await first.AcceptAsync()).Error);
        SocketStream client = SocketStream.Create(loop);
        Assert.Equal(IoError.None, await client.ConnectAsync(first.LocalAddress));
        Assert.Equal(IoError.None, ListenSocket.Adopt(loop, transfer, out ListenSocket? second));
        Assert.Equal(first.LocalAddress, second!.LocalAddress);
        SocketStream accepted = (await second.AcceptAsync()).Stream!;
        Assert.Equal(client.LocalAddress, accepted.RemoteAddress);
        Assert.Throws<InvalidOperationException>(() => ListenSocket.Adopt(loop, transfer, out _));
        SocketStreamTests.CloseAll(second);
        client.Close();
        accepted.Close();
        Assert.Equal(0, loop.HandleCount);
    });

    [Fact]
    public void DetachedSocket_DroppedInstead_StopsListening() => LoopRunner.Run(async loop =>
    {
        ListenSocket first = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        first.Detach().Dispose();
        SocketStream client = SocketStream.Create(loop);
        Assert.Equal(IoError.ConnectionRefused, await client.ConnectAsync(first.LocalAddress));
        Assert.Throws<ObjectDisposedException>(() => first.Detach());
    });

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 3)]
    public void Accept_TakesSoManyInATurn(int configured, int most) => LoopRunner.Run(async loop =>
    {
        ListenSocket listener = ListenSocket.Listen(loop, NetAddress.Loopback(0), new ListenSocketOptions { AcceptsPerTurn = configured });
        var clients = new List<SocketStream>();
        for (int i = 0; i < 8; i++)
        {
            SocketStream client = SocketStream.Create(loop);
            Assert.Equal(IoError.None, await client.ConnectAsync(listener.LocalAddress));
            clients.Add(client);
        }

        var turns = new Dictionary<long, int>();
        for (int i = 0; i < clients.Count; i++)
        {
            SocketStream server = (await listener.AcceptAsync()).Stream!;
            turns[loop.TurnNumber] = turns.GetValueOrDefault(loop.TurnNumber) + 1;
            server.Close();
        }

        Assert.Equal(most, turns.Values.Max());
        clients.ForEach(static client => client.Close());
        listener.Close();
    });

    // Where the kernel has no MPTCP the same socket is plain TCP, and clients without it notice nothing.
    [Fact]
    public void Listen_Multipath_ServesPlainClients() => LoopRunner.Run(async loop =>
    {
        ListenSocket listener = ListenSocket.Listen(loop, NetAddress.Loopback(0), new ListenSocketOptions { Multipath = true });
        SocketStream client = SocketStream.Create(loop);
        Assert.Equal(IoError.None, await client.ConnectAsync(listener.LocalAddress));
        SocketStream server = (await listener.AcceptAsync()).Stream!;
        await client.SendAsync("hello"u8.ToArray());
        byte[] buffer = new byte[16];
        IoResult received = await server.ReceiveAsync(buffer);
        Assert.Equal("hello", System.Text.Encoding.ASCII.GetString(buffer, 0, received.Bytes));
        SocketStreamTests.CloseAll(client, server, listener);
    });

    [Fact]
    public void Listen_FreeBind_TakesAnAddressThatIsNotHere() => LoopRunner.Run(loop =>
    {
        var absent = NetAddress.Parse("198.51.100.7:0");
        Assert.Equal(IoError.AddressNotAvailable, ListenSocket.TryListen(loop, absent, ListenSocketOptions.Default, out _));
        Assert.Equal(IoError.None, ListenSocket.TryListen(loop, absent, new ListenSocketOptions { FreeBind = true }, out ListenSocket? free));
        free!.Close();
        return Task.CompletedTask;
    });

    [Fact]
    public void Listen_DualStack_TakesIPv4AsMapped() => LoopRunner.Run(async loop =>
    {
        ListenSocket listener = ListenSocket.Listen(loop, NetAddress.Parse("[::]:0"), new ListenSocketOptions { DualStack = true });
        SocketStream client = SocketStream.Create(loop);
        Assert.Equal(IoError.None, await client.ConnectAsync(NetAddress.Loopback(listener.LocalAddress.Port)));
        SocketStream server = (await listener.AcceptAsync()).Stream!;
        Assert.True(server.RemoteAddress.IsIPv4Mapped);
        Assert.Equal(client.LocalAddress, server.RemoteAddress.Unmap());
        SocketStreamTests.CloseAll(client, server, listener);
    });

    [Fact]
    public void Unix_ListenConnectAndStaleFile_Work() => LoopRunner.Run(async loop =>
    {
        string path = Path.Combine(_directory, "s.sock");
        NetAddress address = NetAddress.Unix(path);
        ListenSocket listener = ListenSocket.Listen(loop, address, new ListenSocketOptions { UnixMode = 0x1b0 });
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite, File.GetUnixFileMode(path));
        Assert.Equal(IoError.AddressInUse, ListenSocket.TryListen(loop, address, ListenSocketOptions.Default, out _));
        SocketStream client = SocketStream.Create(loop);
        Assert.Equal(IoError.None, await client.ConnectAsync(address));
        AcceptResult probe = await listener.AcceptAsync();
        AcceptResult accepted = await listener.AcceptAsync();
        probe.Stream!.Close();
        client.TrySend([7]);
        byte[] buffer = new byte[10];
        Assert.Equal(1, (await accepted.Stream!.ReceiveAsync(buffer)).Bytes);
        SocketStreamTests.CloseAll(client, accepted.Stream!, listener);
        Assert.False(File.Exists(path));

        // A process that was killed leaves its file behind.
        using (var dead = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, 0))
        {
            dead.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(Path.Combine(_directory, "stale")));
            File.Move(Path.Combine(_directory, "stale"), path);
        }

        Assert.True(File.Exists(path));
        ListenSocket.Listen(loop, address).Close();
    });

    [Fact]
    public void Accept_ClosedWhilePending_EndsAsClosed() => LoopRunner.Run(async loop =>
    {
        ListenSocket listener = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        ValueTask<AcceptResult> pending = listener.AcceptAsync();
        listener.Close();
        Assert.Equal(IoError.Closed, (await pending).Error);
        Assert.Equal(IoError.Closed, (await listener.AcceptAsync()).Error);
    });

    [Fact]
    public void Accept_ManyAtOnce_TakesAllOverSeveralTurns() => LoopRunner.Run(async loop =>
    {
        const int Count = 300;
        ListenSocket listener = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        var clients = new List<SocketStream>();
        for (int i = 0; i < Count; i++)
        {
            SocketStream client = SocketStream.Create(loop);
            clients.Add(client);
            Assert.Equal(IoError.None, await client.ConnectAsync(listener.LocalAddress));
        }

        long turn = loop.TurnNumber;
        var accepted = new List<SocketStream>();
        while (accepted.Count < Count)
        {
            accepted.Add((await listener.AcceptAsync()).Stream!);
        }

        Assert.True(loop.TurnNumber > turn, "A flood of connections must not hold the loop for one long turn.");
        SocketStreamTests.CloseAll([.. clients, .. accepted, listener]);
        Assert.Equal(0, loop.HandleCount);
    });

    [Fact]
    public void Accept_DescriptorsRunOut_PausesAndRecovers()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            ListenSocket listener = ListenSocket.Listen(loop, NetAddress.Loopback(0));
            SocketStream client = SocketStream.Create(loop);
            Assert.Equal(IoError.None, await client.ConnectAsync(listener.LocalAddress));
            var taken = new List<int>();
            Task<AcceptResult> accepting;
            SocketStream late = SocketStream.Create(loop);
            try
            {
                // Descriptors of earlier tests that only a finalizer would close must not come free half-way.
                GC.Collect();
                GC.WaitForPendingFinalizers();
                TakeAllDescriptors(taken);
                accepting = listener.AcceptAsync().AsTask();
                Assert.Equal(1, listener.ExhaustionCount);
                Assert.Equal(IoError.TooManyFiles, await late.ConnectAsync(listener.LocalAddress));
                TakeAllDescriptors(taken);
                clock.AdvanceMilliseconds(ListenSocket.ExhaustedPauseMilliseconds);
                await loop.YieldAsync();
                Assert.False(accepting.IsCompleted);
                Assert.Equal(2, listener.ExhaustionCount);
            }
            finally
            {
                taken.ForEach(FileCalls.Close);
            }

            clock.AdvanceMilliseconds(ListenSocket.ExhaustedPauseMilliseconds);
            AcceptResult accepted = await accepting;
            Assert.Equal(IoError.None, accepted.Error);
            SocketStreamTests.CloseAll(client, accepted.Stream!, listener);
        });
    }

    private static void TakeAllDescriptors(List<int> taken)
    {
        for (int fd = FileCalls.Duplicate(0); fd >= 0; fd = FileCalls.Duplicate(0))
        {
            taken.Add(fd);
        }
    }
}
