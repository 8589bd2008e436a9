using System.Text;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Http2.InternalServer;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Http2.InternalServer;

/// <summary>The process's own gRPC server against scripted clients, friendly and not.</summary>
public sealed class InternalGrpcServerTests
{
    [Fact]
    public void Call_AnswersAsMessagesCome_AndEndsWithItsStatus() => LoopRunner.Run(async loop =>
    {
        using var bench = new GrpcServerBench(loop);
        Http2Peer client = await bench.ConnectAsync();
        await client.HeadersAsync(1, end: false, GrpcServerBench.Head());
        await client.DataAsync(1, GrpcServerBench.Message("one"), end: false);
        (_, bool end, Dictionary<string, string> head) = await client.ReadHeadersAsync();
        Assert.False(end);
        Assert.Equal(("200", "application/grpc"), (head[":status"], head["content-type"]));
        Assert.Equal(GrpcServerBench.Message("one"), await client.ReadBodyAsync(10));
        await client.DataAsync(1, GrpcServerBench.Message("two"), end: true);
        Assert.Equal(GrpcServerBench.Message("two"), await client.ReadBodyAsync(10));
        (_, end, Dictionary<string, string> trailers) = await client.ReadHeadersAsync();
        Assert.True(end);
        Assert.Equal("0", trailers["grpc-status"]);
        Assert.Equal(["one", "sent", "two", "sent", "end"], bench.Heard);
    });

    [Fact]
    public void Call_InFramesOfOneByte_IsTheSame() => LoopRunner.Run(async loop =>
    {
        using var bench = new GrpcServerBench(loop);
        Http2Peer client = await bench.ConnectAsync();
        await client.HeadersAsync(1, end: false, GrpcServerBench.Head());
        string body = GrpcServerBench.Message("one") + GrpcServerBench.Message("two");
        for (int i = 0; i < body.Length; i++)
        {
            await client.DataAsync(1, body[i].ToString(), end: i == body.Length - 1);
        }

        await client.ReadHeadersAsync();
        Assert.Equal(body, await client.ReadBodyAsync(body.Length));
        Assert.Equal("0", (await client.ReadHeadersAsync()).Fields["grpc-status"]);
    });

    [Fact]
    public void Service_EndsEarly_TellsStatusAndLetsTheRestOfTheRequestGo() => LoopRunner.Run(async loop =>
    {
        using var bench = new GrpcServerBench(loop);
        Http2Peer client = await bench.ConnectAsync();
        await client.HeadersAsync(1, end: false, GrpcServerBench.Head());
        await client.DataAsync(1, GrpcServerBench.Message("enough") + GrpcServerBench.Message("more"), end: false);
        (_, bool end, Dictionary<string, string> fields) = await client.ReadHeadersAsync();
        Assert.True(end);
        Assert.Equal(("9", "so it is: 100 %25", "200"), (fields["grpc-status"], fields["grpc-message"], fields[":status"]));
        Assert.Equal(Http2ErrorCode.NO_ERROR, await client.ReadResetAsync());
        Assert.Equal(["enough"], bench.Heard);

        await client.HeadersAsync(3, end: false, GrpcServerBench.Head());
        await client.DataAsync(3, GrpcServerBench.Message("next"), end: true);
        await client.ReadHeadersAsync();
        Assert.Equal(GrpcServerBench.Message("next"), await client.ReadBodyAsync(11));
    });

    [Theory]
    [InlineData("/pkg.Service/Other", "POST", "application/grpc", null, "200", "12")]
    [InlineData(GrpcServerBench.Echo, "GET", "application/grpc", null, "405", "13")]
    [InlineData(GrpcServerBench.Echo, "POST", "text/plain", null, "415", "13")]
    [InlineData(GrpcServerBench.Echo, "POST", "application/grpc", "1x", "200", "13")]
    public void Head_ThatIsNoCallOfOurs_GetsAStatus(
        string path, string method, string type, string? timeout, string httpStatus, string status) => LoopRunner.Run(async loop =>
    {
        using var bench = new GrpcServerBench(loop);
        Http2Peer client = await bench.ConnectAsync();
        await client.HeadersAsync(1, end: false, GrpcServerBench.Head(path, method, type, timeout));
        (_, bool end, Dictionary<string, string> fields) = await client.ReadHeadersAsync();
        Assert.True(end);
        Assert.Equal((httpStatus, status), (fields[":status"], fields["grpc-status"]));
        Assert.NotEqual("", fields["grpc-message"]);
        Assert.Empty(bench.Calls);
    });

    [Theory]
    [InlineData("\u0001\0\0\0\u0001x", false, "12")]
    [InlineData("\u0002\0\0\0\u0001x", false, "13")]
    [InlineData("\0\0\u0010\0\u0001", false, "8")]
    [InlineData("\0\0\0\0\u0005ab", true, "13")]
    [InlineData("\0\0", true, "13")]
    public void Body_ThatIsNoMessage_EndsTheCallAndNotTheConnection(string body, bool end, string status) => LoopRunner.Run(async loop =>
    {
        using var bench = new GrpcServerBench(loop);
        Http2Peer client = await bench.ConnectAsync();
        await client.HeadersAsync(1, end: false, GrpcServerBench.Head());
        await client.DataAsync(1, body, end);
        Assert.Equal(status, (await client.ReadHeadersAsync()).Fields["grpc-status"]);
        Assert.Equal(["cancelled"], bench.Heard);
        await client.HeadersAsync(3, end: true, GrpcServerBench.Head());
        Assert.Equal("0", (await client.ReadHeadersAsync()).Fields["grpc-status"]);
    });

    [Fact]
    public void Deadline_Passes_TheCallEndsOnBothSides()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var bench = new GrpcServerBench(loop);
            Http2Peer client = await bench.ConnectAsync();
            await client.HeadersAsync(1, end: false, GrpcServerBench.Head(timeout: "500m"));
            await client.DataAsync(1, GrpcServerBench.Message("a"), end: false);
            await client.ReadHeadersAsync();
            clock.Advance(TimeSpan.FromMilliseconds(520));
            Assert.Equal("4", (await client.ReadHeadersAsync()).Fields["grpc-status"]);
            Assert.Equal(["a", "sent", "cancelled"], bench.Heard);
        });
    }

    [Fact]
    public void Client_ResetsOrLeaves_TheServiceHearsOnce() => LoopRunner.Run(async loop =>
    {
        using var bench = new GrpcServerBench(loop);
        Http2Peer client = await bench.ConnectAsync();
        await client.HeadersAsync(1, end: false, GrpcServerBench.Head());
        await client.HeadersAsync(3, end: false, GrpcServerBench.Head());
        await bench.UntilAsync(() => bench.Calls.Count == 2);
        await client.SendAsync(FrameType.RST_STREAM, 0, 1, Http2Peer.Number(8));
        await bench.UntilAsync(() => bench.Heard.Count == 1);
        client.Stream.Close();
        await bench.UntilAsync(() => bench.Server.ConnectionCount == 0);
        Assert.Equal(["cancelled", "cancelled"], bench.Heard);
        Assert.All(bench.Calls, call => Assert.True(call.IsEnded));
        Assert.False(bench.Calls[0].TrySend(new Google.Protobuf.WellKnownTypes.StringValue()));
    });

    [Fact]
    public void Client_ThatDoesNotRead_BlocksItsCallAndHearsOfRoom() => LoopRunner.Run(async loop =>
    {
        using var bench = new GrpcServerBench(loop, new GrpcServerLimits { HeldBytesPerConnection = 64 * 1024 * 1024 });
        Http2Peer client = await bench.ConnectAsync();
        await client.HeadersAsync(1, end: false, GrpcServerBench.Head());
        string message = GrpcServerBench.Message(new string('x', 16_000));
        while (!bench.Heard.Contains("blocked"))
        {
            await client.DataAsync(1, message[..16_000], end: false);
            await client.DataAsync(1, message[16_000..], end: false);
            await loop.YieldAsync();
        }

        int sent = bench.Heard.Count(heard => heard == "sent");
        await client.SendAsync(FrameType.WINDOW_UPDATE, 0, 0, Http2Peer.Number(64 << 20));
        await client.SendAsync(FrameType.WINDOW_UPDATE, 0, 1, Http2Peer.Number(64 << 20));
        await client.ReadHeadersAsync();
        await client.ReadBodyAsync(sent * message.Length);
        Assert.Equal("writable", bench.Heard[^1]);
    });

    [Fact]
    public void Client_ThatOnlyAsks_IsEndedAtItsBound() => LoopRunner.Run(async loop =>
    {
        using var bench = new GrpcServerBench(loop, new GrpcServerLimits { HeldBytesPerConnection = 100_000 });
        Http2Peer client = await bench.ConnectAsync();
        string message = GrpcServerBench.Message(new string('x', 16_000));
        for (int id = 1; id < 60 && !bench.Heard.Contains("cancelled"); id += 2)
        {
            await client.HeadersAsync(id, end: false, GrpcServerBench.Head());
            await client.DataAsync(id, message[..16_000], end: false);
            await client.DataAsync(id, message[16_000..], end: false);
            await loop.YieldAsync();
        }

        while (true)
        {
            (_, bool end, Dictionary<string, string> fields) = await client.ReadHeadersAsync();
            if (end)
            {
                Assert.Equal("8", fields["grpc-status"]);
                break;
            }
        }
    });

    [Fact]
    public void Preface_NeverComes_TheConnectionIsClosed()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var bench = new GrpcServerBench(loop);
            IByteStream silent = bench.ConnectRaw();
            IByteStream half = bench.ConnectRaw();
            await half.SendAsync(Encoding.ASCII.GetBytes("PRI * HTTP/2.0\r\n"));
            await loop.YieldAsync();
            clock.Advance(TimeSpan.FromSeconds(10.1));
            await bench.UntilAsync(() => bench.Server.ConnectionCount == 0);
            Assert.True((await EndAsync(silent)).IsEnd);
            Assert.True((await EndAsync(half)).IsEnd);
        });
    }

    [Fact]
    public void Request_NeverComes_TheCallIsEnded_AndOthersStay()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var bench = new GrpcServerBench(loop);
            Http2Peer client = await bench.ConnectAsync();
            await client.HeadersAsync(1, end: false, GrpcServerBench.Head());
            await client.DataAsync(1, GrpcServerBench.Message("a"), end: false);
            await client.ReadHeadersAsync();
            await client.HeadersAsync(3, end: false, GrpcServerBench.Head());
            await client.DataAsync(3, "\0\0\0", end: false);
            await bench.UntilAsync(() => bench.Calls.Count == 2);
            clock.Advance(TimeSpan.FromSeconds(10.1));
            (int id, _, Dictionary<string, string> fields) = await client.ReadHeadersAsync();
            Assert.Equal((3, "4"), (id, fields["grpc-status"]));
            clock.Advance(TimeSpan.FromHours(3));
            await client.DataAsync(1, GrpcServerBench.Message("b"), end: false);
            Assert.Equal(GrpcServerBench.Message("b"), await client.ReadBodyAsync(8));
        });
    }

    [Fact]
    public void Connection_WithoutCalls_IsSentAway()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var bench = new GrpcServerBench(loop);
            Http2Peer client = await bench.ConnectAsync();
            await client.HeadersAsync(1, end: true, GrpcServerBench.Head());
            await client.ReadHeadersAsync();
            clock.Advance(TimeSpan.FromSeconds(301));
            Assert.Equal(Http2ErrorCode.NO_ERROR, (await client.ReadGoAwayAsync()).Code);
            clock.Advance(TimeSpan.FromSeconds(1.1));
            await client.ReadToEndAsync();
            await bench.UntilAsync(() => bench.Server.ConnectionCount == 0);
        });
    }

    [Fact]
    public void Frames_ThatAreNoHttp2_EndTheConnectionWithGoAway() => LoopRunner.Run(async loop =>
    {
        using var bench = new GrpcServerBench(loop);
        Http2Peer client = await bench.ConnectAsync();
        await client.HeadersAsync(1, end: false, GrpcServerBench.Head());
        await bench.UntilAsync(() => bench.Calls.Count == 1);
        await client.SendAsync(FrameType.DATA, 0, 0, 1);
        Assert.Equal(Http2ErrorCode.PROTOCOL_ERROR, (await client.ReadGoAwayAsync()).Code);
        await client.ReadToEndAsync();
        client.Stream.Close();
        await bench.UntilAsync(() => bench.Server.ConnectionCount == 0);
        Assert.Equal(["cancelled"], bench.Heard);
        Assert.Equal(1, bench.Server.Store!.Value(bench.Server.Stats.ProtocolError));
    });

    [Fact]
    public void Peer_ThatKeepsTheConnectionAfterItsEnd_IsDroppedSoon()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var bench = new GrpcServerBench(loop);
            Http2Peer client = await bench.ConnectAsync();
            await client.SendAsync(FrameType.PUSH_PROMISE, 0, 1, 0, 0, 0, 2);
            await client.ReadGoAwayAsync();
            await client.ReadToEndAsync();
            Assert.Equal(1, bench.Server.ConnectionCount);
            clock.Advance(TimeSpan.FromSeconds(1.1));
            await bench.UntilAsync(() => bench.Server.ConnectionCount == 0);
        });
    }

    [Fact]
    public void Streams_AndConnections_AreBounded() => LoopRunner.Run(async loop =>
    {
        using var bench = new GrpcServerBench(loop, new GrpcServerLimits { Connections = 1, StreamsPerConnection = 2 });
        Http2Peer client = await bench.ConnectAsync();
        for (int id = 1; id <= 5; id += 2)
        {
            await client.HeadersAsync(id, end: false, GrpcServerBench.Head());
        }

        Assert.Equal(Http2ErrorCode.REFUSED_STREAM, await client.ReadResetAsync());
        Assert.Equal(2, bench.Calls.Count);
        Assert.True((await EndAsync(bench.ConnectRaw())).IsEnd);
        Assert.Equal(1, bench.Server.ConnectionCount);
    });

    [Fact]
    public void Close_EndsCallsWithUnavailable() => LoopRunner.Run(async loop =>
    {
        using var bench = new GrpcServerBench(loop);
        Http2Peer client = await bench.ConnectAsync();
        await client.HeadersAsync(1, end: false, GrpcServerBench.Head());
        await bench.UntilAsync(() => bench.Calls.Count == 1);
        bench.Server.Close();
        Assert.Equal("14", (await client.ReadHeadersAsync()).Fields["grpc-status"]);
        await client.ReadGoAwayAsync();
        client.Stream.Close();
        await bench.UntilAsync(() => bench.Server.ConnectionCount == 0);
        Assert.Equal("cancelled", Assert.Single(bench.Heard));
    });

    private static async Task<IoResult> EndAsync(IByteStream stream)
    {
        byte[] buffer = new byte[4096];
        while (true)
        {
            IoResult result = await stream.ReceiveAsync(buffer);
            if (!result.IsOk || result.IsEnd)
            {
                return result;
            }
        }
    }
}
