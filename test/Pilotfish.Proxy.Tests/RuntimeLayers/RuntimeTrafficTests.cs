using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Type.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Health;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using RetryPolicy = Envoy.Config.Route.V3.RetryPolicy;
using RoutingPriority = Pilotfish.Proxy.Clusters.RoutingPriority;

namespace Pilotfish.Proxy.Tests.RuntimeLayers;

/// <summary>Each runtime key that traffic obeys, changed while it serves.</summary>
public sealed class RuntimeTrafficTests
{
    [Fact]
    public void RouteFraction_FollowsTheRuntime() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(new RouteConfiguration
        {
            Name = "routes",
            VirtualHosts =
            {
                new VirtualHost
                {
                    Name = "all",
                    Domains = { "*" },
                    Routes =
                    {
                        Direct(201, new RuntimeFractionalPercent { DefaultValue = new FractionalPercent { Numerator = 100 }, RuntimeKey = "canary" }),
                        Direct(202, null),
                    },
                },
            },
        });
        Assert.Equal(201, await AskAsync(bench));
        Set(bench, "canary", "0");
        Assert.Equal(202, await AskAsync(bench));
        Set(bench, "canary", "{numerator: 1000000, denominator: MILLION}");
        Assert.Equal(201, await AskAsync(bench));
    });

    [Fact]
    public void WeightedClusters_FollowTheRuntime_AndNoWeightIsNoRoute() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.AddCluster("one");
        bench.AddCluster("two");
        bench.Serve(configureRoute: static route => route.Route_ = new RouteAction
        {
            ClusterNotFoundResponseCode = RouteAction.Types.ClusterNotFoundResponseCode.NotFound,
            WeightedClusters = new WeightedCluster
            {
                RuntimeKeyPrefix = "split",
                Clusters =
                {
                    new WeightedCluster.Types.ClusterWeight { Name = "one", Weight = 1 },
                    new WeightedCluster.Types.ClusterWeight { Name = "two", Weight = 0 },
                },
            },
        });
        Assert.Equal(("one", 503), await ClusterAsync(bench));
        Set(bench, "split.one", "0", "split.two", "7");
        Assert.Equal(("two", 503), await ClusterAsync(bench));
        Set(bench, "split.one", "0");
        Assert.Equal(("", 404), await ClusterAsync(bench));
        Set(bench, "split.one", "4294967295", "split.two", "1");
        Assert.Equal(("", 404), await ClusterAsync(bench));
    });

    [Theory]
    [InlineData("off", "0", 0)]
    [InlineData("on", "100", 1)]
    [InlineData("nothing said", null, 1)]
    [InlineData("no number", "yes", 1)]
    public void UseRetry_TurnsRetriesOff(string label, string? value, int retries) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(configureRoute: static route => route.Route_.RetryPolicy = new RetryPolicy { RetryOn = "5xx" });
        if (value is not null)
        {
            Set(bench, "upstream.use_retry", value);
        }

        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        for (int i = 0; i <= retries; i++)
        {
            await server.ReadHeadAsync();
            await server.SendAsync("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
        }

        Assert.StartsWith("HTTP/1.1 500 ", await client.ReadHeadAsync());
        Assert.True(retries == bench.Counter("cluster.backend.upstream_rq_retry"), label);
        Assert.Equal(retries > 0 ? "URX" : "-", bench.Recorded[0].Flags);
    });

    [Theory]
    [InlineData("upstream.base_retry_backoff_ms", "1000", 1000)]
    [InlineData("upstream.base_retry_backoff_ms", "0", 1)]
    [InlineData("other", "1000", 25)]
    public void BaseRetryBackOff_IsTheRuntimes(string key, string value, long milliseconds)
    {
        var runtime = new Config.RuntimeValues();
        var retries = new Pilotfish.Proxy.Filters.Router.RetryRuntime(runtime);
        runtime.Replace(new Dictionary<string, string> { [key] = value });
        Assert.Equal(milliseconds, retries.BaseMilliseconds);
    }

    [Fact]
    public void Maintenance_BeginsAndEndsWhileServing() => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        fixture.Apply(TransportFixture.StaticCluster("c", NetAddress.Loopback(1)));
        ClusterState state = fixture.Context.Clusters.Reference("c").Current!;
        WorkerCluster worker = fixture.Workers.All[0].Cluster(state);
        Assert.Null(worker.Drop());
        fixture.Context.Runtime.Replace(new Dictionary<string, string> { ["upstream.maintenance_mode.c"] = "100" });
        Assert.Equal("maintenance_mode", worker.Drop()!.Details);
        fixture.Context.Runtime.Replace(new Dictionary<string, string> { ["upstream.maintenance_mode.d"] = "100" });
        Assert.Null(worker.Drop());
        fixture.Context.Runtime.Replace(new Dictionary<string, string>());
        Assert.Null(worker.Drop());
        return Task.CompletedTask;
    });

    [Fact]
    public void CircuitBreakers_FollowTheRuntime_ByClusterAndPriority() => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        fixture.Apply(TransportFixture.StaticCluster("c", NetAddress.Loopback(1)));
        ClusterState state = fixture.Context.Clusters.Reference("c").Current!;
        fixture.Context.Runtime.Replace(new Dictionary<string, string>
        {
            ["circuit_breakers.c.default.max_connections"] = "1",
            ["circuit_breakers.c.default.max_pending_requests"] = "2",
            ["circuit_breakers.c.default.max_requests"] = "3",
            ["circuit_breakers.c.default.max_retries"] = "4",
            ["circuit_breakers.c.default.max_connection_pools"] = "5",
            ["circuit_breakers.c.high.max_connections"] = "6",
            ["circuit_breakers.d.default.max_connections"] = "7",
            ["circuit_breakers.c.high.retry_budget.min_retry_concurrency"] = "1",
        });
        CircuitBreaker usual = state.Breaker(RoutingPriority.Default);
        Assert.Equal([1, 2, 3, 4, 5], Limits(usual));
        CircuitBreaker high = state.Breaker(RoutingPriority.High);
        Assert.Equal([6, 1024, 1024, 3, uint.MaxValue], Limits(high));
        Assert.Equal((true, false), (high.TryAcquireRetry(), high.TryAcquireRetry()));
        fixture.Context.Runtime.Replace(new Dictionary<string, string>());
        Assert.Equal([1024, 1024, 1024, 3, uint.MaxValue], Limits(usual));
        Assert.True(high.TryAcquireRetry());
        return Task.CompletedTask;
    });

    [Fact]
    public void PanicThreshold_IsTheRuntimes_ForClustersThatServe() => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        fixture.Apply(TransportFixture.StaticCluster("c", NetAddress.Parse("10.0.0.1:1"), NetAddress.Parse("10.0.0.2:1"), NetAddress.Parse("10.0.0.3:1")));
        ClusterState state = fixture.Context.Clusters.Reference("c").Current!;
        state.Hosts.All[0].SetHealth(HostHealth.FailedEdsHealth, on: true);
        fixture.Context.Runtime.Replace(new Dictionary<string, string> { ["upstream.healthy_panic_threshold"] = "90" });
        Assert.True(state.Hosts.Loads.IsPanic(0));
        fixture.Context.Runtime.Replace(new Dictionary<string, string>());
        Assert.False(state.Hosts.Loads.IsPanic(0));
        return Task.CompletedTask;
    });

    [Fact]
    public void OutlierPolicy_TakesEachKey()
    {
        string[] keys =
        [
            "interval_ms", "base_ejection_time_ms", "max_ejection_time_ms", "max_ejection_time_jitter_ms", "max_ejection_percent", "consecutive_5xx",
            "enforcing_consecutive_5xx", "consecutive_gateway_failure", "enforcing_consecutive_gateway_failure", "consecutive_local_origin_failure",
            "enforcing_consecutive_local_origin_failure", "success_rate_minimum_hosts", "success_rate_request_volume", "success_rate_stdev_factor",
            "enforcing_success_rate", "enforcing_local_origin_success_rate", "failure_percentage_threshold", "failure_percentage_minimum_hosts",
            "failure_percentage_request_volume", "enforcing_failure_percentage", "enforcing_failure_percentage_local_origin",
        ];
        var policy = new OutlierPolicy();
        foreach (string key in keys)
        {
            var runtime = new Config.RuntimeValues();
            runtime.Replace(new Dictionary<string, string> { ["outlier_detection." + key] = "77" });
            Assert.True(policy.With(runtime) != policy, key);
        }

        var huge = new Config.RuntimeValues();
        huge.Replace(new Dictionary<string, string> { ["outlier_detection.base_ejection_time_ms"] = "18446744073709500000" });
        Assert.InRange(policy.With(huge).BaseEjectionMilliseconds, 1, long.MaxValue / 1000);
        Assert.Equal(policy, policy.With(new Config.RuntimeValues()));
    }

    private static long[] Limits(CircuitBreaker breaker) =>
        [breaker.Connections.Limit, breaker.PendingRequests.Limit, breaker.Requests.Limit, breaker.Retries.Limit, breaker.ConnectionPools.Limit];

    private static Route Direct(uint status, RuntimeFractionalPercent? share) => new()
    {
        Match = new RouteMatch { Prefix = "/", RuntimeFraction = share },
        DirectResponse = new DirectResponseAction { Status = status },
    };

    private static async Task<int> AskAsync(ProxyBench bench)
    {
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        string head = await client.ReadHeadAsync();
        return int.Parse(head.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
    }

    private static async Task<(string Cluster, int Status)> ClusterAsync(ProxyBench bench)
    {
        (long one, long two) = (bench.Counter("cluster.one.upstream_cx_none_healthy"), bench.Counter("cluster.two.upstream_cx_none_healthy"));
        int status = await AskAsync(bench);
        return (bench.Counter("cluster.one.upstream_cx_none_healthy") > one ? "one"
            : bench.Counter("cluster.two.upstream_cx_none_healthy") > two ? "two" : "", status);
    }

    private static void Set(ProxyBench bench, params string[] pairs)
    {
        var values = new Dictionary<string, string>();
        for (int i = 0; i < pairs.Length; i += 2)
        {
            values[pairs[i]] = pairs[i + 1];
        }

        bench.Context.Runtime.Replace(values);
    }
}
