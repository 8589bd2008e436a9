using Envoy.Extensions.Upstreams.Http.V3;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http2;

/// <summary>
/// An upstream that answers early and resets its connection while the request is still being sent: the send fails before this process has
/// heard of the answer, which lies in the kernel.
/// </summary>
public sealed class UpstreamSendFailsTests
{
    [Theory]
    [InlineData(false, "answer")]
    [InlineData(true, "answer")]
    [InlineData(true, "answer and GOAWAY")]
    [InlineData(false, "nothing")]
    [InlineData(true, "nothing")]
    public void SendFails_WhatTheUpstreamSaidBefore_IsHeard(bool http2, string said) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddHttpCluster("backend", new HttpProtocolOptions
        {
            ExplicitHttpConfig = http2 ? new() { Http2ProtocolOptions = new() } : new() { HttpProtocolOptions = new() },
        }, upstream.Address);
        bench.Serve();
        (SocketStream clientEnd, SocketStream proxyEnd) = await PairAsync(loop);
        (SocketStream trigger, SocketStream triggered) = await PairAsync(loop);
        bench.Accept(proxyEnd);
        var client = new TestClient(clientEnd);
        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        byte[] answer = "HTTP/1.1 403 Forbidden\r\ncontent-length: 7\r\n\r\nnot you"u8.ToArray();
        if (http2)
        {
            var peer = new Http2Peer(server.Stream);
            await peer.StartServerAsync();
            await peer.ReadHeadersAsync();
            answer =
            [
                .. Http2Peer.Frame(FrameType.HEADERS, FrameFlags.END_HEADERS, 1, peer.Block((":status", "403"), ("content-length", "7"))),
                .. Http2Peer.Frame(FrameType.DATA, FrameFlags.END_STREAM, 1, "not you"u8.ToArray()),
                .. said.Contains("GOAWAY", StringComparison.Ordinal) ? Http2Peer.Frame(FrameType.GOAWAY, FrameFlags.None, 0, [0, 0, 0, 1, 0, 0, 0, 0]) : [],
            ];
        }
        else
        {
            await server.ReadHeadAsync();
        }

        // One turn's events, in this order: the upstream answers and resets, then more of the request comes from the client. That the
        // upstream has anything to tell is an event of the next turn.
        Task gone = AnswerAsync();
        Assert.True(trigger.TrySend("x"u8).IsOk);
        Assert.True(clientEnd.TrySend(new byte[32 * 1024]).IsOk);
        await gone;
        string head = await client.ReadHeadAsync();
        if (said == "nothing")
        {
            Assert.StartsWith("HTTP/1.1 503 ", head, StringComparison.Ordinal);
            await client.ReadUntilAsync("connection termination");
        }
        else
        {
            Assert.StartsWith("HTTP/1.1 403 ", head, StringComparison.Ordinal);
            Assert.Equal("not you", await client.ReadBytesAsync(7));
        }

        await loop.UntilAsync(() => bench.Recorded.Count > 0);
        Assert.Equal(said == "nothing" ? "UC" : "-", Assert.Single(bench.Recorded).Flags);
        await loop.UntilAsync(() => bench.Counter("cluster.backend.upstream_cx_destroy") == 1);
        clientEnd.Close();
        trigger.Close();
        triggered.Close();

        async Task AnswerAsync()
        {
            await triggered.ReceiveAsync(new byte[1]);
            if (said != "nothing")
            {
                Assert.Equal(answer.Length, server.Stream.TrySend(answer).Bytes);
            }

            server.Stream.Reset();
        }
    });

    private static async Task<(SocketStream Client, SocketStream Server)> PairAsync(Pilotfish.Runtime.Loops.EventLoop loop)
    {
        ListenSocket listener = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        SocketStream client = SocketStream.Create(loop);
        ValueTask<IoError> connecting = client.ConnectAsync(listener.LocalAddress);
        var server = (SocketStream)(await listener.AcceptAsync()).Stream!;
        Assert.Equal(IoError.None, await connecting);
        listener.Close();
        return (client, server);
    }
}
