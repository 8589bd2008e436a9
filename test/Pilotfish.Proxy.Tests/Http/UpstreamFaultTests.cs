using Envoy.Config.Route.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

public sealed class UpstreamFaultTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    [Theory]
    [InlineData("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")]
    [InlineData("length and chunked", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")]
    [InlineData("bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n")]
    [InlineData("no status", "HTTP/1.1 OK\r\n\r\n")]
    [InlineData("not HTTP", "SSH-2.0-OpenSSH\r\n\r\n")]
    [InlineData("folded", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n")]
    [InlineData("204 with chunks", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n")]
    public void Upstream_MalformedHead_502Upe(string label, string response) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync(response);
        string head = await client.ReadHeadAsync();
        Assert.True(head.StartsWith("HTTP/1.1 502 Bad Gateway\r\n", StringComparison.Ordinal), label + head);
        RecordedStream record = Assert.Single(bench.Recorded);
        Assert.Equal("UPE", record.Flags);
        Assert.Equal("upstream_reset_before_response_started{protocol_error}", record.Details);
    });

    [Fact]
    public void Upstream_SurplusBytes_ConnectionIsNotReused() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
        await client.ReadHeadAsync();
        Assert.Equal("ok", await client.ReadBytesAsync(2));
        await client.SendAsync(Get);
        TestClient second = await upstream.AcceptAsync();
        await second.ReadHeadAsync();
        await second.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
        await client.ReadHeadAsync();
        Assert.Equal("good", await client.ReadBytesAsync(4));
    });

    [Fact]
    public void Upstream_BytesOnIdleConnection_ConnectionIsClosed() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        await client.ReadHeadAsync();
        await client.ReadBytesAsync(2);
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
        Assert.Equal("", await server.ReadToEndAsync());
    });

    [Fact]
    public void Upstream_ClosesBeforeHeaders_503Uc() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        server.Stream.Close();
        Assert.StartsWith("HTTP/1.1 503 Service Unavailable\r\n", await client.ReadHeadAsync());
        Assert.Contains("reset reason: connection termination", await client.ReadUntilAsync("termination"));
        RecordedStream record = Assert.Single(bench.Recorded);
        Assert.Equal(("UC", "upstream_reset_before_response_started{connection_termination}"), (record.Flags, record.Details));
    });

    [Fact]
    public void Upstream_ClosesMidBody_ClientConnectionIsCut() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        await client.ReadHeadAsync();
        server.Stream.Close();
        await client.ReadToEndAsync();
        Assert.StartsWith("upstream_reset_after_response_started", bench.Recorded[0].Details);
        Assert.Equal("UC", bench.Recorded[0].Flags);
    });

    [Fact]
    public void Upstream_Refuses_503Uf() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        NetAddress dead;
        using (var upstream = new TestUpstream(loop))
        {
            dead = upstream.Address;
        }

        bench.AddCluster("backend", dead);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
        Assert.Equal("UF", bench.Recorded[0].Flags);
        Assert.StartsWith("upstream_reset_before_response_started{remote_connection_failure|", bench.Recorded[0].Details);
    });

    [Fact]
    public void Upstream_ResponseUntilClose_IsForwardedWhole() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.0 200 OK\r\n\r\nold");
        server.Stream.Close();
        Assert.Contains("transfer-encoding: chunked", await client.ReadHeadAsync());
        Assert.Equal("3\r\nold\r\n0\r\n\r\n", await client.ReadBytesAsync(13));
    });

    [Fact]
    public void Cluster_WithoutHosts_503Uh() => Answered(
        static bench => bench.AddCluster("backend"), null, 503, "UH", "no_healthy_upstream");

    [Fact]
    public void Cluster_Unknown_503Nc() => Answered(static _ => { }, null, 503, "NC", "cluster_not_found");

    [Fact]
    public void Route_None_404Nr() => Answered(
        static bench => bench.AddCluster("backend"), static route => route.Match = new RouteMatch { Path = "/other" }, 404, "NR", "route_not_found");

    [Fact]
    public void Breaker_PendingFull_503Uo() => Answered(
        static bench => bench.AddCluster("backend", new CircuitBreakerConfig { PendingRequestsMax = 0 }, NetAddress.Loopback(1)),
        null, 503, "UO", "upstream_reset_before_response_started{overflow}");

    [Fact]
    public void Timeout_Global_504Ut()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            bench.AddCluster("backend", upstream.Address);
            bench.Serve(configureRoute: static route => route.Route_.Timeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(2)));
            TestClient client = bench.Connect();
            await client.SendAsync(Get);
            TestClient server = await upstream.AcceptAsync();
            Assert.Contains("x-envoy-expected-rq-timeout-ms: 2000\r\n", await server.ReadHeadAsync());
            clock.Advance(TimeSpan.FromMilliseconds(2001));
            Assert.StartsWith("HTTP/1.1 504 Gateway Timeout\r\n", await client.ReadHeadAsync());
            Assert.Equal("upstream request timeout", await client.ReadBytesAsync(24));
            Assert.Equal(("UT", "response_timeout"), (bench.Recorded[0].Flags, bench.Recorded[0].Details));
        });
    }

    /// <summary>Numbers that clients choose: no time that a clock can tell ends a request before it is over, and no other text is a time.</summary>
    [Theory]
    [InlineData("x-envoy-upstream-rq-timeout-ms: 9223372036854775807")]
    [InlineData("x-envoy-upstream-rq-per-try-timeout-ms: 9223372036854775807")]
    [InlineData("x-envoy-upstream-stream-duration-ms: 9223372036854775807")]
    [InlineData("x-envoy-upstream-rq-timeout-ms: 18446744073709551615")]
    [InlineData("x-envoy-upstream-rq-timeout-ms: +5")]
    [InlineData("x-envoy-upstream-rq-timeout-ms: -5")]
    [InlineData("x-envoy-upstream-rq-timeout-ms: 5x")]
    [InlineData("x-envoy-upstream-rq-timeout-ms: 5 5")]
    public void Timeout_OfAHeaderThatIsNoTime_NeverFires(string header)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            bench.AddCluster("backend", upstream.Address);
            bench.Serve();
            TestClient client = bench.Connect();
            await client.SendAsync($"GET / HTTP/1.1\r\nHost: a\r\n{header}\r\n\r\n");
            TestClient server = await upstream.AcceptAsync();
            await server.ReadHeadAsync();
            clock.Advance(TimeSpan.FromMinutes(4));
            await loop.YieldAsync();
            await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
        });
    }

    private static void Answered(Action<ProxyBench> arrange, Action<Route>? route, int status, string flags, string details) =>
        LoopRunner.Run(async loop =>
        {
            var bench = new ProxyBench(loop);
            arrange(bench);
            bench.Serve(configureRoute: route);
            TestClient client = bench.Connect();
            await client.SendAsync(Get);
            Assert.StartsWith($"HTTP/1.1 {status} ", await client.ReadHeadAsync());
            Assert.Equal((flags, details), (bench.Recorded[0].Flags, bench.Recorded[0].Details));
        });
}
