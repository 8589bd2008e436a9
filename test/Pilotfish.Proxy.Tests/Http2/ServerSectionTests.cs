using System.Buffers.Binary;
using Pilotfish.Proxy.Http2;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http2;

/// <summary>
/// RFC 9113, the server's side, section by section where the state of a stream matters: an upstream has the request and does not answer yet.
/// What needs no stream is in <see cref="ProtocolErrorTests"/>; RFC 7541 in <see cref="Hpack.HpackTests"/>; the client's side in
/// <see cref="ClientSectionTests"/>.
/// </summary>
public sealed class ServerSectionTests
{
    private const FrameFlags EndHeaders = FrameFlags.END_HEADERS;
    private const FrameFlags Undefined = (FrameFlags)0x16;

    private static readonly (string, string)[] s_request = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a")];

    // In each, stream 1 is open and its upstream holds the request.
    public static TheoryData<string> Accepted { get; } = new()
    {
        "4.1 frame of an unknown type",
        "4.1 flags that PING does not define",
        "4.1 reserved bit of the stream identifier",
        "4.2 DATA of 16,384 bytes",
        "4.2 HEADERS of 16,384 bytes",
        "5.1 PRIORITY on an idle stream",
        "5.1 WINDOW_UPDATE on a stream that both have ended",
        "5.1 RST_STREAM on a stream that was reset",
        "5.1 PRIORITY on a stream that was reset",
        "5.5 extension frame on stream 0",
        "6.1 padded DATA",
        "6.2 padded HEADERS with a priority",
        "6.5.2 unknown setting",
        "6.5.3 the same setting twice",
        "6.7 PING acknowledgement that nobody asked for",
        "6.9.2 initial window of 0 with a stream open",
        "6.10 three CONTINUATION frames",
        "6.10 empty CONTINUATION",
        "7 GOAWAY with an unknown error code",
        "7 RST_STREAM with an unknown error code",
    };

    public static TheoryData<string, Http2ErrorCode> StreamErrors { get; } = new()
    {
        { "5.1 half-closed (remote): DATA", Http2ErrorCode.STREAM_CLOSED },
        { "6.3 PRIORITY of 4 bytes", Http2ErrorCode.FRAME_SIZE_ERROR },
        { "6.9 WINDOW_UPDATE of 0 on a stream", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.9.1 stream window beyond 2^31-1", Http2ErrorCode.FLOW_CONTROL_ERROR },
        { "8.1.1 content-length beyond several DATA frames", Http2ErrorCode.PROTOCOL_ERROR },
        { "8.1.1 DATA beyond content-length", Http2ErrorCode.PROTOCOL_ERROR },
    };

    // Three of these could be errors of the stream alone; section 5.4.2 lets an endpoint end the connection.
    public static TheoryData<string, Http2ErrorCode> ConnectionErrors { get; } = new()
    {
        { "5.1 half-closed (remote): HEADERS", Http2ErrorCode.STREAM_CLOSED },
        { "8.1 second HEADERS without END_STREAM", Http2ErrorCode.PROTOCOL_ERROR },
        { "8.1 trailers with a pseudo-header", Http2ErrorCode.PROTOCOL_ERROR },
        { "4.2 HEADERS larger than the limit", Http2ErrorCode.FRAME_SIZE_ERROR },
        { "4.3 PRIORITY inside a header block", Http2ErrorCode.PROTOCOL_ERROR },
        { "4.3 HEADERS of another stream inside a header block", Http2ErrorCode.PROTOCOL_ERROR },
        { "5.1 half-closed (remote): CONTINUATION", Http2ErrorCode.PROTOCOL_ERROR },
        { "5.1.1 smaller stream identifier", Http2ErrorCode.PROTOCOL_ERROR },
        { "5.3.1 HEADERS that depends on itself", Http2ErrorCode.PROTOCOL_ERROR },
        { "5.4.1 PING of 9 bytes", Http2ErrorCode.FRAME_SIZE_ERROR },
        { "5.5 extension frame inside a header block", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.1 padding longer than DATA", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.4 RST_STREAM on stream 0", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.5.2 frame size above 2^24-1", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.9 WINDOW_UPDATE of 3 bytes", Http2ErrorCode.FRAME_SIZE_ERROR },
        { "6.9.2 initial window that makes a stream's exceed 2^31-1", Http2ErrorCode.FLOW_CONTROL_ERROR },
        { "6.10 CONTINUATION on stream 0", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.10 CONTINUATION after END_HEADERS", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.10 CONTINUATION after a CONTINUATION with END_HEADERS", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.10 CONTINUATION after DATA", Http2ErrorCode.PROTOCOL_ERROR },
        { "8.4 PUSH_PROMISE of a client", Http2ErrorCode.PROTOCOL_ERROR },
    };

    // Requests that break section 8; each is the first of a connection.
    public static TheoryData<string> Malformed { get; } = new()
    {
        "8.3 :status in a request",
        "8.3.1 no :method",
        "8.3.1 no :scheme",
        "8.3.1 two :scheme",
        "8.3.1 two :path",
        "8.2.2 keep-alive",
        "8.2.2 proxy-connection",
        "8.2.2 transfer-encoding",
        "8.2.2 upgrade",
        "8.2.1 space in a name",
        "8.2.1 empty name",
        "8.2.1 leading space in a value",
        "8.5 CONNECT with :path",
    };

    [Theory]
    [MemberData(nameof(Accepted))]
    public void Frame_ThatIsAllowed_LeavesConnectionAndRequest(string section) => WithOpenStream(async (client, server, _) =>
    {
        await client.SendRawAsync(Bytes(section, client));
        byte[] sent = [1, 2, 3, 4, 5, 6, 7, 8];
        await client.SendAsync(FrameType.PING, FrameFlags.None, 0, sent);
        while (true)
        {
            (FrameHeader Header, byte[] Payload)? frame = await client.ReadFrameAsync();
            Assert.True(frame is not null, "The connection was closed.");
            Assert.False(frame.Value.Header.Type is FrameType.GOAWAY, section);
            Assert.False(frame.Value.Header.Type is FrameType.RST_STREAM && frame.Value.Header.StreamId == 1 && !section.Contains("reset"), section);
            if (frame.Value.Header.Type == FrameType.PING && frame.Value.Payload.AsSpan().SequenceEqual(sent))
            {
                Assert.True(frame.Value.Header.Has(FrameFlags.ACK));
                return;
            }
        }
    });

    [Theory]
    [MemberData(nameof(StreamErrors))]
    public void Violation_OfOneStream_ResetsItAlone(string section, Http2ErrorCode code) => WithOpenStream(async (client, _, bench) =>
    {
        await client.SendRawAsync(Bytes(section, client));
        Assert.Equal(code, await client.ReadResetAsync());
        await client.SendAsync(FrameType.PING, FrameFlags.None, 0, new byte[8]);
        while (!(await client.ReadFrameAsync() is { Header: { Type: FrameType.PING } } ping && ping.Header.Has(FrameFlags.ACK)))
        {
        }
    });

    [Theory]
    [MemberData(nameof(ConnectionErrors))]
    public void Violation_OfTheConnection_EndsIt(string section, Http2ErrorCode code) => WithOpenStream(async (client, _, bench) =>
    {
        await client.SendRawAsync(Bytes(section, client));
        Assert.Equal(code, (await client.ReadGoAwayAsync()).Code);
        await client.ReadToEndAsync();
        Assert.All(bench.Logged, static record => Assert.NotEmpty(record.Details));
    });

    [Theory]
    [MemberData(nameof(Malformed))]
    public void Request_Malformed_ReachesNoUpstream(string section) => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend");
        bench.Serve();
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.HeadersAsync(1, end: true, Request(section));
        Assert.Equal(Http2ErrorCode.PROTOCOL_ERROR, (await client.ReadGoAwayAsync()).Code);
        Assert.Equal(0, bench.Counter("cluster.backend.upstream_rq_total"));
    });

    [Fact]
    public void Section3_4_ServersPreface_IsSettings() => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = new(loop);
        bench.AddCluster("backend");
        bench.Serve();
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        (FrameHeader header, byte[] _) = (await client.ReadFrameAsync())!.Value;
        Assert.Equal((FrameType.SETTINGS, 0, false), (header.Type, header.StreamId, header.Has(FrameFlags.ACK)));
    });

    [Fact]
    public void Section5_1_2_StreamsAboveTheLimit_AreRefused() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(static hcm => hcm.Http2ProtocolOptions = new() { MaxConcurrentStreams = 2 });
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        for (int id = 1; id <= 5; id += 2)
        {
            await client.GetAsync(id);
        }

        (FrameHeader header, byte[] payload) = await client.ReadAsync(FrameType.RST_STREAM);
        Assert.Equal(5, header.StreamId);
        Assert.Equal((uint)Http2ErrorCode.REFUSED_STREAM, BinaryPrimitives.ReadUInt32BigEndian(payload));
    });

    [Fact]
    public void Section6_5_3_Settings_AreAcknowledgedInOrder() => WithOpenStream(async (client, _, _) =>
    {
        await client.SettingsAsync((SettingId.INITIAL_WINDOW_SIZE, 100));
        await client.SettingsAsync((SettingId.INITIAL_WINDOW_SIZE, 1));
        await client.SendAsync(FrameType.PING, FrameFlags.None, 0, new byte[8]);
        int acknowledged = 0;
        while (await client.ReadFrameAsync() is { } frame && !(frame.Header.Type == FrameType.PING && frame.Header.Has(FrameFlags.ACK)))
        {
            acknowledged += frame.Header.Type == FrameType.SETTINGS && frame.Header.Has(FrameFlags.ACK) ? 1 : 0;
        }

        // The first of the three is that of the preface.
        Assert.Equal(3, acknowledged);
    });

    [Theory]
    [InlineData(1u)]
    [InlineData(3u)]
    public void Section6_9_1_WindowOfAFewBytes_IsNeverOverrun(uint window) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.SettingsAsync((SettingId.INITIAL_WINDOW_SIZE, window));
        await client.GetAsync(1);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789");
        await client.ReadHeadersAsync();
        int received = 0;
        while (received < 10)
        {
            (FrameHeader header, byte[] _) = await client.ReadAsync(FrameType.DATA);
            Assert.InRange(header.Length, 1, (int)window);
            received += header.Length;
            await client.SendAsync(FrameType.WINDOW_UPDATE, FrameFlags.None, 1, Http2Peer.Number(window));
        }
    });

    [Fact]
    public void Section6_9_2_WindowBelowZero_WaitsUntilItIsPositive() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.SettingsAsync((SettingId.INITIAL_WINDOW_SIZE, 3));
        await client.GetAsync(1);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n012345");
        Assert.Equal("012", await client.ReadBodyAsync(3));
        await client.SettingsAsync((SettingId.INITIAL_WINDOW_SIZE, 1));
        await client.SendAsync(FrameType.WINDOW_UPDATE, FrameFlags.None, 1, Http2Peer.Number(2));
        await client.SendAsync(FrameType.PING, FrameFlags.None, 0, new byte[8]);
        (FrameHeader Header, byte[] Payload)? frame;
        while ((frame = await client.ReadFrameAsync()) is { Header.Type: not FrameType.PING })
        {
            Assert.NotEqual(FrameType.DATA, frame.Value.Header.Type);
        }

        await client.SendAsync(FrameType.WINDOW_UPDATE, FrameFlags.None, 1, Http2Peer.Number(3));
        Assert.Equal("345", await client.ReadBodyAsync(3));
    });

    private static byte[] Bytes(string section, Http2Peer c) => section switch
    {
        "4.1 frame of an unknown type" => F((FrameType)0x16, Undefined, 0, new byte[8]),
        "4.1 flags that PING does not define" => F(FrameType.PING, Undefined, 0, new byte[8]),
        "4.1 reserved bit of the stream identifier" => Reserved(F(FrameType.PING, 0, 0, new byte[8])),
        "4.2 DATA of 16,384 bytes" => F(FrameType.DATA, 0, 1, new byte[16384]),
        "4.2 HEADERS of 16,384 bytes" => Sized(c, 16384),
        "4.2 HEADERS larger than the limit" => Sized(c, 16385),
        "4.3 PRIORITY inside a header block" => [.. Open(c, 3), .. F(FrameType.PRIORITY, 0, 1, 0, 0, 0, 0, 5)],
        "4.3 HEADERS of another stream inside a header block" => [.. Open(c, 3), .. F(FrameType.HEADERS, EndHeaders, 5, c.Block(s_request))],
        "5.1 PRIORITY on an idle stream" => F(FrameType.PRIORITY, 0, 9, 0, 0, 0, 0, 5),
        "5.1 WINDOW_UPDATE on a stream that both have ended" =>
            [.. Ended(c, 3), .. F(FrameType.RST_STREAM, 0, 3, Http2Peer.Number(8)), .. F(FrameType.WINDOW_UPDATE, 0, 3, Http2Peer.Number(1))],
        "5.1 RST_STREAM on a stream that was reset" =>
            [.. Ended(c, 3), .. F(FrameType.RST_STREAM, 0, 3, Http2Peer.Number(8)), .. F(FrameType.RST_STREAM, 0, 3, Http2Peer.Number(8))],
        "5.1 PRIORITY on a stream that was reset" =>
            [.. Ended(c, 3), .. F(FrameType.RST_STREAM, 0, 3, Http2Peer.Number(8)), .. F(FrameType.PRIORITY, 0, 3, 0, 0, 0, 0, 5)],
        "5.1 half-closed (remote): DATA" => [.. Ended(c, 3), .. F(FrameType.DATA, 0, 3, 1)],
        "5.1 half-closed (remote): HEADERS" => [.. Ended(c, 3), .. F(FrameType.HEADERS, EndHeaders | FrameFlags.END_STREAM, 3, c.Block(("x", "1")))],
        "5.1 half-closed (remote): CONTINUATION" => [.. Ended(c, 3), .. F(FrameType.CONTINUATION, EndHeaders, 3, c.Block(("x", "1")))],
        "5.1.1 smaller stream identifier" => [.. Ended(c, 5), .. Ended(c, 3)],
        "5.3.1 HEADERS that depends on itself" =>
            F(FrameType.HEADERS, EndHeaders | FrameFlags.PRIORITY, 3, [0, 0, 0, 3, 5, .. c.Block(s_request)]),
        "5.4.1 PING of 9 bytes" => F(FrameType.PING, 0, 0, new byte[9]),
        "5.5 extension frame on stream 0" => F((FrameType)0xEE, 0, 0, 1, 2, 3),
        "5.5 extension frame inside a header block" => [.. Open(c, 3), .. F((FrameType)0xEE, 0, 0, 1, 2, 3)],
        "6.1 padded DATA" => F(FrameType.DATA, FrameFlags.PADDED, 1, 3, 1, 0, 0, 0),
        "6.1 padding longer than DATA" => F(FrameType.DATA, FrameFlags.PADDED, 1, 6, 1, 0, 0, 0),
        "6.2 padded HEADERS with a priority" => F(
            FrameType.HEADERS, EndHeaders | FrameFlags.PADDED | FrameFlags.PRIORITY, 3, [2, 0, 0, 0, 0, 5, .. c.Block(s_request), 0, 0]),
        "6.3 PRIORITY of 4 bytes" => F(FrameType.PRIORITY, 0, 1, 0, 0, 0, 0),
        "6.4 RST_STREAM on stream 0" => F(FrameType.RST_STREAM, 0, 0, Http2Peer.Number(8)),
        "6.5.2 unknown setting" => F(FrameType.SETTINGS, 0, 0, 0, 0xFF, 0, 0, 0, 1),
        "6.5.2 frame size above 2^24-1" => F(FrameType.SETTINGS, 0, 0, 0, 5, 1, 0, 0, 0),
        "6.5.3 the same setting twice" => F(FrameType.SETTINGS, 0, 0, 0, 4, 0, 0, 0, 100, 0, 4, 0, 0, 0, 1),
        "6.7 PING acknowledgement that nobody asked for" => F(FrameType.PING, FrameFlags.ACK, 0, 9, 9, 9, 9, 9, 9, 9, 9),
        "6.9 WINDOW_UPDATE of 3 bytes" => F(FrameType.WINDOW_UPDATE, 0, 1, 0, 0, 1),
        "6.9 WINDOW_UPDATE of 0 on a stream" => F(FrameType.WINDOW_UPDATE, 0, 1, Http2Peer.Number(0)),
        "6.9.1 stream window beyond 2^31-1" => F(FrameType.WINDOW_UPDATE, 0, 1, Http2Peer.Number(int.MaxValue)),
        "6.9.2 initial window of 0 with a stream open" => F(FrameType.SETTINGS, 0, 0, 0, 4, 0, 0, 0, 0),
        "6.9.2 initial window that makes a stream's exceed 2^31-1" =>
            [.. F(FrameType.WINDOW_UPDATE, 0, 1, Http2Peer.Number(100)), .. F(FrameType.SETTINGS, 0, 0, 0, 4, 0x7F, 255, 255, 255)],
        "6.10 three CONTINUATION frames" => Continued(c, [1, 1, 1]),
        "6.10 empty CONTINUATION" => Continued(c, [0]),
        "6.10 CONTINUATION on stream 0" => [.. Open(c, 3), .. F(FrameType.CONTINUATION, EndHeaders, 0, 0x88)],
        "6.10 CONTINUATION after END_HEADERS" => [.. Headers(c, 3), .. F(FrameType.CONTINUATION, EndHeaders, 3, c.Block(("x", "1")))],
        "6.10 CONTINUATION after a CONTINUATION with END_HEADERS" =>
            [.. Continued(c, [1]), .. F(FrameType.CONTINUATION, EndHeaders, 3, c.Block(("x", "1")))],
        "6.10 CONTINUATION after DATA" => [.. F(FrameType.DATA, 0, 1, 1), .. F(FrameType.CONTINUATION, EndHeaders, 1, c.Block(("x", "1")))],
        "7 GOAWAY with an unknown error code" => F(FrameType.GOAWAY, 0, 0, [0, 0, 0, 0, .. Http2Peer.Number(0xFFFF)]),
        "7 RST_STREAM with an unknown error code" => [.. Ended(c, 3), .. F(FrameType.RST_STREAM, 0, 3, Http2Peer.Number(0xFFFF))],
        "8.1 second HEADERS without END_STREAM" => F(FrameType.HEADERS, EndHeaders, 1, c.Block(("x", "1"))),
        "8.1 trailers with a pseudo-header" => F(FrameType.HEADERS, EndHeaders | FrameFlags.END_STREAM, 1, c.Block((":method", "GET"))),
        "8.1.1 content-length beyond several DATA frames" => [.. F(FrameType.HEADERS, EndHeaders, 3, c.Block([.. s_request, ("content-length", "3")])),
            .. F(FrameType.DATA, 0, 3, 1), .. F(FrameType.DATA, FrameFlags.END_STREAM, 3, 1)],
        "8.1.1 DATA beyond content-length" => [.. F(FrameType.HEADERS, EndHeaders, 3, c.Block([.. s_request, ("content-length", "1")])),
            .. F(FrameType.DATA, 0, 3, 1), .. F(FrameType.DATA, 0, 3, 1)],
        "8.4 PUSH_PROMISE of a client" => F(FrameType.PUSH_PROMISE, EndHeaders, 1, [0, 0, 0, 4, .. c.Block(s_request)]),
        _ => throw new ArgumentException($"No bytes for '{section}'."),
    };

    private static (string, string)[] Request(string section) => section switch
    {
        "8.3 :status in a request" => [.. s_request, (":status", "200")],
        "8.3.1 no :method" => s_request[1..],
        "8.3.1 no :scheme" => [s_request[0], s_request[2], s_request[3]],
        "8.3.1 two :scheme" => [.. s_request, s_request[1]],
        "8.3.1 two :path" => [.. s_request, s_request[2]],
        "8.2.2 keep-alive" => [.. s_request, ("keep-alive", "timeout=5")],
        "8.2.2 proxy-connection" => [.. s_request, ("proxy-connection", "keep-alive")],
        "8.2.2 transfer-encoding" => [.. s_request, ("transfer-encoding", "chunked")],
        "8.2.2 upgrade" => [.. s_request, ("upgrade", "h2c")],
        "8.2.1 space in a name" => [.. s_request, ("x y", "1")],
        "8.2.1 empty name" => [.. s_request, ("", "1")],
        "8.2.1 leading space in a value" => [.. s_request, ("x", " 1")],
        "8.5 CONNECT with :path" => [(":method", "CONNECT"), (":authority", "a:1"), (":path", "/")],
        _ => throw new ArgumentException($"No request for '{section}'."),
    };

    private static byte[] Headers(Http2Peer c, int id) => F(FrameType.HEADERS, EndHeaders, id, c.Block(s_request));

    private static byte[] Ended(Http2Peer c, int id) => F(FrameType.HEADERS, EndHeaders | FrameFlags.END_STREAM, id, c.Block(s_request));

    private static byte[] Open(Http2Peer c, int id) => F(FrameType.HEADERS, 0, id, c.Block(s_request));

    // A header block in pieces of one byte after the first.
    private static byte[] Continued(Http2Peer c, int[] pieces)
    {
        byte[] block = c.Block(s_request);
        int at = block.Length - pieces.Sum();
        List<byte> bytes = [.. F(FrameType.HEADERS, 0, 3, block[..at])];
        for (int i = 0; i < pieces.Length; i++)
        {
            bytes.AddRange(F(FrameType.CONTINUATION, i == pieces.Length - 1 ? EndHeaders : 0, 3, block[at..(at + pieces[i])]));
            at += pieces[i];
        }

        return [.. bytes];
    }

    // HEADERS of exactly so many bytes, by the length of one field's value that is no Huffman code.
    private static byte[] Sized(Http2Peer c, int bytes)
    {
        byte[] request = c.Block(s_request);
        byte[] name = [0x00, 1, (byte)'x'];
        int value = bytes - request.Length - name.Length - 4;
        int rest = value - 127;
        byte[] length = [0x7F, (byte)((rest & 0x7F) | 0x80), (byte)((rest >> 7) | 0x80), 0];
        return F(FrameType.HEADERS, EndHeaders, 3, [.. request, .. name, .. length, .. Enumerable.Repeat((byte)'v', value)]);
    }

    private static byte[] Reserved(byte[] frame)
    {
        frame[5] |= 0x80;
        return frame;
    }

    private static byte[] F(FrameType type, FrameFlags flags, int id, params byte[] payload) => Http2Peer.Frame(type, flags, id, payload);

    private static ProxyBench Serve(EventLoop loop, TestUpstream upstream)
    {
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        return bench;
    }

    private static void WithOpenStream(Func<Http2Peer, TestClient, ProxyBench, Task> body) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.HeadersAsync(1, end: false, s_request);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await body(client, server, bench);
    });
}
