using Envoy.Config.Route.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Routing;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>Whose retry policy counts, how often it tries without saying so, and which hosts its predicates let it take.</summary>
public sealed class RetryPolicyLevelTests
{
    /// <summary>Retries of route, virtual host and cluster (-1: no policy), and how many there are. A policy replaces another as a whole.</summary>
    [Theory]
    [InlineData("none", -1, -1, -1, 0)]
    [InlineData("host's", -1, 2, -1, 2)]
    [InlineData("route's over the host's", 1, 3, -1, 1)]
    [InlineData("route's without a condition", 0, 3, -1, 0)]
    [InlineData("cluster's over both", 1, 3, 2, 2)]
    [InlineData("cluster's alone", -1, -1, 2, 2)]
    [InlineData("cluster's without a condition", 1, 3, 0, 0)]
    public void Policy_OfTheRightLevel_Counts(string label, int route, int host, int cluster, int retries) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddClusterWith(
            "backend",
            settings => settings with { Http = UpstreamHttpOptions.Default with { Retry = RetryPolicyModel.Compile(Policy(cluster), "retry_policy") } },
            upstream.Address);
        bench.Serve(new RouteConfiguration
        {
            VirtualHosts =
            {
                new VirtualHost
                {
                    Name = "all",
                    Domains = { "*" },
                    RetryPolicy = Policy(host),
                    Routes =
                    {
                        new Route
                        {
                            Match = new RouteMatch { Prefix = "/" },
                            Route_ = new RouteAction { Cluster = "backend", Timeout = new Duration(), RetryPolicy = Policy(route) },
                        },
                    },
                },
            },
        });
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        Refuse(upstream, static () => { });
        Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
        Assert.True(retries + 1 == bench.Recorded[0].Attempts, label);
    });

    [Fact]
    public void Retries_AreOneWhereNothingElseIsSaid() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(configureRoute: static route => route.Route_.RetryPolicy = new RetryPolicy { RetryOn = "5xx" });
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        Refuse(upstream, static () => { });
        Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
        Assert.Equal((2, "URX"), (bench.Recorded[0].Attempts, bench.Recorded[0].Flags));
        Assert.Equal(1, bench.Counter("cluster.backend.upstream_rq_retry_limit_exceeded"));
    });

    // Chance alone would send half of the retries to the host that has just failed.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void PreviousHosts_AreAvoided_AsOftenAsThePickMayBeRepeated(bool repeats) => LoopRunner.Run(async loop =>
    {
        using var first = new TestUpstream(loop);
        using var second = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddClusterWith(
            "backend", static settings => settings with { LoadBalancing = new LoadBalancingPolicyModel(LoadBalancingAlgorithm.Random) }, first.Address, second.Address);
        bench.Serve(configureRoute: route =>
        {
            route.Route_.RetryPolicy = new RetryPolicy
            {
                RetryOn = "5xx",
                HostSelectionRetryMaxAttempts = repeats ? 1000 : 0,
                RetryBackOff = new RetryPolicy.Types.RetryBackOff { BaseInterval = new Duration { Nanos = 1_000_000 } },
            };
            if (repeats)
            {
                route.Route_.RetryPolicy.RetryHostPredicate.Add(new RetryPolicy.Types.RetryHostPredicate
                {
                    Name = "previous",
                    TypedConfig = Any.Pack(new Envoy.Extensions.Retry.Host.PreviousHosts.V3.PreviousHostsPredicate()),
                });
            }
        });
        var tried = new List<int>();
        Refuse(first, () => tried.Add(1));
        Refuse(second, () => tried.Add(2));
        TestClient client = bench.Connect();
        int same = 0;
        for (int i = 0; i < 40; i++)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
            same += tried[^2] == tried[^1] ? 1 : 0;
        }

        Assert.True(repeats ? same == 0 : same > 0, $"{same} of 40 retries went to the host that had failed.");
    });

    // A try may not outlive the request, so a bound that is not below the route's is none; other clients' requests show that it was not armed.
    [Theory]
    [InlineData(1000, 1000, "response_timeout")]
    [InlineData(1000, 999, "upstream_per_try_timeout")]
    [InlineData(0, 1000, "upstream_per_try_timeout")]
    public void PerTryTimeout_NotBelowTheRoutes_IsNone(int route, int perTry, string details)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            bench.AddCluster("backend", upstream.Address);
            bench.Serve(configureRoute: rule =>
            {
                rule.Route_.Timeout = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(route));
                rule.Route_.RetryPolicy = new RetryPolicy { PerTryTimeout = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(perTry)) };
            });
            TestClient client = bench.Connect();
            await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            TestClient server = await upstream.AcceptAsync();
            await server.ReadHeadAsync();
            clock.AdvanceMilliseconds(1001);
            Assert.StartsWith("HTTP/1.1 504 ", await client.ReadHeadAsync());
            Assert.Equal(details, bench.Recorded[0].Details);
        });
    }

    private static RetryPolicy? Policy(int retries) => retries switch
    {
        < 0 => null,
        0 => new RetryPolicy { NumRetries = 5 },
        _ => new RetryPolicy { RetryOn = "5xx", NumRetries = (uint)retries },
    };

    private static async void Refuse(TestUpstream upstream, Action seen)
    {
        try
        {
            TestClient server = await upstream.AcceptAsync();
            while (true)
            {
                await server.ReadHeadAsync();
                seen();
                await server.SendAsync("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
            }
        }
        catch (Exception exception) when (exception is EndOfStreamException or NullReferenceException)
        {
            // The test is over, or nobody ever called.
        }
    }
}
