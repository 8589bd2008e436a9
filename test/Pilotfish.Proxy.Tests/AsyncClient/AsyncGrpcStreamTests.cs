using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.AsyncClient;

/// <summary>gRPC calls of the proxy's own against a scripted HTTP/2 server.</summary>
public sealed class AsyncGrpcStreamTests
{
    private const string Hi = "\0\0\0\0\u0002hi";
    private const string Yo = "\0\0\0\0\u0002yo";

    [Fact]
    public void Bidirectional_MessagesAndStatus_PassBothWays() => LoopRunner.Run(async loop =>
    {
        using var bench = new AsyncBench(loop);
        AsyncGrpcStream call = bench.Call(new AsyncGrpcOptions { DeadlineMilliseconds = 250, Authority = "auth" });
        var metadata = new HeaderMap();
        metadata.Add("x-token"u8, "1"u8);
        call.Start(metadata);
        Assert.True(call.TrySend("hi"u8, end: false));
        Http2Peer server = await bench.AcceptAsync();
        (int id, bool end, Dictionary<string, string> head) = await server.ReadHeadersAsync();
        Assert.Equal((1, false), (id, end));
        Assert.Equal(("POST", "/pkg.Service/Method", "auth"), (head[":method"], head[":path"], head[":authority"]));
        Assert.Equal(("application/grpc", "trailers", "250m", "1"), (head["content-type"], head["te"], head["grpc-timeout"], head["x-token"]));
        Assert.Equal(Hi, await server.ReadBodyAsync(7));
        await server.HeadersAsync(1, end: false, (":status", "200"));
        await server.DataAsync(1, Yo + Yo + "\0\0\0", end: false);
        await bench.UntilAsync(() => bench.Events.Messages.Count == 2);
        Assert.True(call.TrySend("hi"u8, end: true));
        Assert.Equal(Hi, await server.ReadBodyAsync());
        await server.DataAsync(1, "\0\u0003end", end: false);
        await server.HeadersAsync(1, end: true, ("grpc-status", "0"));
        await bench.UntilEndAsync();
        Assert.Equal(["yo", "yo", "end"], bench.Events.Messages);
        Assert.Equal(new GrpcEnd(GrpcStatusCode.Ok, "", AsyncFailureKind.None), bench.Events.End);
        Assert.Equal(1, bench.Events.Heads);
        bench.AssertIdle();
    });

    [Theory]
    [InlineData("5", "not%20here", GrpcStatusCode.NotFound, "not here")]
    [InlineData("16", "%", GrpcStatusCode.Unauthenticated, "%")]
    [InlineData("99", "", GrpcStatusCode.Unknown, "")]
    [InlineData("x", "", GrpcStatusCode.Unknown, "")]
    public void TrailersOnly_IsTheStatus(string status, string message, object expected, string text) => LoopRunner.Run(async loop =>
    {
        using var bench = new AsyncBench(loop);
        bench.Call().Start();
        Http2Peer server = await bench.AcceptAsync();
        await server.ReadHeadersAsync();
        await server.HeadersAsync(1, end: true, (":status", "200"), ("grpc-status", status), ("grpc-message", message));
        await bench.UntilEndAsync();
        Assert.Equal(new GrpcEnd((GrpcStatusCode)expected, text, AsyncFailureKind.None), bench.Events.End);
        Assert.Equal(0, bench.Events.Heads);
        bench.AssertIdle();
    });

    [Theory]
    [InlineData("401", GrpcStatusCode.Unauthenticated)]
    [InlineData("404", GrpcStatusCode.Unimplemented)]
    [InlineData("503", GrpcStatusCode.Unavailable)]
    [InlineData("500", GrpcStatusCode.Unknown)]
    public void HttpStatus_WithoutGrpcStatus_IsMapped(string status, object expected) => LoopRunner.Run(async loop =>
    {
        using var bench = new AsyncBench(loop);
        bench.Call().Start();
        Http2Peer server = await bench.AcceptAsync();
        await server.ReadHeadersAsync();
        await server.HeadersAsync(1, end: false, (":status", status));
        await bench.UntilEndAsync();
        Assert.Equal((GrpcStatusCode)expected, bench.Events.End.Status);
        Assert.Equal(Http2ErrorCode.CANCEL, await server.ReadResetAsync());
        bench.AssertIdle();
    });

    [Theory]
    [InlineData(Http2ErrorCode.INTERNAL_ERROR, GrpcStatusCode.Internal)]
    [InlineData(Http2ErrorCode.REFUSED_STREAM, GrpcStatusCode.Unavailable)]
    public void Reset_ByServer_EndsTheCall(object code, object expected) => LoopRunner.Run(async loop =>
    {
        using var bench = new AsyncBench(loop);
        bench.Call().Start();
        Http2Peer server = await bench.AcceptAsync();
        await server.ReadHeadersAsync();
        await server.SendAsync(FrameType.RST_STREAM, 0, 1, Http2Peer.Number((uint)(Http2ErrorCode)code));
        await bench.UntilEndAsync();
        Assert.Equal(((GrpcStatusCode)expected, AsyncFailureKind.Reset), (bench.Events.End.Status, bench.Events.End.Failure));
        Assert.Equal(1, bench.Bench.Counter("cluster.backend.upstream_rq_rx_reset"));
        bench.AssertIdle();
    });

    [Fact]
    public void GoAway_BelowTheStream_EndsIt_AndTheNextCallConnectsAnew() => LoopRunner.Run(async loop =>
    {
        using var bench = new AsyncBench(loop);
        bench.Call().Start();
        Http2Peer server = await bench.AcceptAsync();
        await server.ReadHeadersAsync();
        await server.SendAsync(FrameType.GOAWAY, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        await bench.UntilEndAsync();
        Assert.Equal(GrpcStatusCode.Unavailable, bench.Events.End.Status);
        bench.Call().Start();
        Http2Peer second = await bench.AcceptAsync();
        Assert.Equal(1, (await second.ReadHeadersAsync()).Id);
    });

    [Fact]
    public void ConnectionLost_IsUnavailable() => LoopRunner.Run(async loop =>
    {
        using var bench = new AsyncBench(loop);
        bench.Call().Start();
        Http2Peer server = await bench.AcceptAsync();
        await server.ReadHeadersAsync();
        server.Stream.Close();
        await bench.UntilEndAsync();
        Assert.Equal(GrpcStatusCode.Unavailable, bench.Events.End.Status);
        bench.AssertIdle();
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Deadline_EndsTheCall_BeforeAndAfterTheConnection(bool connected)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var bench = new AsyncBench(loop);
            bench.Call(new AsyncGrpcOptions { DeadlineMilliseconds = 250 }).Start();
            Http2Peer? server = connected ? await bench.AcceptAsync() : null;
            if (server is not null)
            {
                await server.ReadHeadersAsync();
            }

            clock.Advance(TimeSpan.FromMilliseconds(240));
            await loop.YieldAsync();
            Assert.Empty(bench.Events.Ends);
            clock.Advance(TimeSpan.FromMilliseconds(20));
            await bench.UntilEndAsync();
            Assert.Equal(GrpcStatusCode.DeadlineExceeded, bench.Events.End.Status);
            Assert.Equal(1, bench.Bench.Counter("cluster.backend.upstream_rq_timeout"));
            if (server is not null)
            {
                Assert.Equal(Http2ErrorCode.CANCEL, await server.ReadResetAsync());
            }

            bench.AssertIdle();
        });
    }

    [Fact]
    public void StalledServer_BlocksSending_UntilItsWindowOpens() => LoopRunner.Run(async loop =>
    {
        using var bench = new AsyncBench(loop);
        AsyncGrpcStream call = bench.Call();
        call.Start();
        Http2Peer server = await bench.AcceptAsync();
        await server.ReadHeadersAsync();
        byte[] message = new byte[10_000];
        int sent = 0;
        while (call.TrySend(message, end: false))
        {
            sent += 10_005;
            Assert.True(sent < 2_000_000, "A stalled server must block the sender.");
        }

        // The end of the turn tells nothing while the window stays shut.
        await loop.YieldAsync();
        await loop.YieldAsync();
        Assert.False(call.TrySend(message, end: false));
        Assert.Equal(0, bench.Events.Writable);
        await server.SendAsync(FrameType.WINDOW_UPDATE, 0, 0, Http2Peer.Number(1_000_000));
        await server.SendAsync(FrameType.WINDOW_UPDATE, 0, 1, Http2Peer.Number(1_000_000));
        await bench.UntilAsync(() => bench.Events.Writable == 1);
        Assert.True(call.TrySend(message, end: true));
        Assert.Equal(sent + 10_005, (await server.ReadBodyAsync()).Length);
    });

    [Fact]
    public void WithoutConnection_WhatIsHeldIsBounded_AndRoomIsTold() => LoopRunner.Run(async loop =>
    {
        using var bench = new AsyncBench(loop);
        AsyncGrpcStream call = bench.Call();
        call.Start();
        byte[] message = new byte[10_000];
        int sent = 0;
        while (call.TrySend(message, end: false))
        {
            sent++;
        }

        Assert.Equal((AsyncHttpStream.HeldBytesMax / 10_005) + 1, sent);
        Http2Peer server = await bench.AcceptAsync((SettingId.INITIAL_WINDOW_SIZE, 1_000_000));
        await bench.UntilAsync(() => bench.Events.Writable == 1);
        call.CloseSend();
        await server.SendAsync(FrameType.WINDOW_UPDATE, 0, 0, Http2Peer.Number(1_000_000));
        await server.ReadHeadersAsync();
        Assert.Equal(sent * 10_005, (await server.ReadBodyAsync()).Length);
    });

    [Fact]
    public void PausedOwner_HearsNothing_ThenAllInOrder() => LoopRunner.Run(async loop =>
    {
        using var bench = new AsyncBench(loop);
        AsyncGrpcStream call = bench.Call();
        call.Start();
        Http2Peer server = await bench.AcceptAsync();
        await server.ReadHeadersAsync();
        await server.HeadersAsync(1, end: false, (":status", "200"));
        bench.Events.AfterMessage = call.Pause;
        await server.DataAsync(1, Hi + Yo, end: false);
        await server.DataAsync(1, Hi, end: false);
        await server.HeadersAsync(1, end: true, ("grpc-status", "0"));
        await bench.UntilAsync(() => bench.Events.Messages.Count == 1);
        for (int i = 0; i < 20; i++)
        {
            await loop.YieldAsync();
        }

        Assert.Equal(["hi"], bench.Events.Messages);
        call.Resume();
        Assert.Equal(["hi", "yo"], bench.Events.Messages);
        bench.Events.AfterMessage = null;
        call.Resume();
        await bench.UntilEndAsync();
        Assert.Equal(["hi", "yo", "hi"], bench.Events.Messages);
        Assert.Equal(GrpcStatusCode.Ok, bench.Events.End.Status);
    });

    [Theory]
    [InlineData("\0\0\0\0\u0009", GrpcStatusCode.ResourceExhausted, AsyncFailureKind.MessageTooLarge)]
    [InlineData("\0\u007F\u00FF\u00FF\u00FF", GrpcStatusCode.ResourceExhausted, AsyncFailureKind.MessageTooLarge)]
    [InlineData("\0\u00FF\u00FF\u00FF\u00FF", GrpcStatusCode.ResourceExhausted, AsyncFailureKind.MessageTooLarge)]
    [InlineData("\u0001", GrpcStatusCode.Internal, AsyncFailureKind.InvalidResponse)]
    [InlineData("<html>", GrpcStatusCode.Internal, AsyncFailureKind.InvalidResponse)]
    public void BadMessage_EndsTheCall_AndResetsTheStream(string body, object status, object failure) => LoopRunner.Run(async loop =>
    {
        using var bench = new AsyncBench(loop);
        bench.Call(new AsyncGrpcOptions { MessageBytesMax = 8 }).Start();
        Http2Peer server = await bench.AcceptAsync();
        await server.ReadHeadersAsync();
        await server.HeadersAsync(1, end: false, (":status", "200"));
        await server.DataAsync(1, Hi + body, end: false);
        await bench.UntilEndAsync();
        Assert.Equal(["hi"], bench.Events.Messages);
        Assert.Equal(((GrpcStatusCode)status, (AsyncFailureKind)failure), (bench.Events.End.Status, bench.Events.End.Failure));
        Assert.Equal(Http2ErrorCode.CANCEL, await server.ReadResetAsync());
        bench.AssertIdle();
    });

    [Fact]
    public void MessageToSend_AboveTheBound_EndsTheCall() => LoopRunner.Run(async loop =>
    {
        using var bench = new AsyncBench(loop);
        AsyncGrpcStream call = bench.Call(new AsyncGrpcOptions { MessageBytesMax = 8 });
        call.Start();
        Assert.False(call.TrySend("123456789"u8, end: false));
        Assert.Equal(GrpcStatusCode.ResourceExhausted, bench.Events.End.Status);
        Assert.False(call.TrySend("1"u8, end: false));
        bench.AssertIdle();
        await loop.YieldAsync();
    });

    [Theory]
    [InlineData(Hi + "\0\0", true, GrpcStatusCode.Internal)]
    [InlineData(Hi, false, GrpcStatusCode.Unknown)]
    public void ResponseCutOff_IsNoSuccess(string body, bool trailers, object status) => LoopRunner.Run(async loop =>
    {
        using var bench = new AsyncBench(loop);
        bench.Call().Start();
        Http2Peer server = await bench.AcceptAsync();
        await server.ReadHeadersAsync();
        await server.HeadersAsync(1, end: false, (":status", "200"));
        await server.DataAsync(1, body, end: !trailers);
        if (trailers)
        {
            await server.HeadersAsync(1, end: true, ("grpc-status", "0"));
        }

        await bench.UntilEndAsync();
        Assert.Equal(((GrpcStatusCode)status, AsyncFailureKind.InvalidResponse), (bench.Events.End.Status, bench.Events.End.Failure));
    });

    [Fact]
    public void Cancel_ResetsTheStream_AndTellsNothing() => LoopRunner.Run(async loop =>
    {
        using var bench = new AsyncBench(loop);
        AsyncGrpcStream call = bench.Call();
        call.Start();
        Http2Peer server = await bench.AcceptAsync();
        await server.ReadHeadersAsync();
        await server.HeadersAsync(1, end: false, (":status", "200"));
        bench.Events.AfterMessage = call.Cancel;
        await server.DataAsync(1, Hi + Yo, end: false);
        Assert.Equal(Http2ErrorCode.CANCEL, await server.ReadResetAsync());
        Assert.Equal(["hi"], bench.Events.Messages);
        Assert.Empty(bench.Events.Ends);
        Assert.True(call.IsEnded);
        bench.AssertIdle();
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ClusterRemoved_EndsItsCalls(bool connected) => LoopRunner.Run(async loop =>
    {
        using var bench = new AsyncBench(loop);
        bench.Call().Start();
        Http2Peer? server = connected ? await bench.AcceptAsync() : null;
        if (server is not null)
        {
            await server.ReadHeadersAsync();
        }

        bench.Cluster.Set(null);
        bench.State.MarkRemoved();
        bench.Worker.RemoveCluster(bench.State);
        Assert.Equal((GrpcStatusCode.Unavailable, AsyncFailureKind.ClusterRemoved), (bench.Events.End.Status, bench.Events.End.Failure));
        bench.AssertIdle();
        if (server is not null)
        {
            Assert.Equal(Http2ErrorCode.CANCEL, await server.ReadResetAsync());
            await server.ReadToEndAsync();
        }
    });

    [Fact]
    public void CallMadeAnew_InsideAnEnd_Runs() => LoopRunner.Run(async loop =>
    {
        using var bench = new AsyncBench(loop);
        bench.Events.AfterEnd = () =>
        {
            bench.Events.AfterEnd = null;
            bench.Call().Start();
        };
        bench.Call().Start();
        Http2Peer server = await bench.AcceptAsync();
        await server.ReadHeadersAsync();
        await server.HeadersAsync(1, end: true, (":status", "200"), ("grpc-status", "14"));
        Assert.Equal(Http2ErrorCode.CANCEL, await server.ReadResetAsync());
        Assert.Equal(3, (await server.ReadHeadersAsync()).Id);
        await server.HeadersAsync(3, end: true, (":status", "200"), ("grpc-status", "0"));
        await bench.UntilAsync(() => bench.Events.Ends.Count == 2);
        Assert.Equal([GrpcStatusCode.Unavailable, GrpcStatusCode.Ok], bench.Events.Ends.Select(static end => end.Status));
        bench.AssertIdle();
    });

    [Fact]
    public void CallMadeAnew_WhileTheClusterGoes_EndsOnce() => LoopRunner.Run(async loop =>
    {
        using var bench = new AsyncBench(loop);
        bench.Events.AfterEnd = () =>
        {
            bench.Events.AfterEnd = null;
            bench.Call().Start();
        };
        bench.Call().Start();
        bench.Cluster.Set(null);
        bench.State.MarkRemoved();
        bench.Worker.RemoveCluster(bench.State);
        Assert.Equal(
            [AsyncFailureKind.ClusterRemoved, AsyncFailureKind.UnknownCluster], bench.Events.Ends.Select(static end => end.Failure));
        bench.AssertIdle();
        await loop.YieldAsync();
    });

    [Fact]
    public void NoClusterOrNoHost_FailsAtOnce() => LoopRunner.Run(async loop =>
    {
        using var bench = new AsyncBench(loop);
        new AsyncGrpcStream(
            bench.Worker, bench.Bench.Context.Clusters.Reference("absent"), AsyncBench.Method, AsyncGrpcOptions.Default, bench.Events).Start();
        Assert.Equal((GrpcStatusCode.Unavailable, AsyncFailureKind.UnknownCluster), (bench.Events.End.Status, bench.Events.End.Failure));
        bench.Events.Ends.Clear();
        Http.ProxyBench.SetHosts(bench.State);
        bench.Call().Start();
        Assert.Equal((GrpcStatusCode.Unavailable, AsyncFailureKind.NoHost), (bench.Events.End.Status, bench.Events.End.Failure));
        await loop.YieldAsync();
    });
}
