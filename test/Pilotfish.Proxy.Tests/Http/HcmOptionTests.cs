using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>Options of a connection manager that are few words in a config, each seen from outside.</summary>
public sealed class HcmOptionTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n";

    [Theory]
    [InlineData("", "test")]
    [InlineData("User-Agent: curl\r\n", "curl")]
    public void AddUserAgent_SaysWhoCalls(string sent, string agent) => LoopRunner.Run(async loop =>
    {
        string head = await UpstreamHeadAsync(loop, static hcm => hcm.AddUserAgent = true, Get + sent + "\r\n");
        Assert.Contains($"\r\nuser-agent: {agent}\r\n", head);
        Assert.Contains("\r\nx-envoy-downstream-service-cluster: test\r\n", head);
        Assert.Contains("\r\nx-envoy-downstream-service-node: test\r\n", head);
    });

    [Fact]
    public void MappedIPv4_IsHowXffShowsThePeer() => LoopRunner.Run(async loop =>
    {
        string head = await UpstreamHeadAsync(loop, static hcm =>
        {
            hcm.UseRemoteAddress = true;
            hcm.RepresentIpv4RemoteAddressAsIpv4MappedIpv6 = true;
        }, Get + "\r\n");
        Assert.Contains("\r\nx-forwarded-for: ::ffff:10.0.0.9\r\n", head);
        Assert.Contains("\r\nx-envoy-external-address: 10.0.0.9\r\n", head);
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AppendLocalOverload_MarksRefusals(bool marks) => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(hcm => hcm.AppendLocalOverload = marks);
        bench.Context.Overload.StopAcceptingRequests.Set(1);
        TestClient client = bench.Connect();
        await client.SendAsync(Get + "\r\n");
        Assert.Equal(marks, (await client.ReadHeadAsync()).Contains("x-envoy-local-overloaded: true\r\n", StringComparison.Ordinal));
        Assert.Equal("OM", bench.Logged[0].Flags);
    });

    [Fact]
    public void Http1SafeMaxConnectionDuration_EndsWithAResponse_NotBetweenThem()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            bench.AddCluster("backend", upstream.Address);
            bench.Serve(static hcm =>
            {
                hcm.CommonHttpProtocolOptions = new() { MaxConnectionDuration = Milliseconds(1000) };
                hcm.Http1SafeMaxConnectionDuration = true;
            });
            TestClient client = bench.Connect();
            await client.SendAsync(Get + "\r\n");
            TestClient server = await upstream.AcceptAsync();
            await server.ReadHeadAsync();
            await server.SendAsync("HTTP/1.1 204 None\r\n\r\n");
            Assert.DoesNotContain("connection: close", await client.ReadHeadAsync());
            clock.AdvanceMilliseconds(1001);
            await Transport.TestPeers.UntilAsync(loop, () => bench.Counter("http.test.downstream_cx_max_duration_reached") == 1);
            clock.AdvanceMilliseconds(10_000);
            await client.SendAsync(Get + "\r\n");
            await server.ReadHeadAsync();
            await server.SendAsync("HTTP/1.1 204 None\r\n\r\n");
            Assert.Contains("connection: close\r\n", await client.ReadHeadAsync());
            Assert.Equal("", await client.ReadToEndAsync());
        });
    }

    [Fact]
    public void StreamFlushTimeout_EndsAResponseThatIsNotTaken()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            bench.AddCluster("backend", upstream.Address);
            bench.Serve(static hcm =>
            {
                hcm.StreamIdleTimeout = new Duration();
                hcm.StreamFlushTimeout = Milliseconds(1000);
            });
            var client = new Http2Peer(bench.Connect().Stream);
            await client.StartClientAsync();
            await client.GetAsync(1);
            TestClient server = await upstream.AcceptAsync();
            await server.ReadHeadAsync();
            await server.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{new string('x', 100_000)}");
            await Transport.TestPeers.UntilAsync(loop, () => bench.Recorded.Count == 1);
            clock.AdvanceMilliseconds(1001);
            await client.ReadResetAsync();
            Assert.Equal(1, bench.Counter("http2.tx_flush_timeout"));
        });
    }

    [Fact]
    public void UpgradeFilters_AreTheChainOfThatUpgrade() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(static hcm => hcm.UpgradeConfigs.Add(new HttpConnectionManager.Types.UpgradeConfig
        {
            UpgradeType = "websocket",
            Filters = { ProxyBench.Filter("router", new Envoy.Extensions.Filters.Http.Router.V3.Router()) },
        }));
        TestClient client = bench.Connect();
        await client.SendAsync(Get + "Connection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 101 ", await client.ReadHeadAsync());
        client.Stream.Close();
        server.Stream.Close();
        await Transport.TestPeers.UntilAsync(loop, () => bench.Logged.Count == 1);

        // The recording filter is of the other chain.
        Assert.Empty(bench.Recorded);
        TestClient plain = bench.Connect();
        await plain.SendAsync(Get + "\r\n");
        server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 204 None\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 204 ", await plain.ReadHeadAsync());
        Assert.Single(bench.Recorded);
    });

    [Fact]
    public void UpgradeFilters_WithoutATerminalOne_AreRefusedByField() => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        ConfigRejectedException refused = Assert.Throws<ConfigRejectedException>(() => bench.Serve(static hcm =>
            hcm.UpgradeConfigs.Add(new HttpConnectionManager.Types.UpgradeConfig
            {
                UpgradeType = "websocket", Filters = { ProxyBench.Filter("record", new Empty()) },
            })));
        Assert.StartsWith("upgrade_configs[0].http_filters: the last filter 'record' is not terminal", refused.Message);
        return Task.CompletedTask;
    });

    [Theory]
    [InlineData(null, null, false)]
    [InlineData(true, null, true)]
    [InlineData(true, false, false)]
    [InlineData(false, true, true)]
    public void StreamErrorOnInvalidHttpMessage_SparesTheConnection(bool? manager, bool? http2, bool spares) => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(hcm =>
        {
            hcm.StreamErrorOnInvalidHttpMessage = manager;
            hcm.Http2ProtocolOptions = new() { OverrideStreamErrorOnInvalidHttpMessage = http2 };
        });
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.HeadersAsync(1, end: true, (":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("connection", "x"));
        if (spares)
        {
            await client.ReadResetAsync();
        }
        else
        {
            Assert.Equal(Http2ErrorCode.PROTOCOL_ERROR, (await client.ReadGoAwayAsync()).Code);
        }
    });

    [Fact]
    public void ClientCertMatcher_WhichWouldChangeWhatIsForwarded_IsRefusedByField() => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        ConfigRejectedException refused = Assert.Throws<ConfigRejectedException>(() => bench.Serve(static hcm => hcm.ForwardClientCertMatcher = new()));
        Assert.StartsWith("forward_client_cert_matcher: ", refused.Message);
        return Task.CompletedTask;
    });

    private static Duration Milliseconds(int milliseconds) => Duration.FromTimeSpan(TimeSpan.FromMilliseconds(milliseconds));

    private static async Task<string> UpstreamHeadAsync(EventLoop loop, Action<HttpConnectionManager> configure, string request)
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(configure);
        await bench.Connect().SendAsync(request);
        return await (await upstream.AcceptAsync()).ReadHeadAsync();
    }
}
