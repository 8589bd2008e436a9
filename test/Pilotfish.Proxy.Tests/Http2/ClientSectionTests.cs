using Envoy.Extensions.Upstreams.Http.V3;
using Pilotfish.Proxy.Http2;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http2;

/// <summary>
/// RFC 9113, the client's side, section by section: an upstream that holds stream 1 open and then sends what it may or must not send. A
/// violation ends the upstream connection or resets the stream with the code that the section names, and the request is answered.
/// </summary>
public sealed class ClientSectionTests
{
    private const FrameFlags EndHeaders = FrameFlags.END_HEADERS;
    private const string Get = "GET /p HTTP/1.1\r\nHost: a\r\n\r\n";

    private static readonly (string, string) s_ok = (":status", "200");

    public static TheoryData<string> Accepted { get; } = new()
    {
        "4.1 frame of an unknown type",
        "4.1 flags that PING does not define",
        "4.1 reserved bit of the stream identifier",
        "5.1 PRIORITY on an idle stream",
        "5.5 extension frame on stream 0",
        "6.5.2 unknown setting",
        "6.5.3 the same setting twice",
        "6.7 PING acknowledgement that nobody asked for",
        "6.8 GOAWAY that includes the stream",
        "6.9.2 initial window of 0",
        "8.1 100 before the response",
        "8.1 103 twice before the response",
    };

    public static TheoryData<string, Http2ErrorCode> ConnectionErrors { get; } = new()
    {
        { "4.2 frame larger than the limit", Http2ErrorCode.FRAME_SIZE_ERROR },
        { "4.2 HEADERS larger than the limit", Http2ErrorCode.FRAME_SIZE_ERROR },
        { "4.3 no HPACK", Http2ErrorCode.COMPRESSION_ERROR },
        { "4.3 PRIORITY inside a header block", Http2ErrorCode.PROTOCOL_ERROR },
        { "5.1 DATA on an idle stream", Http2ErrorCode.PROTOCOL_ERROR },
        { "5.1 RST_STREAM on an idle stream", Http2ErrorCode.PROTOCOL_ERROR },
        { "5.1 WINDOW_UPDATE on an idle stream", Http2ErrorCode.PROTOCOL_ERROR },
        { "5.1 CONTINUATION without HEADERS", Http2ErrorCode.PROTOCOL_ERROR },
        { "5.1.1 HEADERS on a stream that the server may not open", Http2ErrorCode.PROTOCOL_ERROR },
        { "5.5 extension frame inside a header block", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.1 DATA on stream 0", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.2 HEADERS on stream 0", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.2 padding longer than HEADERS", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.3 PRIORITY on stream 0", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.4 RST_STREAM on stream 0", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.4 RST_STREAM of 3 bytes", Http2ErrorCode.FRAME_SIZE_ERROR },
        { "6.5 SETTINGS on a stream", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.5 SETTINGS of 5 bytes", Http2ErrorCode.FRAME_SIZE_ERROR },
        { "6.5 ACK with payload", Http2ErrorCode.FRAME_SIZE_ERROR },
        { "6.5.2 ENABLE_PUSH 1 of a server", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.5.2 window too large", Http2ErrorCode.FLOW_CONTROL_ERROR },
        { "6.5.2 frame size too small", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.5.2 frame size above 2^24-1", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.6 PUSH_PROMISE although push is off", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.7 PING on a stream", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.7 PING of 7 bytes", Http2ErrorCode.FRAME_SIZE_ERROR },
        { "6.8 GOAWAY on a stream", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.9 WINDOW_UPDATE of 0", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.9 WINDOW_UPDATE of 3 bytes", Http2ErrorCode.FRAME_SIZE_ERROR },
        { "6.9.1 connection window beyond 2^31-1", Http2ErrorCode.FLOW_CONTROL_ERROR },
        { "6.10 CONTINUATION on stream 0", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.10 HEADERS inside a block", Http2ErrorCode.PROTOCOL_ERROR },
    };

    // Or what comes when a response has begun.
    public static TheoryData<string, Http2ErrorCode> StreamErrors { get; } = new()
    {
        { "6.1 padding longer than DATA", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.3 PRIORITY of 4 bytes", Http2ErrorCode.FRAME_SIZE_ERROR },
        { "6.10 CONTINUATION after END_HEADERS", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.9 WINDOW_UPDATE of 0 on a stream", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.9.1 stream window beyond 2^31-1", Http2ErrorCode.FLOW_CONTROL_ERROR },
        { "8.1 DATA before HEADERS", Http2ErrorCode.PROTOCOL_ERROR },
        { "8.1 no :status", Http2ErrorCode.PROTOCOL_ERROR },
        { "8.1 1xx that ends the stream", Http2ErrorCode.PROTOCOL_ERROR },
        { "8.1 upper-case name", Http2ErrorCode.PROTOCOL_ERROR },
        { "8.1.1 content-length below the body", Http2ErrorCode.PROTOCOL_ERROR },
        { "8.1.1 content-length above the body", Http2ErrorCode.PROTOCOL_ERROR },
        { "8.2.2 transfer-encoding", Http2ErrorCode.PROTOCOL_ERROR },
        { "8.3 request pseudo-header in a response", Http2ErrorCode.PROTOCOL_ERROR },
        { "8.3 pseudo-header after a field", Http2ErrorCode.PROTOCOL_ERROR },
        { "8.3.2 two :status", Http2ErrorCode.PROTOCOL_ERROR },
        { "8.3.2 :status of letters", Http2ErrorCode.PROTOCOL_ERROR },
    };

    [Theory]
    [MemberData(nameof(Accepted))]
    public void Frame_ThatIsAllowed_LeavesTheRequest(string section) => WithOpenStream(async (client, server, _) =>
    {
        await server.SendRawAsync(Bytes(section, server));
        await server.HeadersAsync(1, end: true, s_ok, ("x-last", "1"));
        string head;
        while ((head = await client.ReadHeadAsync()).StartsWith("HTTP/1.1 1", StringComparison.Ordinal))
        {
        }

        Assert.StartsWith("HTTP/1.1 200 OK\r\n", head);
        Assert.Contains("x-last: 1\r\n", head);
    });

    [Theory]
    [MemberData(nameof(ConnectionErrors))]
    public void Violation_OfTheConnection_EndsItAndTheRequestIsAnswered(string section, Http2ErrorCode code) =>
        WithOpenStream(async (client, server, bench) =>
        {
            await server.SendRawAsync(Bytes(section, server));
            Assert.Equal(code, (await server.ReadGoAwayAsync()).Code);
            Assert.Matches("^HTTP/1.1 50[23] ", await client.ReadHeadAsync());
            Assert.NotEmpty(Assert.Single(bench.Recorded).Flags);
        });

    [Theory]
    [MemberData(nameof(StreamErrors))]
    public void Violation_OfOneStream_EndsTheRequestWithIt(string section, Http2ErrorCode code) =>
        WithOpenStream(async (client, server, bench) =>
        {
            await server.SendRawAsync(Bytes(section, server));
            while (true)
            {
                (FrameHeader Header, byte[] Payload)? frame = await server.ReadFrameAsync();
                Assert.True(frame is not null, "The connection was closed without a code.");
                if (frame.Value.Header.Type is FrameType.RST_STREAM or FrameType.GOAWAY)
                {
                    int at = frame.Value.Header.Type == FrameType.GOAWAY ? 4 : 0;
                    Assert.Equal(Http2Peer.Number((uint)code), frame.Value.Payload[at..(at + 4)]);
                    break;
                }
            }

            // What had begun is cut off, before or after its head was sent; what had not is an answer of the proxy's own.
            string answer = await client.ReadToEndAsync();
            Assert.Matches("(?s)^(HTTP/1.1 50[23] .*)?$", answer);
            Assert.NotEqual("-", Assert.Single(bench.Recorded).Flags);
        });

    [Fact]
    public void Section3_4_ClientsPreface_IsFollowedBySettingsWithoutPush() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        var server = new Http2Peer((await upstream.AcceptAsync()).Stream);
        await server.StartServerAsync();
        (FrameHeader header, byte[] payload) = (await server.ReadFrameAsync())!.Value;
        Assert.Equal((FrameType.SETTINGS, 0), (header.Type, header.StreamId));
        bool pushIsOff = false;
        for (int i = 0; i < payload.Length; i += 6)
        {
            pushIsOff |= payload[i + 1] == (int)SettingId.ENABLE_PUSH && payload.AsSpan(i + 2, 4).SequenceEqual(new byte[4]);
        }

        Assert.True(pushIsOff);
    });

    [Fact]
    public void Section5_1_StreamsOfOneConnection_CountUpInOddNumbers() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        var server = new Http2Peer((await upstream.AcceptAsync()).Stream);
        await server.StartServerAsync();
        for (int id = 1; id <= 7; id += 2)
        {
            Assert.Equal(id, (await server.ReadHeadersAsync()).Id);
            await server.HeadersAsync(id, end: true, (":status", "204"));
            await client.ReadHeadAsync();
            await client.SendAsync(Get);
        }
    });

    private static byte[] Bytes(string section, Http2Peer c) => section switch
    {
        "4.1 frame of an unknown type" => F((FrameType)0x16, (FrameFlags)0x16, 0, new byte[8]),
        "4.1 flags that PING does not define" => F(FrameType.PING, (FrameFlags)0x16, 0, new byte[8]),
        "4.1 reserved bit of the stream identifier" => Reserved(F(FrameType.PING, 0, 0, new byte[8])),
        "4.2 frame larger than the limit" => F(FrameType.DATA, 0, 1, new byte[16385]),
        "4.2 HEADERS larger than the limit" => F(FrameType.HEADERS, EndHeaders, 1, new byte[16385]),
        "4.3 no HPACK" => F(FrameType.HEADERS, EndHeaders, 1, 0x80),
        "4.3 PRIORITY inside a header block" => [.. F(FrameType.HEADERS, 0, 1, c.Block(s_ok)), .. F(FrameType.PRIORITY, 0, 1, 0, 0, 0, 0, 5)],
        "5.1 PRIORITY on an idle stream" => F(FrameType.PRIORITY, 0, 9, 0, 0, 0, 0, 5),
        "5.1 DATA on an idle stream" => F(FrameType.DATA, 0, 9, 1),
        "5.1 RST_STREAM on an idle stream" => F(FrameType.RST_STREAM, 0, 9, Http2Peer.Number(8)),
        "5.1 WINDOW_UPDATE on an idle stream" => F(FrameType.WINDOW_UPDATE, 0, 9, Http2Peer.Number(8)),
        "5.1 CONTINUATION without HEADERS" => F(FrameType.CONTINUATION, EndHeaders, 1, c.Block(s_ok)),
        "5.1.1 HEADERS on a stream that the server may not open" => F(FrameType.HEADERS, EndHeaders, 9, c.Block(s_ok)),
        "5.5 extension frame on stream 0" => F((FrameType)0xEE, 0, 0, 1, 2, 3),
        "5.5 extension frame inside a header block" => [.. F(FrameType.HEADERS, 0, 1, c.Block(s_ok)), .. F((FrameType)0xEE, 0, 0, 1)],
        "6.1 DATA on stream 0" => F(FrameType.DATA, 0, 0, 1),
        "6.1 padding longer than DATA" => [.. Ok(c), .. F(FrameType.DATA, FrameFlags.PADDED, 1, 6, 1, 0, 0)],
        "6.2 HEADERS on stream 0" => F(FrameType.HEADERS, EndHeaders, 0, c.Block(s_ok)),
        "6.2 padding longer than HEADERS" => F(FrameType.HEADERS, EndHeaders | FrameFlags.PADDED, 1, 200, 0x88),
        "6.3 PRIORITY on stream 0" => F(FrameType.PRIORITY, 0, 0, 0, 0, 0, 1, 5),
        "6.3 PRIORITY of 4 bytes" => F(FrameType.PRIORITY, 0, 1, 0, 0, 0, 0),
        "6.4 RST_STREAM on stream 0" => F(FrameType.RST_STREAM, 0, 0, Http2Peer.Number(8)),
        "6.4 RST_STREAM of 3 bytes" => F(FrameType.RST_STREAM, 0, 1, 0, 0, 8),
        "6.5 SETTINGS on a stream" => F(FrameType.SETTINGS, 0, 1),
        "6.5 SETTINGS of 5 bytes" => F(FrameType.SETTINGS, 0, 0, 0, 1, 0, 0, 0),
        "6.5 ACK with payload" => F(FrameType.SETTINGS, FrameFlags.ACK, 0, 0, 1, 0, 0, 0, 0),
        "6.5.2 unknown setting" => F(FrameType.SETTINGS, 0, 0, 0, 0xFF, 0, 0, 0, 1),
        "6.5.2 ENABLE_PUSH 1 of a server" => F(FrameType.SETTINGS, 0, 0, 0, 2, 0, 0, 0, 1),
        "6.5.2 window too large" => F(FrameType.SETTINGS, 0, 0, 0, 4, 0x80, 0, 0, 0),
        "6.5.2 frame size too small" => F(FrameType.SETTINGS, 0, 0, 0, 5, 0, 0, 0, 1),
        "6.5.2 frame size above 2^24-1" => F(FrameType.SETTINGS, 0, 0, 0, 5, 1, 0, 0, 0),
        "6.5.3 the same setting twice" => F(FrameType.SETTINGS, 0, 0, 0, 4, 0, 0, 0, 100, 0, 4, 0, 0, 0, 1),
        "6.6 PUSH_PROMISE although push is off" => F(FrameType.PUSH_PROMISE, EndHeaders, 1, [0, 0, 0, 2, .. c.Block((":method", "GET"))]),
        "6.7 PING acknowledgement that nobody asked for" => F(FrameType.PING, FrameFlags.ACK, 0, new byte[8]),
        "6.7 PING on a stream" => F(FrameType.PING, 0, 1, new byte[8]),
        "6.7 PING of 7 bytes" => F(FrameType.PING, 0, 0, new byte[7]),
        "6.8 GOAWAY that includes the stream" => F(FrameType.GOAWAY, 0, 0, [0, 0, 0, 1, .. Http2Peer.Number(0)]),
        "6.8 GOAWAY on a stream" => F(FrameType.GOAWAY, 0, 1, new byte[8]),
        "6.9 WINDOW_UPDATE of 0" => F(FrameType.WINDOW_UPDATE, 0, 0, Http2Peer.Number(0)),
        "6.9 WINDOW_UPDATE of 3 bytes" => F(FrameType.WINDOW_UPDATE, 0, 1, 0, 0, 1),
        "6.9 WINDOW_UPDATE of 0 on a stream" => F(FrameType.WINDOW_UPDATE, 0, 1, Http2Peer.Number(0)),
        "6.9.1 connection window beyond 2^31-1" => F(FrameType.WINDOW_UPDATE, 0, 0, Http2Peer.Number(int.MaxValue)),
        "6.9.1 stream window beyond 2^31-1" => F(FrameType.WINDOW_UPDATE, 0, 1, Http2Peer.Number(int.MaxValue)),
        "6.9.2 initial window of 0" => F(FrameType.SETTINGS, 0, 0, 0, 4, 0, 0, 0, 0),
        "6.10 CONTINUATION on stream 0" => [.. F(FrameType.HEADERS, 0, 1, c.Block(s_ok)), .. F(FrameType.CONTINUATION, EndHeaders, 0, 0x88)],
        "6.10 CONTINUATION after END_HEADERS" => [.. Ok(c), .. F(FrameType.CONTINUATION, EndHeaders, 1, c.Block(("x", "1")))],
        "6.10 HEADERS inside a block" => [.. F(FrameType.HEADERS, 0, 1, c.Block(s_ok)), .. F(FrameType.HEADERS, EndHeaders, 1, c.Block(("x", "1")))],
        "8.1 100 before the response" => H(c, (":status", "100")),
        "8.1 103 twice before the response" => [.. H(c, (":status", "103"), ("link", "</a>")), .. H(c, (":status", "103"), ("link", "</b>"))],
        "8.1 DATA before HEADERS" => F(FrameType.DATA, 0, 1, 1),
        "8.1 no :status" => H(c, ("x", "1")),
        "8.1 1xx that ends the stream" => F(FrameType.HEADERS, EndHeaders | FrameFlags.END_STREAM, 1, c.Block((":status", "100"))),
        "8.1 upper-case name" => H(c, s_ok, ("X-Upper", "1")),
        "8.1.1 content-length below the body" => [.. H(c, s_ok, ("content-length", "1")), .. F(FrameType.DATA, FrameFlags.END_STREAM, 1, 1, 2)],
        "8.1.1 content-length above the body" => [.. H(c, s_ok, ("content-length", "3")), .. F(FrameType.DATA, FrameFlags.END_STREAM, 1, 1, 2)],
        "8.2.2 transfer-encoding" => H(c, s_ok, ("transfer-encoding", "chunked")),
        "8.3 request pseudo-header in a response" => H(c, s_ok, (":path", "/")),
        "8.3 pseudo-header after a field" => H(c, ("x", "1"), s_ok),
        "8.3.2 two :status" => H(c, s_ok, s_ok),
        "8.3.2 :status of letters" => H(c, (":status", "2x0")),
        _ => throw new ArgumentException($"No bytes for '{section}'."),
    };

    private static byte[] Ok(Http2Peer c) => H(c, s_ok);

    private static byte[] H(Http2Peer c, params (string, string)[] fields) => F(FrameType.HEADERS, EndHeaders, 1, c.Block(fields));

    private static byte[] Reserved(byte[] frame)
    {
        frame[5] |= 0x80;
        return frame;
    }

    private static byte[] F(FrameType type, FrameFlags flags, int id, params byte[] payload) => Http2Peer.Frame(type, flags, id, payload);

    private static ProxyBench Serve(Pilotfish.Runtime.Loops.EventLoop loop, TestUpstream upstream)
    {
        var bench = new ProxyBench(loop);
        bench.AddHttpCluster("backend", new HttpProtocolOptions { ExplicitHttpConfig = new() { Http2ProtocolOptions = new() } }, upstream.Address);
        bench.Serve();
        return bench;
    }

    private static void WithOpenStream(Func<TestClient, Http2Peer, ProxyBench, Task> body) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        TestClient client = bench.Connect();
        await client.SendAsync("GET /p HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        var server = new Http2Peer((await upstream.AcceptAsync()).Stream);
        await server.StartServerAsync();
        Assert.Equal(1, (await server.ReadHeadersAsync()).Id);
        await body(client, server, bench);
    });
}
