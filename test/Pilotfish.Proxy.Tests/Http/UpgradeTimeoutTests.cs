using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Upstreams.Http.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>An upgrade's bytes are no request any more: the timeouts of requests do not cut them, whatever either side speaks.</summary>
public sealed class UpgradeTimeoutTests
{
    private const string Upgrade =
        "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Bytes_AfterEveryRequestTimeout_StillFlow(bool http2Upstream)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            HttpProtocolOptions options = new() { ExplicitHttpConfig = new() };
            if (http2Upstream)
            {
                options.ExplicitHttpConfig.Http2ProtocolOptions = new();
            }
            else
            {
                options.ExplicitHttpConfig.HttpProtocolOptions = new();
            }

            bench.AddHttpCluster("backend", options, upstream.Address);
            bench.Serve(
                static hcm =>
                {
                    hcm.UpgradeConfigs.Add(new HttpConnectionManager.Types.UpgradeConfig { UpgradeType = "websocket" });
                    hcm.RequestTimeout = Milliseconds(100);
                    hcm.RequestHeadersTimeout = Milliseconds(100);
                    hcm.StreamIdleTimeout = new Duration();
                },
                static route =>
                {
                    route.Route_.Timeout = Milliseconds(200);
                    route.Route_.RetryPolicy = new RetryPolicy { RetryOn = "5xx,reset", PerTryTimeout = Milliseconds(50) };
                });
            TestClient client = bench.Connect();
            await client.SendAsync(Upgrade);
            TestClient server = await upstream.AcceptAsync();
            var peer = new Http2Peer(server.Stream);
            if (http2Upstream)
            {
                await peer.StartServerAsync((SettingId.ENABLE_CONNECT_PROTOCOL, 1));
                await peer.ReadHeadersAsync();
                await peer.HeadersAsync(1, end: false, (":status", "200"));
            }
            else
            {
                await server.ReadHeadAsync();
                await server.SendAsync("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
            }

            Assert.StartsWith("HTTP/1.1 101 ", await client.ReadHeadAsync());
            for (int i = 0; i < 3; i++)
            {
                clock.Advance(TimeSpan.FromSeconds(60));
                await client.SendAsync("ping");
                Assert.Equal("ping", http2Upstream ? await peer.ReadBodyAsync(4) : await server.ReadBytesAsync(4));
                await (http2Upstream ? peer.DataAsync(1, "pong", end: false) : server.SendAsync("pong"));
                Assert.Equal("pong", await client.ReadBytesAsync(4));
            }

            Assert.Empty(bench.Recorded);
        });
    }

    [Theory]
    [InlineData(false, "https")]
    [InlineData(true, "http")]
    public void Scheme_IsTheClientsOrTheUpstreams(bool matchesUpstream, string scheme) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddHttpCluster("backend", new HttpProtocolOptions { ExplicitHttpConfig = new() { Http2ProtocolOptions = new() } }, upstream.Address);
        bench.Serve(hcm => hcm.SchemeHeaderTransformation = new() { MatchUpstream = matchesUpstream });
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n\r\n");
        var server = new Http2Peer((await upstream.AcceptAsync()).Stream);
        await server.StartServerAsync();
        Assert.Equal(scheme, (await server.ReadHeadersAsync()).Fields[":scheme"]);
    });

    private static Duration Milliseconds(int milliseconds) => Duration.FromTimeSpan(TimeSpan.FromMilliseconds(milliseconds));
}
