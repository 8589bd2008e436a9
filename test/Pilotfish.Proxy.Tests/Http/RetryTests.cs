using Envoy.Config.Route.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

public sealed class RetryTests
{
    [Fact]
    public void Status_Retriable_OtherHostAnswers() => LoopRunner.Run(async loop =>
    {
        using var first = new TestUpstream(loop);
        using var second = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", first.Address, second.Address);
        bench.Serve(configureRoute: static route => route.Route_.RetryPolicy = Policy("retriable-status-codes", 2, 503));
        TestClient client = bench.Connect();
        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
        Task<TestClient> one = first.AcceptAsync();
        Task<TestClient> two = second.AcceptAsync();
        Task<TestClient> tried = await Task.WhenAny(one, two);
        TestClient failing = await tried;
        await failing.ReadHeadAsync();
        Assert.Equal("body", await failing.ReadBytesAsync(4));
        await failing.SendAsync("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
        TestClient working = await (tried == one ? two : one);
        await working.ReadHeadAsync();
        Assert.Equal("body", await working.ReadBytesAsync(4));
        await working.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
        Assert.Equal(2, bench.Recorded[0].Attempts);
        Assert.Equal("-", bench.Recorded[0].Flags);
        Assert.Equal(1, bench.Counter("cluster.backend.upstream_rq_retry"));
        Assert.Equal(1, bench.Counter("cluster.backend.upstream_rq_retry_success"));
    });

    [Fact]
    public void Reset_BeforeHeaders_IsTriedAgainUntilTheLimit() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(configureRoute: static route => route.Route_.RetryPolicy = Policy("reset", 2));
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        for (int i = 0; i < 3; i++)
        {
            TestClient server = await upstream.AcceptAsync();
            await server.ReadHeadAsync();
            server.Stream.Close();
        }

        Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
        Assert.Contains("retried and the latest reset reason", await client.ReadUntilAsync("termination"));
        Assert.Equal((3, "UC,URX"), (bench.Recorded[0].Attempts, bench.Recorded[0].Flags));
    });

    [Fact]
    public void Retry_PicksFromLiveMembership() => LoopRunner.Run(async loop =>
    {
        using var old = new TestUpstream(loop);
        using var fresh = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        Pilotfish.Proxy.Clusters.ClusterState cluster = bench.AddCluster("backend", old.Address);
        bench.Serve(configureRoute: static route => route.Route_.RetryPolicy = Policy("reset", 1));
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await old.AcceptAsync();
        await server.ReadHeadAsync();
        ProxyBench.SetHosts(cluster, fresh.Address);
        server.Stream.Close();
        TestClient next = await fresh.AcceptAsync();
        await next.ReadHeadAsync();
        await next.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
    });

    [Fact]
    public void PerTryTimeout_TriesAgain_ThenGivesUp()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            bench.AddCluster("backend", upstream.Address);
            bench.Serve(configureRoute: static route =>
            {
                route.Route_.RetryPolicy = Policy("5xx", 1);
                route.Route_.RetryPolicy.PerTryTimeout = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(100));
            });
            TestClient client = bench.Connect();
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            TestClient first = await upstream.AcceptAsync();
            await first.ReadHeadAsync();
            clock.Advance(TimeSpan.FromMilliseconds(101));
            await first.ReadToEndAsync();
            clock.Advance(TimeSpan.FromMilliseconds(251));
            TestClient second = await upstream.AcceptAsync();
            await second.ReadHeadAsync();
            clock.Advance(TimeSpan.FromMilliseconds(101));
            Assert.StartsWith("HTTP/1.1 504 ", await client.ReadHeadAsync());
            Assert.Equal(("UT,URX", "upstream_per_try_timeout", 2),
                (bench.Recorded[0].Flags, bench.Recorded[0].Details, bench.Recorded[0].Attempts));
        });
    }

    private static RetryPolicy Policy(string on, uint retries, params uint[] codes)
    {
        var policy = new RetryPolicy
        {
            RetryOn = on,
            NumRetries = retries,
            HostSelectionRetryMaxAttempts = 5,
            RetryHostPredicate =
            {
                new RetryPolicy.Types.RetryHostPredicate { Name = "envoy.retry_host_predicates.previous_hosts" },
            },
        };
        policy.RetriableStatusCodes.AddRange(codes);
        return policy;
    }
}
