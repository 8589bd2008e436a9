using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Testing;
using HttpProtocolOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace Pilotfish.Proxy.Tests.Http2;

/// <summary>METADATA frames (0x4d, allow_metadata) from client to upstream and back.</summary>
public sealed class MetadataTests
{
    [Fact]
    public void Metadata_IsPassedOn_BothWays() => RunAsync(async scene =>
    {
        Http2Peer client = scene.Client;
        await client.StartClientAsync();
        await client.GetAsync(1, method: "POST", end: false);
        byte[] block = client.Block(("x-one", "1"), ("x-two", new string('2', 20_000)));
        await client.SendAsync(FrameType.METADATA, FrameFlags.None, 1, block[..100]);
        await client.SendAsync(FrameType.METADATA, FrameFlags.None, 1, block[100..8000]);
        await client.SendAsync(FrameType.METADATA, FrameFlags.END_METADATA, 1, block[8000..]);
        await client.DataAsync(1, "body", end: true);
        Http2Peer server = await scene.AcceptAsync();
        await server.ReadHeadersAsync();
        Dictionary<string, string> asked = await ReadMetadataAsync(server);
        Assert.Equal(("1", 20_000), (asked["x-one"], asked["x-two"].Length));
        Assert.Equal("body", await server.ReadBodyAsync());
        await SendMetadataAsync(server, ("early", "yes"));
        await server.HeadersAsync(1, end: false, (":status", "200"));
        await SendMetadataAsync(server, ("cost", "7"));
        await server.DataAsync(1, "ok", end: true);
        Assert.Equal("yes", (await ReadMetadataAsync(client))["early"]);
        Assert.Equal("200", (await client.ReadHeadersAsync()).Fields[":status"]);
        Assert.Equal("7", (await ReadMetadataAsync(client))["cost"]);
        Assert.Equal("ok", await client.ReadBodyAsync());
    });

    [Fact]
    public void Metadata_WithoutTheOption_IsAnUnknownFrame() => RunAsync(
        async scene =>
        {
            await scene.Client.StartClientAsync();
            await scene.Client.GetAsync(1, method: "POST", end: false);
            await SendMetadataAsync(scene.Client, ("x-one", "1"));
            await scene.Client.DataAsync(1, "x", end: true);
            Http2Peer server = await scene.AcceptAsync();
            await server.ReadHeadersAsync();
            (FrameHeader Header, byte[] _)? next = await NextOfStreamAsync(server);
            Assert.Equal(FrameType.DATA, next!.Value.Header.Type);
        },
        allowed: false);

    [Fact]
    public void Metadata_TowardsHttp1_IsDroppedAndCounted() => RunAsync(
        async scene =>
        {
            await scene.Client.StartClientAsync();
            await scene.Client.GetAsync(1, method: "POST", end: false);
            await SendMetadataAsync(scene.Client, ("x-one", "1"));
            await scene.Client.DataAsync(1, "ok", end: true);
            TestClient server = await scene.Upstream.AcceptAsync();
            Assert.DoesNotContain("x-one", await server.ReadUntilAsync("ok"));
            Assert.Equal(1, scene.Bench.Counter("cluster.backend.http1.metadata_not_supported_error"));
        },
        http1: true);

    [Theory]
    [InlineData("packed", 3000, Http2ErrorCode.ENHANCE_YOUR_CALM)]
    [InlineData("unpacked", 0, Http2ErrorCode.ENHANCE_YOUR_CALM)]
    [InlineData("no HPACK", -1, Http2ErrorCode.COMPRESSION_ERROR)]
    public void Metadata_BeyondItsBounds_EndsTheConnection(string label, int bytes, object code) => RunAsync(async scene =>
    {
        await scene.Client.StartClientAsync();
        await scene.Client.GetAsync(1, method: "POST", end: false);

        // An entry of the table is a byte each time: little on the wire, much in memory.
        byte[] block = bytes > 0 ? scene.Client.Block(("x", new string('y', bytes * 2)))
            : bytes < 0 ? [0xff, 0xff, 0xff, 0xff, 0xff, 0xff]
            : [.. LiteralIndexed("x", new string('y', 100)), .. Enumerable.Repeat((byte)(0x80 | 62), 200)];
        await scene.Client.SendAsync(FrameType.METADATA, FrameFlags.END_METADATA, 1, block);
        Assert.True((Http2ErrorCode)code == (await scene.Client.ReadGoAwayAsync()).Code, label);
    }, bytesMax: 5000);

    [Fact]
    public void EmptyMetadata_IsCounted() => RunAsync(async scene =>
    {
        await scene.Client.StartClientAsync();
        await scene.Client.GetAsync(1, method: "POST", end: false);
        await scene.Client.SendAsync(FrameType.METADATA, FrameFlags.END_METADATA, 1);
        await Transport.TestPeers.UntilAsync(scene.Bench.Loop, () => scene.Bench.Counter("http2.metadata_empty_frames") == 1);
    });

    private static byte[] LiteralIndexed(string name, string value) =>
        [0x40, (byte)name.Length, .. System.Text.Encoding.ASCII.GetBytes(name), (byte)value.Length, .. System.Text.Encoding.ASCII.GetBytes(value)];

    private static Task SendMetadataAsync(Http2Peer peer, params (string Name, string Value)[] fields) =>
        peer.SendAsync(FrameType.METADATA, FrameFlags.END_METADATA, 1, Literals(fields));

    // The peer's encoder is its connection's; metadata has a table of its own, which literals leave empty.
    private static byte[] Literals((string Name, string Value)[] fields) => [.. fields.SelectMany(static field => (byte[])
        [0, (byte)field.Name.Length, .. System.Text.Encoding.ASCII.GetBytes(field.Name),
            (byte)field.Value.Length, .. System.Text.Encoding.ASCII.GetBytes(field.Value)])];

    private static async Task<Dictionary<string, string>> ReadMetadataAsync(Http2Peer peer)
    {
        var payload = new List<byte>();
        while (true)
        {
            (FrameHeader header, byte[] part) = await peer.ReadAsync(FrameType.METADATA);
            payload.AddRange(part);
            if (header.Has(FrameFlags.END_METADATA))
            {
                return Http2Peer.Decode(peer.Stream.Loop, [.. payload]);
            }
        }
    }

    private static async Task<(FrameHeader Header, byte[] Payload)?> NextOfStreamAsync(Http2Peer peer)
    {
        while (await peer.ReadFrameAsync() is { } frame)
        {
            if (frame.Header.StreamId != 0)
            {
                return frame;
            }
        }

        return null;
    }

    private static void RunAsync(Func<Scene, Task> test, bool allowed = true, bool http1 = false, ulong? bytesMax = null) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        var http2 = new Http2ProtocolOptions { AllowMetadata = allowed, MaxMetadataSize = bytesMax };
        bench.AddHttpCluster("backend", new HttpProtocolOptions
        {
            ExplicitHttpConfig = http1
                ? new HttpProtocolOptions.Types.ExplicitHttpConfig { HttpProtocolOptions = new() }
                : new HttpProtocolOptions.Types.ExplicitHttpConfig { Http2ProtocolOptions = http2 },
        }, upstream.Address);
        bench.Serve(hcm => hcm.Http2ProtocolOptions = http2);
        await test(new Scene(bench, upstream, new Http2Peer(bench.Connect().Stream)));
    });

    private sealed record Scene(ProxyBench Bench, TestUpstream Upstream, Http2Peer Client)
    {
        public async Task<Http2Peer> AcceptAsync()
        {
            var peer = new Http2Peer((await Upstream.AcceptAsync()).Stream);
            await peer.StartServerAsync();
            return peer;
        }
    }
}
