using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using Cluster = Envoy.Config.Cluster.V3.Cluster;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>track_cluster_stats and track_timeout_budgets.</summary>
public sealed class ClusterTrackingTests
{
    [Fact]
    public void Budgets_TellTheShareOfEachTimeout_AlsoWhenItIsOver()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            ProxyBench bench = Bench(loop, upstream, budgets: true, sizes: false);
            TestClient client = bench.Connect();
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            TestClient server = await upstream.AcceptAsync();
            await server.ReadHeadAsync();
            clock.Advance(TimeSpan.FromSeconds(1));
            await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            await client.ReadHeadAsync();
            Assert.InRange(Sum(bench, "upstream_rq_timeout_budget_percent_used"), 10, 11);
            Assert.InRange(Sum(bench, "upstream_rq_timeout_budget_per_try_percent_used"), 20, 21);
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            await server.ReadHeadAsync();
            clock.Advance(TimeSpan.FromSeconds(5.1));
            Assert.StartsWith("HTTP/1.1 504 ", await client.ReadHeadAsync());
            Assert.InRange(Sum(bench, "upstream_rq_timeout_budget_percent_used"), 60, 63);
            Assert.InRange(Sum(bench, "upstream_rq_timeout_budget_per_try_percent_used"), 120, 125);
            Assert.Equal(-1, Sum(bench, "upstream_rq_body_size"));
        });
    }

    [Fact]
    public void Sizes_AreThoseOfEachAttempt() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, upstream, budgets: false, sizes: true);
        TestClient client = bench.Connect();
        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\nrequest");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.ReadBytesAsync(7);
        await server.SendAsync("HTTP/1.1 200 OK\r\nx-a: b\r\nContent-Length: 5\r\n\r\nthere");
        await client.ReadHeadAsync();
        await client.ReadBytesAsync(5);
        Assert.Equal((7, 5), (Sum(bench, "upstream_rq_body_size"), Sum(bench, "upstream_rs_body_size")));
        Assert.InRange(Sum(bench, "upstream_rs_headers_size"), 20, 60);
        Assert.InRange(Sum(bench, "upstream_rs_headers_count"), 2, 3);
        Assert.InRange(Sum(bench, "upstream_rq_headers_size"), 30, 400);
        Assert.InRange(Sum(bench, "upstream_rq_headers_count"), 4, 12);
        Assert.Equal(-1, Sum(bench, "upstream_rq_timeout_budget_percent_used"));
    });

    [Fact]
    public void Nothing_IsTrackedByDefault() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, upstream, budgets: false, sizes: false);
        await bench.Connect().SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        await (await upstream.AcceptAsync()).ReadHeadAsync();
        Assert.DoesNotContain(bench.Stats.Entries(), static entry => entry.Name.Contains("budget", StringComparison.Ordinal) || entry.Name.Contains("_size", StringComparison.Ordinal));
    });

    [Theory]
    [InlineData("""{"track_cluster_stats": {"timeout_budgets": true}}""", true, false)]
    [InlineData("""{"track_cluster_stats": {"request_response_sizes": true}}""", false, true)]
    [InlineData("""{"track_timeout_budgets": true}""", true, false)]
    [InlineData("""{"track_timeout_budgets": true, "track_cluster_stats": {}}""", false, false)]
    [InlineData("{}", false, false)]
    public void Fields_AreRead(string json, bool budgets, bool sizes) => LoopRunner.Run(loop =>
    {
        Cluster cluster = Cluster.Parser.ParseJson(json);
        cluster.Name = "c";
        ClusterModel model = ClusterCompiler.Compile(cluster, 1, new ProxyBench(loop).Context);
        Assert.Equal((budgets, sizes), (model.TracksTimeoutBudgets, model.TracksSizes));
        return Task.CompletedTask;
    });

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 0)]
    public void WaitForWarmOnInit_False_ServesAtOnce(bool waits, int warming) => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        var cluster = new Cluster
        {
            Name = "c",
            Type = Cluster.Types.DiscoveryType.Eds,
            EdsClusterConfig = new Cluster.Types.EdsClusterConfig(),
            WaitForWarmOnInit = waits,
        };
        Assert.Empty(fixture.Apply(cluster));
        Assert.Equal(warming, fixture.Clusters.WarmingCount);
        Assert.Equal(!waits, fixture.Context.Clusters.Reference("c").Current is not null);
        fixture.Subscriptions.Push("c", TransportFixture.Assignment("c", Pilotfish.Runtime.Sockets.NetAddress.Parse("10.0.0.1:1")));
        Assert.Single(fixture.Context.Clusters.Reference("c").Current!.Hosts.All);
        Assert.Equal(0, fixture.Clusters.WarmingCount);
        return Task.CompletedTask;
    });

    private static ProxyBench Bench(EventLoop loop, TestUpstream upstream, bool budgets, bool sizes)
    {
        var bench = new ProxyBench(loop);
        bench.AddClusterWith("backend", settings => settings with { TracksTimeoutBudgets = budgets, TracksSizes = sizes }, upstream.Address);
        bench.Serve(configureRoute: static route =>
        {
            route.Route_.Timeout = new Google.Protobuf.WellKnownTypes.Duration { Seconds = 10 };
            route.Route_.RetryPolicy = new Envoy.Config.Route.V3.RetryPolicy
            {
                RetryOn = "refused-stream",
                PerTryTimeout = new Google.Protobuf.WellKnownTypes.Duration { Seconds = 5 },
            };
        });
        return bench;
    }

    private static long Sum(ProxyBench bench, string name) =>
        bench.Stats.TryFind("cluster.backend." + name, out StatEntry? entry) ? bench.Stats.Snapshot(entry).Sum : -1;
}
