using Envoy.Extensions.Upstreams.Http.V3;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http2;

/// <summary>The budget of the hot path holds for HTTP/2: a request on warm connections allocates nothing, codec and pool included.</summary>
public sealed class SteadyHttp2RequestTests
{
    private const int WarmUpRequests = 300;
    private const int RequestsPerRound = 500;

    [Fact]
    public void Request_BothSidesHttp2_AllocatesNothing() => LoopRunner.Run(async loop =>
    {
        var proxy = new ProxyBench(loop);
        ListenSocket upstream = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        ListenSocket front = ListenSocket.Listen(loop, NetAddress.Loopback(0));
        proxy.AddHttpCluster("backend", new HttpProtocolOptions { ExplicitHttpConfig = new() { Http2ProtocolOptions = new() } },
            upstream.LocalAddress);
        proxy.Serve(static hcm =>
        {
            hcm.HttpFilters.RemoveAt(0);
            hcm.AccessLog.Clear();
            hcm.CodecType = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types.CodecType.Http2;
        });
        Task answering = AnswerAsync(upstream);
        SocketStream client = SocketStream.Create(loop);
        Assert.Equal(IoError.None, await client.ConnectAsync(front.LocalAddress));
        proxy.Accept((await front.AcceptAsync()).Stream!);

        Assert.Equal(0, await AskAsync(client));

        client.Close();
        upstream.Close();
        front.Close();
        await loop.YieldAsync();
    });

    private static async Task<long> AskAsync(SocketStream client)
    {
        var peer = new Http2Peer(client);
        await peer.StartClientAsync();
        byte[] buffer = new byte[16384];
        byte[] request = Http2Peer.Frame(FrameType.HEADERS, FrameFlags.END_HEADERS | FrameFlags.END_STREAM, 1,
            [0x82, 0x86, 0x84, 0x01, 7, .. "service"u8, 0x0F, 0x2B, 5, .. "agent"u8]);
        var meter = new AllocationMeter();
        for (int i = 0; meter.WantsMore; i++)
        {
            if (i >= WarmUpRequests && (i - WarmUpRequests) % RequestsPerRound == 0)
            {
                meter.Mark();
            }

            System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(request.AsSpan(5), 1 + (2 * i));
            await client.SendAsync(request);
            int got = 0;
            while (!buffer.AsSpan(0, got).EndsWith("xxxx"u8))
            {
                IoResult result = await client.ReceiveAsync(buffer.AsMemory(got));
                Assert.True(result.IsOk && !result.IsEnd, "The proxy closed a connection that works.");
                got += result.Bytes;
            }

            // Credit in the portions of a client that reads.
            if (i % 32 == 31)
            {
                byte[] credit = s_credit;
                await client.SendAsync(credit);
            }
        }

        return meter.Least;
    }

    private static readonly byte[] s_credit = Http2Peer.Frame(FrameType.WINDOW_UPDATE, 0, 0, Http2Peer.Number(32 * 1024));

    private static async Task AnswerAsync(ListenSocket upstream)
    {
        SocketStream stream = (await upstream.AcceptAsync()).Stream!;
        await stream.SendAsync(Http2Peer.Frame(FrameType.SETTINGS, 0, 0));
        byte[] buffer = new byte[16384];
        byte[] response =
        [
            .. Http2Peer.Frame(FrameType.HEADERS, FrameFlags.END_HEADERS, 1, [0x88, 0x0F, 0x0D, 4, .. "1024"u8]),
            .. Http2Peer.Frame(FrameType.DATA, FrameFlags.END_STREAM, 1, [.. new string('x', 1024).Select(static c => (byte)c)]),
        ];
        int dataAt = response.Length - 1024 - FrameHeader.Bytes;
        int got = 0;
        int preface = 24;
        while (true)
        {
            IoResult result = await stream.ReceiveAsync(buffer.AsMemory(got));
            if (!result.IsOk || result.IsEnd)
            {
                stream.Close();
                return;
            }

            got += result.Bytes;
            int at = Math.Min(preface, got);
            preface -= at;
            while (FrameHeader.TryRead(buffer.AsSpan(at, got - at), out FrameHeader frame) && got - at >= FrameHeader.Bytes + frame.Length)
            {
                at += FrameHeader.Bytes + frame.Length;
                if (frame.Type != FrameType.HEADERS)
                {
                    continue;
                }

                System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(response.AsSpan(5), frame.StreamId);
                System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(response.AsSpan(dataAt + 5), frame.StreamId);
                await stream.SendAsync(response);
            }

            buffer.AsSpan(at, got - at).CopyTo(buffer);
            got -= at;
        }
    }
}
