using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>Options of both codecs, from the configuration to the wire.</summary>
public sealed class CodecOptionTests
{
    public static TheoryData<string, Http1ProtocolOptions?, string, string?, string?> Http1 => new()
    {
        { "custom method", null, "FETCH / HTTP/1.1\r\nHost: a\r\n\r\n", null, null },
        { "custom method allowed", new() { AllowCustomMethods = true }, "FETCH / HTTP/1.1\r\nHost: a\r\n\r\n", "FETCH / HTTP/1.1", null },
        { "absolute URL", null, "GET http://b/x?y HTTP/1.1\r\nHost: a\r\n\r\n", "GET /x?y HTTP/1.1", "host: b\r\n" },
        { "absolute URL refused", new() { AllowAbsoluteUrl = false }, "GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n", null, null },
        {
            "two framings", null, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", null, null
        },
        {
            "two framings allowed", new() { AllowChunkedLength = true },
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "POST / HTTP/1.1",
            "transfer-encoding: chunked\r\n"
        },
        {
            "another coding beside a length", new() { AllowChunkedLength = true },
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: gzip\r\n\r\nabcd", null, null
        },
    };

    /// <summary>What goes upstream, or that nothing does; a length never goes on beside chunks.</summary>
    [Theory]
    [MemberData(nameof(Http1))]
    public void Http1_Option_DecidesWhatGoesOn(string label, Http1ProtocolOptions? options, string request, string? line, string? header) =>
        LoopRunner.Run(async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            bench.AddCluster("backend", upstream.Address);
            bench.Serve(manager => manager.HttpProtocolOptions = options);
            TestClient client = bench.Connect();
            await client.SendAsync(request);
            if (line is null)
            {
                string answer = await client.ReadToEndAsync();
                Assert.True(answer.StartsWith("HTTP/1.1 400 ", StringComparison.Ordinal) || answer.StartsWith("HTTP/1.1 501 ", StringComparison.Ordinal), $"{label}: {answer}");
                Assert.Equal((label, 0L), (label, bench.Counter("cluster.backend.upstream_rq_total")));
                return;
            }

            string head = await (await upstream.AcceptAsync()).ReadHeadAsync();
            Assert.StartsWith(line + "\r\n", head, StringComparison.Ordinal);
            Assert.Contains(header ?? "", head, StringComparison.Ordinal);
            Assert.DoesNotContain("content-length: 4", head, StringComparison.OrdinalIgnoreCase);
        });

    public static TheoryData<string, Http2ProtocolOptions, byte, byte[], int, int, string> Http2 => new()
    {
        {
            "PRIORITY", new() { MaxInboundPriorityFramesPerStream = 3 }, (byte)FrameType.PRIORITY, [0, 0, 0, 9, 5], 1, 4, "inbound_priority_frames_flood"
        },
        {
            "WINDOW_UPDATE", new() { MaxInboundWindowUpdateFramesPerDataFrameSent = 1 }, (byte)FrameType.WINDOW_UPDATE, [0, 0, 0, 1], 0, 6,
            "inbound_window_update_frames_flood"
        },
        { "DATA", new() { MaxConsecutiveInboundFramesWithEmptyPayload = 4 }, (byte)FrameType.DATA, [], 1, 5, "inbound_empty_frames_flood" },
    };

    /// <summary>So many are taken, one more ends the connection.</summary>
    [Theory]
    [MemberData(nameof(Http2))]
    public void Http2_Guard_IsAsStrictAsConfigured(
        string label, Http2ProtocolOptions options, byte kind, byte[] payload, int stream, int tooMany, string counter) => LoopRunner.Run(async loop =>
    {
        var type = (FrameType)kind;
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(manager => manager.Http2ProtocolOptions = options);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        if (type == FrameType.DATA)
        {
            await client.GetAsync(1, method: "POST", end: false);
        }

        for (int i = 1; i < tooMany; i++)
        {
            await client.SendAsync(type, FrameFlags.None, stream, payload);
        }

        // Whoever is answered has been read to here.
        await client.SendAsync(FrameType.PING, FrameFlags.None, 0, new byte[8]);
        while ((await client.ReadFrameAsync())!.Value.Header.Type != FrameType.PING)
        {
        }

        Assert.Equal((label, 0L), (label, bench.Counter("http2." + counter)));
        await client.SendAsync(type, FrameFlags.None, stream, payload);
        Assert.Equal(Http2ErrorCode.ENHANCE_YOUR_CALM, (await client.ReadGoAwayAsync()).Code);
        Assert.Equal((label, 1L), (label, bench.Counter("http2." + counter)));
    });

    /// <summary>The older name means the same; the newer wins.</summary>
    [Theory]
    [InlineData(true, null, true)]
    [InlineData(true, false, false)]
    [InlineData(false, true, true)]
    public void Http2_StreamErrors_ByEitherField(bool old, bool? own, bool lives) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
#pragma warning disable CS0612 // The deprecated name is what is tested.
        bench.Serve(manager => manager.Http2ProtocolOptions = new Http2ProtocolOptions
        {
            StreamErrorOnInvalidHttpMessaging = old, OverrideStreamErrorOnInvalidHttpMessage = own,
        });
#pragma warning restore CS0612
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.HeadersAsync(1, true, (":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("Upper", "1"));
        if (!lives)
        {
            await client.ReadGoAwayAsync();
            return;
        }

        await client.ReadResetAsync();
        await client.GetAsync(3);
        Assert.StartsWith("GET / HTTP/1.1\r\n", await (await upstream.AcceptAsync()).ReadHeadAsync(), StringComparison.Ordinal);
    });
}
