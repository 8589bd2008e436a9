using Envoy.Extensions.Upstreams.Http.V3;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http2;

/// <summary>An upstream that closes while its client is slow: what it had said before is still the client's.</summary>
public sealed class UpstreamClosesTests
{
    private const int Bytes = 3_000_000;
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    private static readonly string s_body = string.Create(Bytes, 0, static (span, _) =>
    {
        for (int i = 0; i < span.Length; i++)
        {
            span[i] = (char)('a' + (i * 31 % 26));
        }
    });

    public enum Ending
    {
        WithData,
        EmptyData,
        Trailers,
    }

    public enum Closing
    {
        Fin,
        GoAway,
        Reset,
        Fault,
    }

    public static TheoryData<bool, Ending, Closing, int> Cases()
    {
        var cases = new TheoryData<bool, Ending, Closing, int>();
        foreach (bool http2 in (bool[])[false, true])
        {
            foreach (Ending ending in Enum.GetValues<Ending>())
            {
                foreach (Closing closing in Enum.GetValues<Closing>())
                {
                    cases.Add(http2, ending, closing, 0);
                }
            }

            cases.Add(http2, Ending.WithData, Closing.Fin, 1);
            cases.Add(http2, Ending.Trailers, Closing.Reset, 500_000);
            cases.Add(http2, Ending.EmptyData, Closing.GoAway, 1_900_000);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Answered_IsDeliveredWhole(bool http2Client, Ending ending, Closing closing, int readBefore) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        Client client = await Client.StartAsync(bench, http2Client);
        Http2Peer server = await AnswerAsync(bench, upstream, ending);
        Assert.Equal(1, Gauge(bench, "cluster.backend.http2", "deferred_stream_close"));
        Assert.Equal(http2Client, Gauge(bench, "http2", "pending_send_bytes") > 0);
        string before = await client.ReadAsync(readBefore);
        await CloseAsync(bench, server, closing);
        Assert.Equal(closing == Closing.Fault ? 0 : 1, bench.Counter("cluster.backend.upstream_cx_destroy_remote"));
        Assert.Empty(bench.Recorded);
        string body = before + await client.ReadAsync(Bytes - before.Length);
        Assert.True(body == s_body, "The body arrived otherwise than it was sent.");
        await client.ReadEndAsync(ending == Ending.Trailers);
        await loop.UntilAsync(() => bench.Recorded.Count > 0);
        RecordedStream record = Assert.Single(bench.Recorded);
        Assert.Equal(("via_upstream", "-", 200), (record.Details, record.Flags, record.Status));
        await GivenBackAsync(bench);
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Answered_ClientGone_HoldsNothing(bool http2Client) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        Client client = await Client.StartAsync(bench, http2Client);
        Http2Peer server = await AnswerAsync(bench, upstream, Ending.WithData);
        await CloseAsync(bench, server, Closing.Fin);
        Assert.InRange(loop.Buffers.RentedBytes, 1_000_000, 4 * Bytes);
        client.Plain.Stream.Reset();
        await GivenBackAsync(bench);
        Assert.Equal(0, bench.Counter("cluster.backend.http2.tx_reset"));
    });

    [Theory]
    [InlineData(false, Closing.Fin)]
    [InlineData(true, Closing.Fin)]
    [InlineData(false, Closing.Reset)]
    [InlineData(true, Closing.Reset)]
    public void Unfinished_WhatCameIsDeliveredAndThenTheEndIsTold(bool http2Client, Closing closing) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        Client client = await Client.StartAsync(bench, http2Client);
        Http2Peer server = await AnswerAsync(bench, upstream, ending: null);
        await CloseAsync(bench, server, closing);
        Assert.Empty(bench.Recorded);
        await client.ReadAsync(1_500_000);
        await client.ReadToEndAsync();
        RecordedStream record = Assert.Single(bench.Recorded);
        Assert.Equal(("upstream_reset_after_response_started{connection_termination}", "UC"), (record.Details, record.Flags));
        await GivenBackAsync(bench);
    });

    // RFC 9113 section 8.1: the server has answered and wants no more of the request; its answer must not be dropped for that.
    [Fact]
    public void Answered_ThenResetWithNoError_IsDeliveredWhole() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        var client = new Client(bench.Connect(), http2: false);
        await client.Plain.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
        Http2Peer server = await AnswerAsync(bench, upstream, Ending.WithData);
        await server.SendAsync(FrameType.RST_STREAM, 0, 1, Http2Peer.Number((uint)Http2ErrorCode.NO_ERROR));
        await loop.UntilAsync(() => bench.Counter("cluster.backend.http2.rx_reset") > 0);
        Assert.True(await client.ReadAsync(Bytes) == s_body, "The body arrived otherwise than it was sent.");
        await loop.UntilAsync(() => bench.Recorded.Count > 0);
        Assert.Equal("via_upstream", Assert.Single(bench.Recorded).Details);
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Http1_BodyOfStatedLength_IsDeliveredWhole(bool http2Client) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        Client client = await Client.StartAsync(bench, http2Client);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        Task sending = server.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {Bytes}\r\n\r\n{s_body}");
        string before = await client.ReadAsync(1_000_000);
        await sending;
        server.Stream.Close();
        Assert.True(before + await client.ReadAsync(Bytes - before.Length) == s_body, "The body arrived otherwise than it was sent.");
        await loop.UntilAsync(() => bench.Recorded.Count > 0);
        Assert.Equal("via_upstream", Assert.Single(bench.Recorded).Details);
    });

    // The rest of the request meets a closed connection while the whole answer lies here.
    [Fact]
    public void Http1_SendFailsBehindAnAnswer_IsDeliveredWhole() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        var client = new Client(bench.Connect(), http2: false);
        await client.Plain.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        const int First = 1_150_000;
        const int Length = First + 50_000;
        await server.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {Length}\r\n\r\n{s_body[..First]}");
        await StallsAsync(bench);
        await server.SendAsync(s_body[First..Length]);
        server.Stream.Close();
        for (int i = 0; i < 10; i++)
        {
            Assert.Empty(bench.Recorded);
            await client.Plain.SendAsync(new string('x', 10_000));
            await loop.YieldAsync();
            await loop.YieldAsync();
        }

        Assert.True(await client.ReadAsync(Length) == s_body[..Length], "The body arrived otherwise than it was sent.");
        await loop.UntilAsync(() => bench.Recorded.Count > 0);
        Assert.Equal("via_upstream", Assert.Single(bench.Recorded).Details);
    });

    private static ProxyBench Serve(EventLoop loop, TestUpstream upstream)
    {
        var bench = new ProxyBench(loop);
        bench.AddHttpCluster("backend", new HttpProtocolOptions { ExplicitHttpConfig = new() { Http2ProtocolOptions = new() } }, upstream.Address);
        bench.Serve();
        return bench;
    }

    // Sends the whole body, with its end unless there is none, and waits until the proxy has it.
    private static async Task<Http2Peer> AnswerAsync(ProxyBench bench, TestUpstream upstream, Ending? ending)
    {
        var server = new Http2Peer((await upstream.AcceptAsync()).Stream);
        await server.StartServerAsync();
        await server.ReadHeadersAsync();
        await server.HeadersAsync(1, end: false, (":status", "200"), ("content-length", ending is null ? "3000001" : "3000000"));
        for (int at = 0; at < Bytes; at += FrameHeader.PayloadBytesDefault)
        {
            int length = Math.Min(Bytes - at, FrameHeader.PayloadBytesDefault);
            await server.DataAsync(1, s_body.Substring(at, length), end: ending == Ending.WithData && at + length == Bytes);
        }

        if (ending == Ending.EmptyData)
        {
            await server.DataAsync(1, "", end: true);
        }
        else if (ending == Ending.Trailers)
        {
            await server.HeadersAsync(1, end: true, ("grpc-status", "0"));
        }

        await server.SendAsync(FrameType.PING, 0, 0, new byte[8]);
        while (await server.ReadFrameAsync() is { } frame)
        {
            if (frame.Header.Type == FrameType.PING)
            {
                return server;
            }
        }

        throw new EndOfStreamException("The proxy closed before it had the answer.");
    }

    private static async Task CloseAsync(ProxyBench bench, Http2Peer server, Closing closing)
    {
        switch (closing)
        {
            case Closing.GoAway:
                await server.SendAsync(FrameType.GOAWAY, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0);
                server.Stream.Close();
                break;
            case Closing.Reset:
                server.Stream.Reset();
                break;
            case Closing.Fault:
                await server.SendAsync(FrameType.PING, 0, 1, new byte[8]);
                break;
            default:
                server.Stream.Close();
                break;
        }

        await bench.Loop.UntilAsync(() => bench.Counter("cluster.backend.upstream_cx_destroy") > 0);
    }

    // The proxy reads no more: its client is too slow.
    private static async Task StallsAsync(ProxyBench bench)
    {
        for (int quiet = 0; quiet < 200;)
        {
            long before = bench.Counter("cluster.backend.upstream_cx_rx_bytes_total");
            await bench.Loop.YieldAsync();
            quiet = bench.Counter("cluster.backend.upstream_cx_rx_bytes_total") == before && before > 0 ? quiet + 1 : 0;
        }
    }

    private static async Task GivenBackAsync(ProxyBench bench)
    {
        await bench.Loop.UntilAsync(() => Gauge(bench, "cluster.backend", "upstream_rq_active") == 0);
        await bench.Loop.UntilAsync(() => Gauge(bench, "cluster.backend.http2", "streams_active") == 0);
        Assert.Equal((0, 0), (Gauge(bench, "cluster.backend.http2", "deferred_stream_close"), Gauge(bench, "cluster.backend.http2", "pending_send_bytes")));
        await bench.Loop.UntilAsync(() => Gauge(bench, "http2", "pending_send_bytes") == 0);
        await bench.Loop.UntilAsync(() => bench.Loop.Buffers.RentedBytes < 300_000);
    }

    private static long Gauge(ProxyBench bench, string scope, string name) => bench.Stats.Value(bench.Stats.Scope(scope).Gauge(name));

    /// <summary>A client that reads as much as it is told to.</summary>
    private sealed class Client(TestClient plain, bool http2)
    {
        private readonly Http2Peer _peer = new(plain.Stream);
        private string _surplus = "";
        private bool _begun;

        public TestClient Plain { get; } = plain;

        public static async Task<Client> StartAsync(ProxyBench bench, bool http2)
        {
            var client = new Client(bench.Connect(), http2);
            if (http2)
            {
                await client._peer.StartClientAsync();
                await client._peer.GetAsync(1);
            }
            else
            {
                await client.Plain.SendAsync(Get);
            }

            return client;
        }

        /// <summary>So many bytes of the body.</summary>
        public async Task<string> ReadAsync(int bytes)
        {
            if (bytes == 0)
            {
                return "";
            }

            if (!http2)
            {
                if (!_begun)
                {
                    _begun = true;
                    await Plain.ReadHeadAsync();
                }

                return await Plain.ReadBytesAsync(bytes);
            }

            var text = new System.Text.StringBuilder(_surplus);
            while (text.Length < bytes)
            {
                string piece = await _peer.ReadBodyAsync(1);
                text.Append(piece);
                byte[] credit = Http2Peer.Number((uint)piece.Length);
                await _peer.SendRawAsync([
                    .. Http2Peer.Frame(FrameType.WINDOW_UPDATE, 0, 0, credit), .. Http2Peer.Frame(FrameType.WINDOW_UPDATE, 0, 1, credit)]);
            }

            _surplus = text.ToString(bytes, text.Length - bytes);
            return text.ToString(0, bytes);
        }

        public async Task ReadEndAsync(bool trailers)
        {
            if (http2 && trailers)
            {
                Assert.Equal("0", (await _peer.ReadHeadersAsync()).Fields["grpc-status"]);
            }
        }

        /// <summary>Reads on to the end that is none.</summary>
        public async Task ReadToEndAsync()
        {
            if (!http2)
            {
                await Plain.ReadToEndAsync();
                return;
            }

            byte[] credit = Http2Peer.Number(2 * Bytes);
            await _peer.SendRawAsync([
                .. Http2Peer.Frame(FrameType.WINDOW_UPDATE, 0, 0, credit), .. Http2Peer.Frame(FrameType.WINDOW_UPDATE, 0, 1, credit)]);
            await _peer.ReadResetAsync();
        }
    }
}
