using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>
/// Answers to a request that is still being sent: the client gets them whole, although it reads nothing before it has sent everything. Real
/// sockets, as it is the kernel that would destroy them; time stands until a test moves it.
/// </summary>
public sealed class EarlyAnswerTests
{
    private const int RequestBytes = 8 * 1024 * 1024;
    private const int AnswerBytes = 100_000;

    /// <summary>The upstream refuses after the head; the client goes on sending.</summary>
    [Theory]
    [InlineData("upstream")]
    [InlineData("upstream closes")]
    [InlineData("proxy")]
    public void Http1_AnswerIsWhole_ThenTheConnectionEnds(string whose) => Run(async (loop, _, bench, client, accepted) =>
    {
        using var upstream = new TestUpstream(loop);
        Serve(bench, accepted, upstream, whose);
        await client.SendAsync($"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {RequestBytes}\r\n\r\n");
        if (whose != "proxy")
        {
            TestClient server = await upstream.AcceptAsync();
            await server.ReadHeadAsync();
            await server.SendAsync($"HTTP/1.1 403 Forbidden\r\nContent-Length: {AnswerBytes}\r\n\r\n{new string('n', AnswerBytes)}");
            if (whose == "upstream closes")
            {
                server.Stream.Close();
            }
        }

        IoResult sent = await client.Stream.SendAsync(new byte[RequestBytes]);
        Assert.Equal(RequestBytes, sent.Bytes);
        string head = await client.ReadHeadAsync();
        Assert.StartsWith(whose == "proxy" ? "HTTP/1.1 503 " : "HTTP/1.1 403 ", head, StringComparison.Ordinal);
        Assert.Contains("\r\nconnection: close\r\n", head, StringComparison.Ordinal);
        string body = await client.ReadToEndAsync();
        Assert.Equal(whose == "proxy" ? "no healthy upstream" : new string('n', AnswerBytes), body);

        // The proxy has said its end and reads on; the client's end is the connection's.
        Assert.False(bench.AllConnectionsFinished);
        client.Stream.Close();
        await loop.UntilAsync(() => bench.AllConnectionsFinished);
        Assert.Equal(0, bench.Counter("http.test.downstream_cx_delayed_close_timeout"));
    });

    /// <summary>A client that never ends is waited for as long as delayed_close_timeout says.</summary>
    [Fact]
    public void Http1_ClientThatGoesOn_IsCutAfterDelayedCloseTimeout() => Run(async (loop, clock, bench, client, accepted) =>
    {
        bench.AddCluster("backend");
        bench.Serve(static hcm => hcm.DelayedCloseTimeout = Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(TimeSpan.FromSeconds(3)));
        bench.Accept(accepted);
        await client.SendAsync($"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {RequestBytes}\r\n\r\n");
        await client.ReadUntilAsync("no healthy upstream");
        await client.SendAsync("more");
        clock.AdvanceMilliseconds(2_999);
        await loop.YieldAsync();
        await client.SendAsync("more");
        Assert.False(bench.AllConnectionsFinished);
        clock.AdvanceMilliseconds(2);
        await loop.UntilAsync(() => bench.AllConnectionsFinished);
        Assert.Equal(1, bench.Counter("http.test.downstream_cx_delayed_close_timeout"));
    });

    /// <summary>Over HTTP/2 only the stream ends: what is still on its way for it is taken and dropped, and the connection's window given back.</summary>
    [Theory]
    [InlineData("upstream")]
    [InlineData("proxy")]
    public void Http2_AnswerIsWhole_AndTheConnectionServesOn(string whose) => Run(async (loop, _, bench, client, accepted) =>
    {
        using var upstream = new TestUpstream(loop);
        Serve(bench, accepted, upstream, whose);
        var peer = new Http2Peer(client.Stream);
        await peer.StartClientAsync();
        const int frame = FrameHeader.PayloadBytesDefault;

        // More streams than one connection window has room for, if it were not given back.
        for (int id = 1; id < 20; id += 2)
        {
            await peer.GetAsync(id, method: "POST", end: false);
            TestClient? server = null;
            if (whose != "proxy")
            {
                server = await upstream.AcceptAsync();
                await server.ReadHeadAsync();
                await server.SendAsync($"HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\nnever");
            }

            for (int sent = 0; sent + frame < 65_535; sent += frame)
            {
                await peer.SendAsync(FrameType.DATA, FrameFlags.None, id, new byte[frame]);
            }

            (int Id, bool End, Dictionary<string, string> Fields) answer = await peer.ReadHeadersAsync();
            Assert.Equal((id, whose == "proxy" ? "503" : "403"), (answer.Id, answer.Fields[":status"]));
            Assert.Equal(whose == "proxy" ? "no healthy upstream" : "never", await peer.ReadBodyAsync());
            Assert.Equal(Http2ErrorCode.NO_ERROR, await peer.ReadResetAsync());
            await peer.SendAsync(FrameType.DATA, FrameFlags.None, id, new byte[100]);
        }

        client.Stream.Close();
        await loop.UntilAsync(() => bench.AllConnectionsFinished);
    });

    private static void Serve(ProxyBench bench, SocketStream accepted, TestUpstream upstream, string whose)
    {
        bench.AddCluster("backend", whose == "proxy" ? [] : [upstream.Address]);
        bench.Serve(static hcm => hcm.Http2ProtocolOptions = new() { InitialStreamWindowSize = 65_535, InitialConnectionWindowSize = 65_535 });
        bench.Accept(accepted);
    }

    private static void Run(Func<EventLoop, ManualLoopClock, ProxyBench, TestClient, SocketStream, Task> test)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            ListenSocket listener = ListenSocket.Listen(loop, NetAddress.Loopback(0));
            SocketStream client = SocketStream.Create(loop);
            ValueTask<IoError> connecting = client.ConnectAsync(listener.LocalAddress);
            var accepted = (SocketStream)(await listener.AcceptAsync()).Stream!;
            Assert.Equal(IoError.None, await connecting);
            listener.Close();
            await test(loop, clock, new ProxyBench(loop), new TestClient(client), accepted);
        });
    }
}
