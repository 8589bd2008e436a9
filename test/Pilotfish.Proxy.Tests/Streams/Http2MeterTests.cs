using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Streams;

/// <summary>What HTTP/2 streams weigh, on either side: their frames with headers and padding, never those of the connection.</summary>
public sealed class Http2MeterTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    private const int Header = FrameHeader.Bytes;

    [Fact]
    public void Downstream_CountsFramesAndBlocks() => Run(http2Upstream: false, async (proxy, upstream, records) =>
    {
        var client = new Http2Peer(proxy.Connect().Stream);
        await client.StartClientAsync();
        byte[] first = client.Block((":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a"));
        byte[] rest = client.Block(("x-one", "1"));
        await client.SendAsync(FrameType.HEADERS, FrameFlags.PADDED, 1, [2, .. first, 0, 0]);
        await client.SendAsync(FrameType.CONTINUATION, FrameFlags.END_HEADERS, 1, rest);
        await client.SendAsync(FrameType.DATA, FrameFlags.PADDED, 1, [3, (byte)'a', (byte)'b', 0, 0, 0]);
        await client.SendAsync(FrameType.PRIORITY, FrameFlags.None, 1, 0, 0, 0, 0, 1);
        byte[] trailers = client.Block(("x-sum", "42"));
        await client.SendAsync(FrameType.HEADERS, FrameFlags.END_HEADERS | FrameFlags.END_STREAM, 1, trailers);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.ReadUntilAsync("0\r\n");
        await server.SendAsync(Ok);
        (int wire, int blocks) = await ReadStreamAsync(client);
        ByteMeter downstream = records.Only.Downstream;

        // The frame header of a CONTINUATION is not counted, nor are frames that carry no part of the message.
        int block = Header + 1 + first.Length + 2 + rest.Length;
        Assert.Equal(block + Header + 6 + Header + trailers.Length, downstream.WireBytesReceived);
        Assert.Equal(block + Header + trailers.Length, downstream.HeaderBytesReceived);
        Assert.Equal((7 + 4) + (7 + 4) + (5 + 1) + (10 + 1) + (5 + 1) + (5 + 2), downstream.DecompressedHeaderBytesReceived);
        Assert.Equal((wire, blocks), (downstream.WireBytesSent, downstream.HeaderBytesSent));

        // :status, content-length, date, server and x-envoy-upstream-service-time.
        Assert.Equal((7 + 3) + (14 + 1) + (4 + 29) + (6 + 5) + (29 + 1), downstream.DecompressedHeaderBytesSent);
    });

    [Fact]
    public void Upstream_CountsFramesAndBlocks() => Run(http2Upstream: true, async (proxy, upstream, records) =>
    {
        TestClient client = proxy.Connect();
        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
        var server = new Http2Peer((await upstream.AcceptAsync()).Stream);
        await server.StartServerAsync();
        (int wire, int blocks) = await ReadStreamAsync(server);
        byte[] head = server.Block((":status", "200"));
        byte[] trailers = server.Block(("x-sum", "42"));
        await server.SendAsync(FrameType.HEADERS, FrameFlags.END_HEADERS, 1, head);
        await server.DataAsync(1, "ok", end: false);
        await server.SendAsync(FrameType.HEADERS, FrameFlags.END_HEADERS | FrameFlags.END_STREAM, 1, trailers);
        await client.ReadUntilAsync("0\r\n\r\n");
        ByteMeter sent = records.Only.Upstream;
        Assert.Equal((wire, blocks), (sent.WireBytesSent, sent.HeaderBytesSent));
        Assert.Equal(Header + head.Length + Header + 2 + Header + trailers.Length, sent.WireBytesReceived);
        Assert.Equal(Header + head.Length + Header + trailers.Length, sent.HeaderBytesReceived);
        Assert.Equal((7 + 3) + (5 + 2), sent.DecompressedHeaderBytesReceived);
    });

    [Fact]
    public void Downstream_ResetByTheClient_CountsItsFrame() => Run(http2Upstream: false, async (proxy, upstream, records) =>
    {
        var client = new Http2Peer(proxy.Connect().Stream);
        await client.StartClientAsync();
        byte[] head = client.Block((":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"));
        await client.SendAsync(FrameType.HEADERS, FrameFlags.END_HEADERS | FrameFlags.END_STREAM, 1, head);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await client.SendAsync(FrameType.RST_STREAM, FrameFlags.None, 1, Http2Peer.Number(8));
        await server.ReadToEndAsync();
        ByteMeter downstream = records.Only.Downstream;
        Assert.Equal((Header + head.Length + Header + 4, 0), (downstream.WireBytesReceived, downstream.WireBytesSent));
    });

    [Fact]
    public void Upstream_ResetByTheProxy_CountsItsFrame() => Run(http2Upstream: true, async (proxy, upstream, records) =>
    {
        TestClient client = proxy.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var server = new Http2Peer((await upstream.AcceptAsync()).Stream);
        await server.StartServerAsync();
        (int wire, _) = await ReadStreamAsync(server);
        client.Stream.Reset();
        await server.ReadResetAsync();
        Assert.Equal(wire + Header + 4, records.Only.Upstream.WireBytesSent);
    });

    // Extended CONNECT (RFC 8441): the bytes of a tunnel are DATA on one side and plain on the other.
    [Fact]
    public void Tunnel_CountsItsFramesDownAndItsBytesUp() => Run(http2Upstream: false, async (proxy, upstream, records) =>
    {
        var client = new Http2Peer(proxy.Connect().Stream);
        await client.StartClientAsync();
        byte[] head = client.Block(
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/c"), (":authority", "a"), ("sec-websocket-key", "k"));
        await client.SendAsync(FrameType.HEADERS, FrameFlags.END_HEADERS, 1, head);
        TestClient server = await upstream.AcceptAsync();
        string request = await server.ReadHeadAsync();
        const string Switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        await server.SendAsync(Switch);
        (FrameHeader answer, _) = await client.ReadAsync(FrameType.HEADERS);
        await client.DataAsync(1, "ping", end: false);
        Assert.Equal("ping", await server.ReadBytesAsync(4));
        await server.SendAsync("pong!");
        Assert.Equal("pong!", await client.ReadBodyAsync(5));
        server.Stream.Close();
        (FrameHeader last, _) = await client.ReadAsync(FrameType.DATA);
        Assert.True(last.Has(FrameFlags.END_STREAM));
        (ByteMeter down, ByteMeter up) = records.Only;
        Assert.Equal(
            (Header + head.Length + Header + 4, Header + answer.Length + Header + 5 + Header), (down.WireBytesReceived, down.WireBytesSent));
        Assert.Equal((Switch.Length + 5, request.Length + 4), (up.WireBytesReceived, up.WireBytesSent));
    },
    static hcm =>
    {
        hcm.Http2ProtocolOptions = new Http2ProtocolOptions { AllowConnect = true };
        hcm.UpgradeConfigs.Add(new HttpConnectionManager.Types.UpgradeConfig { UpgradeType = "websocket" });
    });

    [Fact]
    public void LocalReply_CountsDownstreamOnly() => Run(http2Upstream: false, async (proxy, _, records) =>
    {
        ProxyBench.SetHosts(proxy.Context.Clusters.Reference("backend").Current!);
        var client = new Http2Peer(proxy.Connect().Stream);
        await client.StartClientAsync();
        await client.GetAsync(1);
        (int wire, int blocks) = await ReadStreamAsync(client);
        (ByteMeter down, ByteMeter up) = records.Only;
        Assert.Equal((wire, blocks), (down.WireBytesSent, down.HeaderBytesSent));
        MeterRecords.Equal(default, up);
    });

    // The record is written when the response is whole; what the client's window holds back then belongs to it.
    [Fact]
    public void Downstream_ResponseHeldByTheWindow_CountsWhole() => Run(http2Upstream: false, async (proxy, upstream, records) =>
    {
        const int Body = 100_000;
        const int Window = 65_535;
        var client = new Http2Peer(proxy.Connect().Stream);
        await client.StartClientAsync();
        await client.GetAsync(1);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {Body}\r\n\r\n" + new string('x', Body));
        (FrameHeader head, _) = await client.ReadAsync(FrameType.HEADERS);
        int received = 0;
        int frames = 0;
        while (received < Window)
        {
            received += (await client.ReadAsync(FrameType.DATA)).Payload.Length;
            frames++;
        }

        while (records.Count == 0)
        {
            await client.Stream.Loop.YieldAsync();
        }

        int held = Body - Window;
        Assert.Equal(
            Header + head.Length + Window + (frames * Header) + held + (((held + 16383) / 16384) * Header),
            records.Only.Downstream.WireBytesSent);
    });

    // Frames of stream 1 up to END_STREAM: all of them, and those of header blocks.
    private static async Task<(int Wire, int Blocks)> ReadStreamAsync(Http2Peer peer)
    {
        (int wire, int blocks) = (0, 0);
        while (await peer.ReadFrameAsync() is { } frame)
        {
            if (frame.Header.StreamId != 1)
            {
                continue;
            }

            wire += Header + frame.Payload.Length;
            blocks += frame.Header.Type is FrameType.HEADERS or FrameType.CONTINUATION ? Header + frame.Payload.Length : 0;
            if (frame.Header.Has(FrameFlags.END_STREAM) && frame.Header.Type is FrameType.HEADERS or FrameType.DATA)
            {
                break;
            }
        }

        return (wire, blocks);
    }

    private static void Run(
        bool http2Upstream, Func<ProxyBench, TestUpstream, MeterRecords, Task> test, Action<HttpConnectionManager>? configure = null) => LoopRunner.Run(new ManualLoopClock(), async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var proxy = new ProxyBench(loop);
        var records = new MeterRecords(proxy);
        var http = new Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions { ExplicitHttpConfig = new() };
        if (http2Upstream)
        {
            http.ExplicitHttpConfig.Http2ProtocolOptions = new Http2ProtocolOptions();
        }
        else
        {
            http.ExplicitHttpConfig.HttpProtocolOptions = new Http1ProtocolOptions();
        }

        proxy.AddHttpCluster("backend", http, upstream.Address);
        proxy.Serve(hcm =>
        {
            hcm.AccessLog.Add(MeterRecords.Log);
            configure?.Invoke(hcm);
        });
        await test(proxy, upstream, records);
    });
}
