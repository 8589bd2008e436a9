using Envoy.Extensions.Upstreams.Http.V3;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Tunnels;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http2;

/// <summary>An answer that ended while its reader was slow is kept until it was read, though both sides of its stream have ended.</summary>
public sealed class SlowReaderTests
{
    private const int FrameBytes = 16_384;

    [Fact]
    public void Response_ThatEndsWhileItsClientIsBlocked_ArrivesWhole() => LoopRunner.Run(async loop =>
    {
        const int Frames = 200;
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddHttpCluster("backend", new HttpProtocolOptions { ExplicitHttpConfig = new() { Http2ProtocolOptions = new() } }, upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var server = new Http2Peer((await upstream.AcceptAsync()).Stream);
        await server.StartServerAsync();
        (int id, _, _) = await server.ReadHeadersAsync();
        await server.HeadersAsync(id, end: false, (":status", "200"), ("content-length", $"{Frames * FrameBytes}"));
        await SendAsync(server, id, Frames);
        await loop.UntilAsync(() => bench.Counter("cluster.backend.upstream_cx_rx_bytes_total") > Frames * FrameBytes);

        await client.ReadHeadAsync();
        Assert.Equal(Frames * FrameBytes, (await client.ReadBytesAsync(Frames * FrameBytes)).Length);
        await loop.UntilAsync(() => bench.Logged.Count == 1);
        Assert.Equal("via_upstream", bench.Logged[0].Details);
    });

    /// <summary>The kernel takes about ten of these megabytes; the rest is held when the client ends its side, too.</summary>
    [Fact]
    public void Tunnel_ThatEndsWhileItsClientDoesNotRead_ArrivesWhole() => TunnelTests.Run(http2: true, async bench =>
    {
        const int Frames = 900;
        TestClient client = await bench.ConnectAsync();
        (Http2Peer server, int id, _) = await bench.Accept2Async();
        await server.HeadersAsync(id, end: false, (":status", "200"));
        await SendAsync(server, id, Frames);
        await bench.UntilAsync(() => bench.Fixture.Counter("cluster.c.upstream_cx_rx_bytes_total") > Frames * FrameBytes);
        client.Stream.ShutdownSend();
        await server.ReadBodyAsync();

        int received = 0;
        byte[] buffer = new byte[256 * 1024];
        while ((await client.Stream.ReceiveAsync(buffer)) is { IsOk: true, IsEnd: false } result)
        {
            received += result.Bytes;
        }

        Assert.Equal(Frames * FrameBytes, received);
        await bench.UntilAsync(() => bench.Fixture.Gauge("cluster.c.upstream_rq_active") == 0);
        Assert.Equal(0, bench.Fixture.Counter("cluster.c.http2.tx_reset"));
    });

    private static async Task SendAsync(Http2Peer server, int id, int frames)
    {
        string frame = new('x', FrameBytes);
        for (int i = 1; i <= frames; i++)
        {
            await server.DataAsync(id, frame, end: i == frames);
        }
    }
}
