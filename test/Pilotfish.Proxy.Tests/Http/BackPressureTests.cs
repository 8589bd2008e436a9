using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Http2;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;
using HttpProtocolOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>
/// Bodies of 64 MB past a side that takes nothing: the other side stops, what the proxy holds stays within windows and buffer limits, and
/// once the slow side reads on every byte arrives. All pairs of protocols, both directions.
/// </summary>
[Collection(LoadCollection.Name)]
public sealed class BackPressureTests
{
    private const int Bytes = 64 * 1024 * 1024;
    private const string Length = "67108864";
    private const int Piece = 64 * 1024;
    private const int Window = 128 * 1024;

    // How far a limit is passed before its producer hears of it: a turn's share of a stream, and the piece that ends it.
    private const long Overrun = SocketStream.ReceiveBytesPerTurnMax + (64 * 1024);

    // What was received last on either side, the window of a stream that was paused, and the pipes of the test.
    private const long Beside = (2 * 64 * 1024) + (2 * Window) + (2 * 64 * 1024);

    // A connection of HTTP/1.1 has per_connection_buffer_limit_bytes (1 MiB) under way in one buffer and gathers as much in another.
    private const long Http1HeldMax = (2 * ((1024 * 1024) + Overrun)) + Beside;

    // A stream of HTTP/2 keeps what its window does not take, in a buffer of at most a quarter more.
    private const long Http2HeldMax = ((Http2Limits.StreamPendingBytesHigh + Overrun) * 5 / 4) + Beside;

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Download_WaitsForASlowClient(bool http2Client, bool http2Upstream) => Run(http2Client, http2Upstream, async (bench, client, upstream) =>
    {
        await (http2Client ? client.Peer.GetAsync(1) : client.Plain.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        End server = await AcceptAsync(upstream, http2Upstream);
        if (http2Upstream)
        {
            await server.Peer.ReadHeadersAsync();
            await server.Peer.HeadersAsync(1, end: false, (":status", "200"), ("content-length", Length));
        }
        else
        {
            await server.Plain.ReadHeadAsync();
            await server.Plain.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {Bytes}\r\n\r\n");
        }

        Progress sent = server.Produce(http2Upstream);
        await StallsAsync(bench.Loop, sent);
        Assert.True(sent.Bytes < Bytes, "The upstream was never held back.");
        Assert.InRange(bench.Loop.Buffers.RentedBytes, 0, http2Client ? Http2HeldMax : Http1HeldMax);
        Assert.Equal(Bytes, await client.ConsumeAsync(http2Client, hasHead: true));
        await sent.Done;
    });

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Upload_WaitsForASlowUpstream(bool http2Client, bool http2Upstream) => Run(http2Client, http2Upstream, async (bench, client, upstream) =>
    {
        await (http2Client
            ? client.Peer.HeadersAsync(
                1, end: false, (":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("content-length", Length))
            : client.Plain.SendAsync($"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {Bytes}\r\n\r\n"));
        End server = await AcceptAsync(upstream, http2Upstream);
        if (http2Upstream)
        {
            await server.Peer.ReadHeadersAsync();
        }
        else
        {
            await server.Plain.ReadHeadAsync();
        }

        Progress sent = client.Produce(http2Client);
        await StallsAsync(bench.Loop, sent);
        Assert.True(sent.Bytes < Bytes, "The client was never held back.");
        Assert.InRange(bench.Loop.Buffers.RentedBytes, 0, http2Upstream ? Http2HeldMax : Http1HeldMax);
        Assert.Equal(Bytes, await server.ConsumeAsync(http2Upstream, hasHead: false));
        await sent.Done;
    });

    /// <summary>
    /// A busy loop finds megabytes in the kernel when it comes back: it takes them in shares, and what holds them has stopped it before they
    /// are all in this process.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Download_ThatTheKernelHasGathered_StaysWithinTheLimits(bool http2Client) => Run(http2Client, http2Upstream: false, async (bench, client, upstream) =>
    {
        await (http2Client ? client.Peer.GetAsync(1) : client.Plain.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        End server = await AcceptAsync(upstream, http2: false);
        await server.Plain.ReadHeadAsync();
        await server.Plain.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {Bytes}\r\n\r\n");
        await StallsAsync(bench.Loop, new Progress());

        // Nobody else has a turn until the kernel takes no more.
        byte[] piece = new byte[Piece];
        long sent = 0;
        IoResult result;
        do
        {
            result = server.Plain.Stream.TrySend(piece);
            sent += result.Bytes;
        }
        while (result.IsOk && result.Bytes == piece.Length);

        long most = 0;
        for (int turn = 0; turn < 200; turn++)
        {
            await bench.Loop.YieldAsync();
            most = Math.Max(most, bench.Loop.Buffers.RentedBytes);
        }

        Assert.True(sent > 0, "The kernel took nothing.");
        Assert.InRange(most, 1, http2Client ? Http2HeldMax : Http1HeldMax);
    });

    private static void Run(bool http2Client, bool http2Upstream, Func<ProxyBench, End, TestUpstream, Task> test) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        var windows = new Http2ProtocolOptions { InitialStreamWindowSize = Window, InitialConnectionWindowSize = Window };
        bench.AddHttpCluster("backend", new HttpProtocolOptions
        {
            ExplicitHttpConfig = http2Upstream
                ? new HttpProtocolOptions.Types.ExplicitHttpConfig { Http2ProtocolOptions = windows }
                : new HttpProtocolOptions.Types.ExplicitHttpConfig { HttpProtocolOptions = new() },
        }, upstream.Address);
        bench.Serve(hcm => hcm.Http2ProtocolOptions = windows);
        var client = new End(bench.Connect());
        if (http2Client)
        {
            // The connection's window is lifted to the configured one before anything is sent.
            await client.Peer.StartClientAsync();
            await client.Peer.ReadAsync(FrameType.WINDOW_UPDATE);
        }

        await test(bench, client, upstream);
    });

    private static async Task<End> AcceptAsync(TestUpstream upstream, bool http2)
    {
        var end = new End(await upstream.AcceptAsync());
        if (http2)
        {
            await end.Peer.StartServerAsync();
        }

        return end;
    }

    // Until so many turns passed without a byte: everything that could move has.
    private static async Task StallsAsync(EventLoop loop, Progress progress)
    {
        for (int quiet = 0; quiet < 200;)
        {
            long before = progress.Bytes;
            await loop.YieldAsync();
            quiet = progress.Bytes == before ? quiet + 1 : 0;
        }
    }

    private sealed class Progress
    {
        public long Bytes { get; set; }

        public Task Done { get; set; } = Task.CompletedTask;
    }

    /// <summary>One end of the exchange. As HTTP/2 it keeps its own account of the windows that it was given.</summary>
    private sealed class End(TestClient plain)
    {
        public TestClient Plain { get; } = plain;

        public Http2Peer Peer { get; } = new(plain.Stream);

        public Progress Produce(bool http2)
        {
            var progress = new Progress();
            progress.Done = http2 ? ProduceFramesAsync(progress) : ProducePlainAsync(progress);
            return progress;
        }

        /// <summary>Reads the whole body and says how long it was.</summary>
        public async Task<long> ConsumeAsync(bool http2, bool hasHead)
        {
            long bytes = 0;
            if (http2)
            {
                while (bytes < Bytes)
                {
                    int length = (await Peer.ReadAsync(FrameType.DATA)).Payload.Length;
                    bytes += length;
                    if (length > 0)
                    {
                        byte[] credit = Http2Peer.Number((uint)length);
                        await Peer.SendRawAsync([
                            .. Http2Peer.Frame(FrameType.WINDOW_UPDATE, 0, 0, credit), .. Http2Peer.Frame(FrameType.WINDOW_UPDATE, 0, 1, credit)]);
                    }
                }

                return bytes;
            }

            if (hasHead)
            {
                await Plain.ReadHeadAsync();
            }

            bytes = Plain.TakeUnread();
            byte[] buffer = new byte[256 * 1024];
            while (bytes < Bytes)
            {
                IoResult result = await Plain.Stream.ReceiveAsync(buffer);
                Assert.True(result.IsOk && !result.IsEnd, $"The body ended after {bytes} bytes.");
                bytes += result.Bytes;
            }

            return bytes;
        }

        private async Task ProducePlainAsync(Progress progress)
        {
            byte[] piece = new byte[Piece];
            while (progress.Bytes < Bytes)
            {
                await Plain.Stream.SendAsync(piece);
                progress.Bytes += piece.Length;
            }
        }

        private async Task ProduceFramesAsync(Progress progress)
        {
            long stream = Window;
            long connection = Window;
            byte[] payload = new byte[FrameHeader.PayloadBytesDefault];
            while (progress.Bytes < Bytes)
            {
                while (Math.Min(stream, connection) < payload.Length)
                {
                    (FrameHeader header, byte[] credit) = await Peer.ReadAsync(FrameType.WINDOW_UPDATE);
                    uint bytes = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(credit);
                    if (header.StreamId != 0)
                    {
                        stream += bytes;
                    }
                    else
                    {
                        connection += bytes;
                    }
                }

                bool end = progress.Bytes + payload.Length >= Bytes;
                await Peer.SendAsync(FrameType.DATA, end ? FrameFlags.END_STREAM : 0, 1, payload);
                stream -= payload.Length;
                connection -= payload.Length;
                progress.Bytes += payload.Length;
            }
        }
    }
}
