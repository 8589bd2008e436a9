using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Runtime.Tests.Sockets;

public sealed class SpliceTransferTests
{
    [Fact]
    public void Splice_BothDirections_MovesEverythingAndBothEnds() => LoopRunner.Run(async loop =>
    {
        await using var chain = await Chain.MakeAsync(loop);
        var progress = new TransferProgress();
        Task<SpliceResult> forth = chain.Inbound.SpliceToAsync(chain.Outbound, SpliceBudget.Default, progress).AsTask();
        Task<SpliceResult> back = chain.Outbound.SpliceToAsync(chain.Inbound, new SpliceBudget(1000)).AsTask();
        byte[] request = SocketStreamTests.Bytes(7_000_001);
        byte[] answer = SocketStreamTests.Bytes(3_000_017);
        Task<byte[]> serverReads = SocketStreamTests.ReadToEnd(chain.Server, 50_000);
        Task<byte[]> clientReads = SocketStreamTests.ReadToEnd(chain.Client, 30_000);
        Task<IoResult> clientSends = chain.Client.SendAsync(request).AsTask();
        Task<IoResult> serverSends = chain.Server.SendAsync(answer).AsTask();
        await clientSends;
        chain.Client.ShutdownSend();
        SpliceResult result = await forth;
        Assert.Equal(new SpliceResult(request.Length, SpliceEnd.SourceEnded, IoError.None), result);
        Assert.Equal(request.Length, progress.Bytes);
        chain.Outbound.ShutdownSend();
        Assert.Equal(request, await serverReads);

        // Half-closed: the other direction goes on.
        await serverSends;
        chain.Server.ShutdownSend();
        Assert.Equal(SpliceEnd.SourceEnded, (await back).End);
        chain.Inbound.ShutdownSend();
        Assert.Equal(answer, await clientReads);
    });

    [Fact]
    public void Splice_SmallMessages_PassEachAtOnce() => LoopRunner.Run(async loop =>
    {
        await using var chain = await Chain.MakeAsync(loop);
        Task<SpliceResult> forth = chain.Inbound.SpliceToAsync(chain.Outbound, SpliceBudget.Default).AsTask();
        byte[] buffer = new byte[1000];
        for (int i = 1; i < 300; i++)
        {
            chain.Client.TrySend(buffer.AsSpan(0, i));
            int got = 0;
            while (got < i)
            {
                got += (await chain.Server.ReceiveAsync(buffer)).Bytes;
            }

            Assert.Equal(i, got);
        }

        chain.Client.Close();
        Assert.Equal(SpliceEnd.SourceEnded, (await forth).End);
    });

    [Fact]
    public void Splice_DestinationBreaks_SaysSo() => LoopRunner.Run(async loop =>
    {
        await using var chain = await Chain.MakeAsync(loop);
        Task<SpliceResult> forth = chain.Inbound.SpliceToAsync(chain.Outbound, SpliceBudget.Default).AsTask();
        Task<IoResult> sending = chain.Client.SendAsync(SocketStreamTests.Bytes(30_000_000)).AsTask();
        await chain.Server.ReceiveAsync(new byte[100_000]);
        chain.Server.Reset();
        SpliceResult result = await forth;
        Assert.Equal(SpliceEnd.DestinationFailed, result.End);
        Assert.True(result.Error is IoError.ConnectionReset or IoError.BrokenPipe, result.Error.ToString());
        chain.Inbound.Reset();
        await sending;
    });

    [Fact]
    public void Splice_SourceBreaks_SaysSo() => LoopRunner.Run(async loop =>
    {
        await using var chain = await Chain.MakeAsync(loop);
        Task<SpliceResult> forth = chain.Inbound.SpliceToAsync(chain.Outbound, SpliceBudget.Default).AsTask();
        await loop.YieldAsync();
        chain.Client.Reset();
        SpliceResult result = await forth;
        Assert.Equal(new SpliceResult(0, SpliceEnd.SourceFailed, IoError.ConnectionReset), result);
    });

    [Fact]
    public void Splice_OwnStreamsClosed_Ends() => LoopRunner.Run(async loop =>
    {
        await using var chain = await Chain.MakeAsync(loop);
        Task<SpliceResult> forth = chain.Inbound.SpliceToAsync(chain.Outbound, SpliceBudget.Default).AsTask();
        await loop.YieldAsync();
        chain.Inbound.Close();
        Assert.Equal(new SpliceResult(0, SpliceEnd.SourceFailed, IoError.Closed), await forth);
    });

    [Fact]
    public void Splice_BulkFlow_LeavesTurnsToOthers() => LoopRunner.Run(async loop =>
    {
        await using var chain = await Chain.MakeAsync(loop);
        Task<SpliceResult> forth = chain.Inbound.SpliceToAsync(chain.Outbound, new SpliceBudget(64 * 1024)).AsTask();
        Task<IoResult> sending = chain.Client.SendAsync(SocketStreamTests.Bytes(5_000_000)).AsTask();
        Task<byte[]> reading = SocketStreamTests.ReadToEnd(chain.Server, 100_000);
        long turn = loop.TurnNumber;
        await sending;
        chain.Client.Close();
        await forth;
        chain.Outbound.ShutdownSend();
        Assert.Equal(5_000_000, (await reading).Length);
        Assert.True(loop.TurnNumber - turn >= 5_000_000 / (64 * 1024), "The budget of a turn was exceeded.");
    });

    private sealed class Chain : IAsyncDisposable
    {
        public required SocketStream Client { get; init; }

        public required SocketStream Inbound { get; init; }

        public required SocketStream Outbound { get; init; }

        public required SocketStream Server { get; init; }

        public static async Task<Chain> MakeAsync(EventLoop loop)
        {
            (SocketStream client, SocketStream inbound, ListenSocket first) = await SocketStreamTests.ConnectPair(loop, NetAddress.Loopback(0));
            (SocketStream outbound, SocketStream server, ListenSocket second) = await SocketStreamTests.ConnectPair(loop, NetAddress.Loopback(0));
            SocketStreamTests.CloseAll(first, second);
            return new Chain { Client = client, Inbound = inbound, Outbound = outbound, Server = server };
        }

        public ValueTask DisposeAsync()
        {
            SocketStreamTests.CloseAll(Client, Inbound, Outbound, Server);
            return ValueTask.CompletedTask;
        }
    }
}
