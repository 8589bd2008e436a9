using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Pilotfish.Proxy.Http2;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http2;

/// <summary>RFC 9113, section by section: what a client must not send, and the code it gets. The connection's end has a reason each time.</summary>
public sealed class ProtocolErrorTests
{
    private const FrameFlags EndHeaders = FrameFlags.END_HEADERS;

    private static readonly (string, string)[] s_get = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")];

    public static TheoryData<string, Http2ErrorCode> ConnectionErrors { get; } = new()
    {
        { "4.1 unknown type in a header block", Http2ErrorCode.PROTOCOL_ERROR },
        { "4.2 frame larger than the limit", Http2ErrorCode.FRAME_SIZE_ERROR },
        { "4.3 no HPACK", Http2ErrorCode.COMPRESSION_ERROR },
        { "5.1 DATA on an idle stream", Http2ErrorCode.PROTOCOL_ERROR },
        { "5.1 RST_STREAM on an idle stream", Http2ErrorCode.PROTOCOL_ERROR },
        { "5.1 WINDOW_UPDATE on an idle stream", Http2ErrorCode.PROTOCOL_ERROR },
        { "5.1 CONTINUATION without HEADERS", Http2ErrorCode.PROTOCOL_ERROR },
        { "5.1.1 even stream", Http2ErrorCode.PROTOCOL_ERROR },
        { "5.3.1 depends on itself", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.1 DATA on stream 0", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.2 HEADERS on stream 0", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.2 padding longer than the frame", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.3 PRIORITY on stream 0", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.4 RST_STREAM of 3 bytes", Http2ErrorCode.FRAME_SIZE_ERROR },
        { "6.5 SETTINGS on a stream", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.5 SETTINGS of 5 bytes", Http2ErrorCode.FRAME_SIZE_ERROR },
        { "6.5 ACK with payload", Http2ErrorCode.FRAME_SIZE_ERROR },
        { "6.5.2 ENABLE_PUSH 2", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.5.2 window too large", Http2ErrorCode.FLOW_CONTROL_ERROR },
        { "6.5.2 frame size too small", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.6 PUSH_PROMISE of a client", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.7 PING on a stream", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.7 PING of 7 bytes", Http2ErrorCode.FRAME_SIZE_ERROR },
        { "6.8 GOAWAY on a stream", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.9 WINDOW_UPDATE of 0", Http2ErrorCode.PROTOCOL_ERROR },
        { "6.9.1 connection window beyond 2^31-1", Http2ErrorCode.FLOW_CONTROL_ERROR },
        { "6.10 HEADERS inside a block", Http2ErrorCode.PROTOCOL_ERROR },
        { "8.1 upper-case name", Http2ErrorCode.PROTOCOL_ERROR },
        { "8.2.2 connection header", Http2ErrorCode.PROTOCOL_ERROR },
        { "8.2.2 te other than trailers", Http2ErrorCode.PROTOCOL_ERROR },
        { "8.3 unknown pseudo-header", Http2ErrorCode.PROTOCOL_ERROR },
        { "8.3 pseudo-header after a field", Http2ErrorCode.PROTOCOL_ERROR },
        { "8.3.1 no :path", Http2ErrorCode.PROTOCOL_ERROR },
        { "8.3.1 empty :path", Http2ErrorCode.PROTOCOL_ERROR },
        { "8.3.1 two :method", Http2ErrorCode.PROTOCOL_ERROR },
        { "8.2.1 NUL in a value", Http2ErrorCode.PROTOCOL_ERROR },
        { "8.2.1 CR LF in a value", Http2ErrorCode.PROTOCOL_ERROR },
    };

    [Theory]
    [MemberData(nameof(ConnectionErrors))]
    public void Violation_EndsTheConnection(string section, Http2ErrorCode code) => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = Serve(loop);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.SendRawAsync(Violation(section, client));
        Assert.Equal(code, (await client.ReadGoAwayAsync()).Code);
        client.Stream.Close();
        await Transport.TestPeers.UntilAsync(loop, () => bench.AllConnectionsFinished);
        Assert.All(bench.Logged, static record => Assert.StartsWith("http2.", record.Details));
    });

    [Fact]
    public void FirstFrame_NotSettings_EndsTheConnection() => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = Serve(loop);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.SendRawAsync([.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. Http2Peer.Frame(FrameType.PING, 0, 0, new byte[8])]);
        Assert.Equal(Http2ErrorCode.PROTOCOL_ERROR, (await client.ReadGoAwayAsync()).Code);
    });

    [Fact]
    public void Stream_ReusedAfterEnd_StreamClosed() => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = Serve(loop);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.GetAsync(1);
        await client.ReadHeadersAsync();
        await client.GetAsync(1);
        Assert.Equal(Http2ErrorCode.STREAM_CLOSED, (await client.ReadGoAwayAsync()).Code);
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ContentLength_OtherThanTheBody_IsAnError(bool more) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.HeadersAsync(1, end: false, [.. s_get, ("content-length", "3")]);
        await client.DataAsync(1, more ? "abcd" : "ab", end: true);
        Assert.Equal(Http2ErrorCode.PROTOCOL_ERROR, await client.ReadResetAsync());
    });

    [Fact]
    public void InvalidMessage_StreamErrorConfigured_OnlyTheStreamEnds() => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = Serve(loop, static hcm => hcm.Http2ProtocolOptions = new() { OverrideStreamErrorOnInvalidHttpMessage = true });
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.HeadersAsync(1, end: true, [.. s_get, ("connection", "close")]);
        Assert.Equal(Http2ErrorCode.PROTOCOL_ERROR, await client.ReadResetAsync());
        await client.GetAsync(3);
        Assert.Equal(3, (await client.ReadHeadersAsync()).Id);
        Assert.Equal(1, bench.Counter("http2.rx_messaging_error"));
    });

    [Fact]
    public void Headers_TooMany_StreamIsResetAndConnectionLives() => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = Serve(loop);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        var fields = new List<(string, string)>(s_get);
        for (int i = 0; i < 120; i++)
        {
            fields.Add(($"x-{i}", "v"));
        }

        await client.HeadersAsync(1, end: true, [.. fields]);
        Assert.Equal(Http2ErrorCode.INTERNAL_ERROR, await client.ReadResetAsync());
        Assert.Equal("http2.too_many_headers", Assert.Single(bench.Logged).Details);
        Assert.Equal(1, bench.Counter("http2.header_overflow"));
        await client.GetAsync(3);
        Assert.Equal(3, (await client.ReadHeadersAsync()).Id);
    });

    [Fact]
    public void Headers_IndexBomb_StaysWithinTheByteLimit() => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = Serve(loop);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();

        // One field of 3 KB enters the table; each byte 0xBE then stands for it.
        byte[] bomb = new byte[12_000];
        Array.Fill(bomb, (byte)0xBE);
        byte[] block = [.. client.Block(s_get), 0x40, 1, (byte)'x', 0x7F, 0xB9, 0x16, .. new string('y', 3000).Select(c => (byte)c), .. bomb];
        await client.SendAsync(FrameType.HEADERS, EndHeaders | FrameFlags.END_STREAM, 1, block);
        Assert.Equal(Http2ErrorCode.INTERNAL_ERROR, await client.ReadResetAsync());
    });

    private static byte[] Violation(string section, Http2Peer c) => section switch
    {
        "4.1 unknown type in a header block" => [.. H(FrameFlags.None, 1, c.Block(s_get)), .. F((FrameType)0x16, 0, 1)],
        "4.2 frame larger than the limit" => F(FrameType.DATA, 0, 1, new byte[16385]),
        "4.3 no HPACK" => H(EndHeaders, 1, [0x80]),
        "5.1 DATA on an idle stream" => F(FrameType.DATA, 0, 1, 1),
        "5.1 RST_STREAM on an idle stream" => F(FrameType.RST_STREAM, 0, 1, 0, 0, 0, 8),
        "5.1 WINDOW_UPDATE on an idle stream" => F(FrameType.WINDOW_UPDATE, 0, 1, 0, 0, 0, 8),
        "5.1 CONTINUATION without HEADERS" => F(FrameType.CONTINUATION, EndHeaders, 1, c.Block(s_get)),
        "5.1.1 even stream" => H(EndHeaders, 2, c.Block(s_get)),
        "5.3.1 depends on itself" => F(FrameType.PRIORITY, 0, 1, 0, 0, 0, 1, 5),
        "6.1 DATA on stream 0" => F(FrameType.DATA, 0, 0, 1),
        "6.2 HEADERS on stream 0" => H(EndHeaders, 0, c.Block(s_get)),
        "6.2 padding longer than the frame" => H(EndHeaders | FrameFlags.PADDED, 1, [200, 0x82]),
        "6.3 PRIORITY on stream 0" => F(FrameType.PRIORITY, 0, 0, 0, 0, 0, 1, 5),
        "6.4 RST_STREAM of 3 bytes" => F(FrameType.RST_STREAM, 0, 1, 0, 0, 8),
        "6.5 SETTINGS on a stream" => F(FrameType.SETTINGS, 0, 1),
        "6.5 SETTINGS of 5 bytes" => F(FrameType.SETTINGS, 0, 0, 0, 1, 0, 0, 0),
        "6.5 ACK with payload" => F(FrameType.SETTINGS, FrameFlags.ACK, 0, 0, 1, 0, 0, 0, 0),
        "6.5.2 ENABLE_PUSH 2" => F(FrameType.SETTINGS, 0, 0, 0, 2, 0, 0, 0, 2),
        "6.5.2 window too large" => F(FrameType.SETTINGS, 0, 0, 0, 4, 0x80, 0, 0, 0),
        "6.5.2 frame size too small" => F(FrameType.SETTINGS, 0, 0, 0, 5, 0, 0, 0, 1),
        "6.6 PUSH_PROMISE of a client" => F(FrameType.PUSH_PROMISE, EndHeaders, 1, 0, 0, 0, 2),
        "6.7 PING on a stream" => F(FrameType.PING, 0, 1, new byte[8]),
        "6.7 PING of 7 bytes" => F(FrameType.PING, 0, 0, new byte[7]),
        "6.8 GOAWAY on a stream" => F(FrameType.GOAWAY, 0, 1, new byte[8]),
        "6.9 WINDOW_UPDATE of 0" => F(FrameType.WINDOW_UPDATE, 0, 0, 0, 0, 0, 0),
        "6.9.1 connection window beyond 2^31-1" => F(FrameType.WINDOW_UPDATE, 0, 0, 0x7F, 255, 255, 255),
        "6.10 HEADERS inside a block" => [.. H(FrameFlags.None, 1, c.Block(s_get)), .. H(EndHeaders, 1, c.Block(s_get))],
        "8.1 upper-case name" => With(c, ("X-Upper", "1")),
        "8.2.2 connection header" => With(c, ("connection", "close")),
        "8.2.2 te other than trailers" => With(c, ("te", "gzip")),
        "8.3 unknown pseudo-header" => H(EndHeaders, 1, c.Block([.. s_get, (":what", "1")])),
        "8.3 pseudo-header after a field" => H(EndHeaders, 1, c.Block([("x", "1"), .. s_get])),
        "8.3.1 no :path" => H(EndHeaders, 1, c.Block([s_get[0], s_get[1], s_get[3]])),
        "8.3.1 empty :path" => H(EndHeaders, 1, c.Block([s_get[0], s_get[1], (":path", ""), s_get[3]])),
        "8.3.1 two :method" => H(EndHeaders, 1, c.Block([s_get[0], .. s_get])),
        "8.2.1 NUL in a value" => With(c, ("x", "a\0b")),
        "8.2.1 CR LF in a value" => With(c, ("x", "a\r\nb: c")),
        _ => throw new ArgumentException($"No bytes for '{section}'."),
    };

    private static byte[] With(Http2Peer client, (string, string) field) => H(EndHeaders, 1, client.Block([.. s_get, field]));

    private static byte[] H(FrameFlags flags, int id, byte[] block) => F(FrameType.HEADERS, flags | FrameFlags.END_STREAM, id, block);

    private static byte[] F(FrameType type, FrameFlags flags, int id, params byte[] payload) => Http2Peer.Frame(type, flags, id, payload);

    private static ProxyBench Serve(Pilotfish.Runtime.Loops.EventLoop loop, Action<HttpConnectionManager>? configure = null)
    {
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend");
        bench.Serve(configure);
        return bench;
    }
}
