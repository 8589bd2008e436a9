using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>
/// Bytes that a client sends before its upgrade is granted have no framing on the way to an HTTP/1.1 server, which would take them for its
/// next request: they wait for the server's word.
/// </summary>
public sealed class EarlyUpgradeDataTests
{
    private const string Evil = "GET /evil HTTP/1.1\r\nHost: evil\r\n\r\n";
    private const string Granted = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

    [Fact]
    public void Http2_ExtendedConnect_BytesComeAfterThe101() => Run(async (bench, upstream) =>
    {
        Http2Peer client = await ConnectAsync(bench, ":protocol");
        await client.DataAsync(1, Evil, end: false);
        TestClient server = await AcceptQuietAsync(bench, upstream);
        await server.SendAsync(Granted);
        Assert.Equal("200", (await client.ReadHeadersAsync()).Fields[":status"]);
        Assert.Equal(Evil, await server.ReadBytesAsync(Evil.Length));
        await client.DataAsync(1, "more", end: true);
        Assert.Equal("more", await server.ReadToEndAsync());
    });

    [Theory]
    [InlineData("200 OK")]
    [InlineData("404 Not Found")]
    [InlineData("503 Service Unavailable")]
    public void Http2_ExtendedConnectRefused_BytesNeverCome(string status) => Run(async (bench, upstream) =>
    {
        Http2Peer client = await ConnectAsync(bench, ":protocol");
        await client.DataAsync(1, Evil, end: false);
        TestClient server = await AcceptQuietAsync(bench, upstream);
        await server.SendAsync($"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        Assert.Equal(status[..3], (await client.ReadHeadersAsync()).Fields[":status"]);
        await client.DataAsync(1, Evil, end: true);
        await bench.Loop.UntilAsync(() => bench.Logged.Count == 1);
        server.Stream.ShutdownSend();
        Assert.Equal("", await server.ReadToEndAsync());
    });

    [Fact]
    public void Http2_Connect_BytesComeAfterThe200() => Run(async (bench, upstream) =>
    {
        Http2Peer client = await ConnectAsync(bench, "");
        await client.DataAsync(1, Evil, end: false);
        TestClient server = await AcceptQuietAsync(bench, upstream);
        await server.SendAsync("HTTP/1.1 200 OK\r\n\r\n");
        Assert.Equal("200", (await client.ReadHeadersAsync()).Fields[":status"]);
        Assert.Equal(Evil, await server.ReadBytesAsync(Evil.Length));
    }, static route => route.Match = new RouteMatch { ConnectMatcher = new RouteMatch.Types.ConnectMatcher() });

    [Fact]
    public void Http1_ChunkedBody_BytesComeAfterThe101() => Run(async (bench, upstream) =>
    {
        TestClient client = bench.Connect();
        await client.SendAsync("POST /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n"
            + $"{Evil.Length:x}\r\n{Evil}\r\n0\r\n\r\n");
        TestClient server = await AcceptQuietAsync(bench, upstream);
        await server.SendAsync(Granted);
        Assert.StartsWith("HTTP/1.1 101 ", await client.ReadHeadAsync());
        Assert.Equal(Evil, await server.ReadBytesAsync(Evil.Length));
    });

    /// <summary>A body with a length is framed by it, granted or not.</summary>
    [Fact]
    public void Http1_BodyWithALength_IsSentAtOnce() => Run(async (bench, upstream) =>
    {
        TestClient client = bench.Connect();
        await client.SendAsync("POST /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc");
        TestClient server = await upstream.AcceptAsync();
        Assert.Contains("content-length: 3\r\n", await server.ReadHeadAsync());
        Assert.Equal("abc", await server.ReadBytesAsync(3));
    });

    /// <summary>What waits is bounded by the buffer limit, beyond which the client's window stays shut.</summary>
    [Fact]
    public void Http2_MoreThanTheBufferHolds_WaitsAtTheClient() => Run(async (bench, upstream) =>
    {
        const int Window = 65_535;
        Http2Peer client = await ConnectAsync(bench, ":protocol");
        for (int sent = 0; sent < Window; sent += Evil.Length)
        {
            await client.DataAsync(1, Evil[..Math.Min(Evil.Length, Window - sent)], end: false);
        }

        TestClient server = await AcceptQuietAsync(bench, upstream);
        Assert.True(bench.Counter("http.test.downstream_flow_control_paused_reading_total") > 0, "The client was never paused.");
        await server.SendAsync(Granted);
        Assert.Equal(Window, (await server.ReadBytesAsync(Window)).Length);
    }, static route => route.RequestBodyBufferLimit = 1024);

    /// <summary>RFC 8441 section 3: a client may send :protocol when the server said that it understands it.</summary>
    [Fact]
    public void Http2_ProtocolThatWasNotOffered_IsMalformed() => Run(async (bench, upstream) =>
    {
        bench.Serve(static hcm => hcm.UpgradeConfigs.Add(new HttpConnectionManager.Types.UpgradeConfig { UpgradeType = "websocket" }));
        Http2Peer client = await ConnectAsync(bench, ":protocol");
        await client.ReadAsync(FrameType.GOAWAY);
        Assert.Equal(0, Assert.Single(bench.Logged).Attempts);
        Assert.Equal(0, bench.Counter("cluster.backend.upstream_cx_total"));
    });

    private static async Task<Http2Peer> ConnectAsync(ProxyBench bench, string protocol)
    {
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        (string, string)[] fields = protocol.Length > 0
            ? [(":method", "CONNECT"), (protocol, "websocket"), (":scheme", "http"), (":path", "/chat"), (":authority", "a")]
            : [(":method", "CONNECT"), (":authority", "a:80")];
        await client.HeadersAsync(1, end: false, fields);
        return client;
    }

    /// <summary>A server that read the head, and behind it nothing.</summary>
    private static async Task<TestClient> AcceptQuietAsync(ProxyBench bench, TestUpstream upstream)
    {
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        for (int turn = 0; turn < 20; turn++)
        {
            await bench.Loop.YieldAsync();
        }

        Assert.True(server.HasNothing, "Bytes came before the upgrade was granted.");
        return server;
    }

    private static void Run(Func<ProxyBench, TestUpstream, Task> body, Action<Route>? configureRoute = null) => LoopRunner.Run(new ManualLoopClock(), async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(
            static hcm =>
            {
                hcm.Http2ProtocolOptions = new Http2ProtocolOptions { AllowConnect = true };
                hcm.UpgradeConfigs.Add(new HttpConnectionManager.Types.UpgradeConfig { UpgradeType = "websocket" });
                hcm.UpgradeConfigs.Add(new HttpConnectionManager.Types.UpgradeConfig { UpgradeType = "CONNECT" });
            },
            configureRoute);
        await body(bench, upstream);
    });
}
