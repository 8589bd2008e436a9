using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;

namespace Pilotfish.Proxy.Tests.Reasons;

/// <summary>What clients do to the codecs, and the detail that names it.</summary>
internal static class CodecCauses
{
    private static readonly (string, string)[] s_get = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")];

    public static IEnumerable<Cause> All { get; } =
    [
        Http1("two framings", 400, "content_length_and_chunked_not_allowed", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        Http1("space in a name", 400, "codec_error", "GET / HTTP/1.1\r\nhost : a\r\n\r\n"),
        Http1("NUL in a value", 400, "invalid_characters", "GET / HTTP/1.1\r\nhost: a\r\nx: \0\r\n\r\n"),
        Http1("unknown coding", 501, "invalid_transfer_encoding", "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n"),
        Http1("coding in HTTP/1.0", 400, "transfer_encoding_not_allowed", "POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        Http1("connection nominates what it must not", 400, "connection_header_rejected", "GET / HTTP/1.1\r\nhost: a\r\nconnection: x-forwarded-for\r\n\r\n"),
        Http1("no path in the target", 400, "invalid_url", "GET http:///x HTTP/1.1\r\nhost: a\r\n\r\n"),
        Http1("fragment in the target's host", 400, "invalid_url", "GET http://a#b/x HTTP/1.1\r\nhost: a\r\n\r\n"),
        new("HTTP/1.1: no host's characters", "400 DPE DownstreamProtocolError http.invalid_authority", static async bench =>
        {
            bench.Http();
            await bench.SendAsync("GET / HTTP/1.1\r\nhost: a/b\r\n\r\n");
        }),
        Http1("head too large", 431, "headers_too_large", $"GET / HTTP/1.1\r\nhost: a\r\nx: {new string('x', 70_000)}\r\n\r\n"),
        Http1("too many headers", 431, "too_many_headers", $"GET / HTTP/1.1\r\nhost: a\r\n{string.Concat(Enumerable.Repeat("x: 1\r\n", 200))}\r\n"),
        Http1("underscore", 400, "unexpected_underscore", "GET / HTTP/1.1\r\nhost: a\r\na_b: 1\r\n\r\n", RejectUnderscores),
        Http1("CONNECT with a body", 400, "body_disallowed", "CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\ncontent-length: 5\r\n\r\nearly"),
        new("trailers too large", "431 DPE DownstreamProtocolError http1.trailers_too_large", static async bench =>
        {
            bench.Upstream(static async server => await server.ReadToEndAsync());
            bench.Http();
            await bench.SendAsync($"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: {new string('x', 70_000)}\r\n\r\n");
        }),
        Http2("header with NUL", "invalid.header.field", static client => client.HeadersAsync(3, true, [.. s_get, ("x", "a\0b")])),
        Http2("authority of other characters", "invalid.header.field", static client => client.HeadersAsync(3, true, [.. s_get[..3], (":authority", "a#b")])),
        Http2("host of other characters", "invalid.header.field", static client => client.HeadersAsync(3, true, [.. s_get, ("host", "a/b")])),
        Http2("pseudo-header after a field", "violation.of.messaging.rule", static client => client.HeadersAsync(3, true, [("x", "1"), .. s_get])),
        Http2("PING on a stream", "unknown.nghttp2.error", static client => client.SendAsync(FrameType.PING, 0, 3, new byte[8])),
        Http2("underscore", "unexpected_underscore", static client => client.HeadersAsync(3, true, [.. s_get, ("a_b", "1")]), RejectUnderscores),
        Http2("too many headers", "too_many_headers", static client => client.HeadersAsync(
            3, true, [.. s_get, .. Enumerable.Range(0, 200).Select(static i => ("x", $"{i}"))])),
        new("HTTP/2: client answers no PING", "0 DC DownstreamConnectionTermination downstream_local_disconnect(http2_ping_timeout)",
            static async bench =>
            {
                Http2Peer client = await WaitsAsync(bench, static manager => manager.Http2ProtocolOptions = new Http2ProtocolOptions
                {
                    ConnectionKeepalive = new KeepaliveSettings
                    {
                        Interval = FlagCauses.Milliseconds(10_000), Timeout = FlagCauses.Milliseconds(2_000), IntervalJitter = new Envoy.Type.V3.Percent(),
                    },
                });
                bench.Advance(10_001);
                await client.ReadAsync(FrameType.PING);
                bench.Advance(2_001);
            }),
        Http2("many PRIORITY frames", "inbound_priority_frames_flood", static client =>
            client.SendRawAsync(Many(400, Http2Peer.Frame(FrameType.PRIORITY, 0, 1, 0, 0, 0, 9, 5)))),
        Http2("many WINDOW_UPDATE frames", "inbound_window_update_frames_flood", static client =>
            client.SendRawAsync(Many(100, Http2Peer.Frame(FrameType.WINDOW_UPDATE, 0, 0, 0, 0, 0, 1)))),
        Http2("a header block that does not end", "continuation_flood", static async client =>
        {
            await client.SendAsync(FrameType.HEADERS, FrameFlags.END_STREAM, 3, 0x82);
            await client.SendRawAsync(Many(600, Http2Peer.Frame(FrameType.CONTINUATION, 0, 3, 0x86)));
        }),
        Http2("a SETTINGS frame of many settings", "settings_flood", static client =>
            client.SendAsync(FrameType.SETTINGS, 0, 0, Many(1000, [0, 1, 0, 0, 16, 0]))),
        Http2("empty frames", "inbound_empty_frames_flood", static async client =>
        {
            await client.GetAsync(3, method: "POST", end: false);
            await client.DataAsync(3, "", end: false);
            await client.DataAsync(3, "", end: false);
        }),
    ];

    private static byte[] Many(int count, byte[] one) => [.. Enumerable.Repeat(one, count).SelectMany(static bytes => bytes)];

    private static Cause Http1(string label, int status, string details, string request, Action<HttpConnectionManager>? manager = null) => new(
        $"HTTP/1.1: {label}", $"{status} DPE DownstreamProtocolError http1.{details}", async bench =>
        {
            bench.Http(manager);
            await bench.SendAsync(request);
        });

    // Stream 1 waits for its host when the connection ends over what comes next.
    private static Cause Http2(string label, string details, Func<Http2Peer, Task> violate, Action<HttpConnectionManager>? manager = null) => new(
        $"HTTP/2: {label}", $"0 DPE DownstreamProtocolError http2.{details}", async bench =>
        {
            Http2Peer client = await WaitsAsync(bench, manager);
            await violate(client);
        });

    private static async Task<Http2Peer> WaitsAsync(CauseBench bench, Action<HttpConnectionManager>? manager)
    {
        bool arrived = false;
        bench.Upstream(async server =>
        {
            await server.ReadHeadAsync();
            arrived = true;
            await server.ReadToEndAsync();
        });
        bench.Http(manager);
        var client = new Http2Peer((await bench.ConnectAsync()).Stream);
        await client.StartClientAsync();
        await client.GetAsync(1);
        await bench.UntilAsync(() => arrived);
        return client;
    }

    private static void RejectUnderscores(HttpConnectionManager manager) => manager.CommonHttpProtocolOptions = new()
    {
        HeadersWithUnderscoresAction = HttpProtocolOptions.Types.HeadersWithUnderscoresAction.RejectRequest,
    };
}
