using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.HealthCheck.V3;
using Envoy.Type.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Filters.HealthChecks;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Filters.HealthChecks;

/// <summary>Who answers a health check, and with what. What of clusters makes it fail is in the table of causes (Reasons).</summary>
public sealed class HealthCheckFilterTests
{
    private const string Check = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n";

    [Fact]
    public void Check_IsAnsweredHere_OthersPass() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, upstream, new HealthCheck { PassThroughMode = false });
        TestClient client = bench.Connect();
        await client.SendAsync(Check);
        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 200 ", head);
        Assert.Contains("x-envoy-upstream-healthchecked-cluster: test\r\n", head);
        await client.SendAsync("GET /other HTTP/1.1\r\nHost: h\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        Assert.StartsWith("GET /other ", await server.ReadHeadAsync());
        await server.SendAsync("HTTP/1.1 204 None\r\n\r\n");
        head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 204 ", head);
        Assert.DoesNotContain("healthchecked", head);
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Process_ThatFails_AnswersItself_AndSaysSoInEveryResponse(bool passesThrough) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, upstream, new HealthCheck { PassThroughMode = passesThrough });
        bench.Context.Health.Fails = true;
        TestClient client = bench.Connect();
        await client.SendAsync(Check);
        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 503 ", head);
        Assert.DoesNotContain("x-envoy-immediate-health-check-fail", head);
        Assert.Equal(("health_check_failed", "LH"), (bench.Recorded[0].Details, bench.Recorded[0].Flags));
        await client.SendAsync("GET /other HTTP/1.1\r\nHost: h\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 204 None\r\n\r\n");
        Assert.Contains("x-envoy-immediate-health-check-fail: true\r\n", await client.ReadHeadAsync());
        bench.Context.Health.Fails = false;
        await client.SendAsync("GET /other HTTP/1.1\r\nHost: h\r\n\r\n");
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 204 None\r\n\r\n");
        Assert.DoesNotContain("immediate", await client.ReadHeadAsync());
    });

    [Fact]
    public void Check_ThatPassesThrough_IsTheUpstreams_AndKeptForAWhile()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            ProxyBench bench = Bench(loop, upstream, new HealthCheck { PassThroughMode = true, CacheTime = new Duration { Seconds = 10 } });
            TestClient client = bench.Connect();
            await client.SendAsync(Check);
            TestClient server = await upstream.AcceptAsync();
            await server.ReadHeadAsync();
            await server.SendAsync("HTTP/1.1 503 No\r\nContent-Length: 0\r\nx-envoy-degraded: \r\n\r\n");
            string head = await client.ReadHeadAsync();
            Assert.StartsWith("HTTP/1.1 503 ", head);
            Assert.Contains("x-envoy-upstream-healthchecked-cluster: test\r\n", head);

            // The cluster's statistics of responses are of traffic.
            Assert.Equal((1, 0), (bench.Counter("cluster.backend.upstream_rq_total"), bench.Counter("cluster.backend.upstream_rq_completed")));
            clock.AdvanceMilliseconds(9_999);
            await loop.YieldAsync();
            await client.SendAsync(Check);
            head = await client.ReadHeadAsync();
            Assert.StartsWith("HTTP/1.1 503 ", head);
            Assert.Contains("x-envoy-degraded: \r\n", head);
            Assert.Equal(("health_check_cached", "LH"), (bench.Recorded[1].Details, bench.Recorded[1].Flags));

            // An answer out of the store does not renew itself.
            clock.AdvanceMilliseconds(2);
            await loop.YieldAsync();
            await client.SendAsync(Check);
            await server.ReadHeadAsync();
            await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
        });
    }

    // The connection serves on, and a body is nobody's.
    [Fact]
    public void Check_WithABody_IsAnsweredAtItsEnd() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, upstream, new HealthCheck { PassThroughMode = false });
        TestClient client = bench.Connect();
        await client.SendAsync("POST /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo");
        for (int turns = 0; turns < 20; turns++)
        {
            await loop.YieldAsync();
        }

        Assert.True(client.HasNothing);
        await client.SendAsync("dy");
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
        await client.SendAsync(Check);
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
    });

    [Theory]
    [InlineData("pass_through_mode")]
    [InlineData("cache_time")]
    [InlineData("cluster_min_healthy_percentages['c']")]
    public void Config_ThatCannotBe_IsRefusedByField(string field) => LoopRunner.Run(loop =>
    {
        using var upstream = new TestUpstream(loop);
        var check = new HealthCheck { PassThroughMode = field == "pass_through_mode" ? null : false };
        if (field == "cache_time")
        {
            check.CacheTime = new Duration { Seconds = 1 };
        }
        else if (field != "pass_through_mode")
        {
            check.ClusterMinHealthyPercentages.Add("c", new Percent { Value = 101 });
        }

        ConfigRejectedException rejected = Assert.Throws<ConfigRejectedException>(() => Bench(loop, upstream, check));
        Assert.Equal($"http_filters[1].typed_config.{field}", rejected.Field);
        return Task.CompletedTask;
    });

    private static ProxyBench Bench(EventLoop loop, TestUpstream upstream, HealthCheck check)
    {
        var bench = new ProxyBench(loop);
        bench.Context.Extensions.Register<IHttpFilterFactory>(new HealthCheckFilterFactory());
        bench.AddCluster("backend", upstream.Address);
        check.Headers.Add(new HeaderMatcher { Name = ":path", StringMatch = new() { Exact = "/healthz" } });
        bench.Serve(hcm => hcm.HttpFilters.Insert(1, ProxyBench.Filter("health", check)));
        return bench;
    }
}
