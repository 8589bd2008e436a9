using Envoy.Config.Route.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using RoutingPriority = Pilotfish.Proxy.Clusters.RoutingPriority;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>How many of the requests that fail together are tried again: retry_budget and max_retries under load.</summary>
public sealed class RetryBudgetTests
{
    private const int Requests = 100;

    /// <summary>Per cent and floor of the budget; a percent of -1 means max_retries of the floor.</summary>
    [Theory]
    [InlineData(20, 3)]
    [InlineData(20, 40)]
    [InlineData(50, 0)]
    [InlineData(0, 3)]
    [InlineData(100, 0)]
    [InlineData(-1, 7)]
    public void RequestsThatFailTogether_AreRetriedWithinTheBudget(double percent, uint floor)
    {
        int allowed = Allowed(percent, floor);
        Run(percent, floor, Requests, async scene =>
        {
            await scene.FailAsync();
            await scene.UntilAsync(() => scene.Count("upstream_rq_retry") + scene.Count("upstream_rq_retry_overflow") == Requests);
            Assert.Equal(allowed, scene.Count("upstream_rq_retry"));
            Assert.Equal(allowed, scene.Breaker.Retries.Active);
            await scene.UntilAsync(() => scene.Bench.Recorded.Count == Requests - allowed);
            Assert.All(scene.Bench.Recorded, static record => Assert.Equal((503, "UO", 1), (record.Status, record.Flags, record.Attempts)));

            // Those that wait have not passed the limit for others; they go on and give back what they took.
            scene.Clock.AdvanceMilliseconds(26);
            await scene.UntilAsync(() => scene.Bench.Recorded.Count == Requests);
            Assert.Equal(allowed, scene.Bench.Recorded.Count(static record => (record.Status, record.Flags, record.Attempts) == (200, "-", 2)));
            Assert.Equal(0, scene.Breaker.Retries.Active);
            Assert.Equal(0, scene.Breaker.Requests.Active);
            Assert.Equal(allowed, scene.Count("upstream_rq_retry_success"));
        });
    }

    // The request that fails counts as active itself: all of the budget is one retry, with or without a body in the answer.
    [Theory]
    [InlineData("Content-Length: 0\r\n\r\n")]
    [InlineData("Content-Length: 5\r\n\r\nno")]
    public void RequestAlone_BudgetOfEverything_IsRetried(string rest) => Run(100, 0, 1, async scene =>
    {
        await scene.FailAsync(rest);
        await scene.UntilAsync(() => scene.Count("upstream_rq_retry") + scene.Count("upstream_rq_retry_overflow") == 1);
        Assert.Equal(1, scene.Count("upstream_rq_retry"));
        scene.Clock.AdvanceMilliseconds(26);
        await scene.UntilAsync(() => scene.Bench.Recorded.Count == 1);
        Assert.Equal(200, scene.Bench.Recorded[0].Status);
    });

    // Each failure leaves one active request fewer for the next one's share.
    private static int Allowed(double percent, uint floor)
    {
        int held = 0;
        for (int active = Requests; active > 0; active--)
        {
            long limit = percent < 0 ? floor : Math.Max(floor, (long)(percent / 100 * active));
            held += held < limit ? 1 : 0;
        }

        return held;
    }

    private static void Run(double percent, uint floor, int requests, Func<Scene, Task> body)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            ClusterState cluster = bench.AddCluster(
                "backend", percent < 0
                    ? new CircuitBreakerConfig { RetriesMax = floor }
                    : new CircuitBreakerConfig { RetryBudget = new RetryBudget(percent, floor) }, upstream.Address);
            bench.Serve(new RouteConfiguration
            {
                Name = "routes",
                VirtualHosts =
                {
                    new VirtualHost
                    {
                        Name = "all",
                        Domains = { "*" },
                        IncludeRequestAttemptCount = true,
                        Routes =
                        {
                            new Route
                            {
                                Match = new RouteMatch { Prefix = "/" },
                                Route_ = new RouteAction
                                {
                                    Cluster = "backend", Timeout = new Duration(), RetryPolicy = new RetryPolicy { RetryOn = "5xx" },
                                },
                            },
                        },
                    },
                },
            });
            var scene = new Scene(loop, clock, bench, cluster, upstream);
            await scene.AskAsync(requests);
            await body(scene);
        });
    }

    private sealed class Scene(EventLoop loop, ManualLoopClock clock, ProxyBench bench, ClusterState cluster, TestUpstream upstream)
    {
        private readonly List<TestClient> _servers = [];

        public ManualLoopClock Clock => clock;

        public ProxyBench Bench => bench;

        public CircuitBreaker Breaker => cluster.Breaker(RoutingPriority.Default);

        public long Count(string counter) => bench.Counter("cluster.backend." + counter);

        /// <summary>All requests are with the upstream, none is answered.</summary>
        public async Task AskAsync(int requests)
        {
            for (int i = 0; i < requests; i++)
            {
                await bench.Connect().SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            }

            for (int i = 0; i < requests; i++)
            {
                TestClient server = await upstream.AcceptAsync();
                Assert.Contains("x-envoy-attempt-count: 1\r\n", await server.ReadHeadAsync());
                _servers.Add(server);
            }

            Assert.Equal(requests, Breaker.Requests.Active);
        }

        /// <summary>Answers all with 503, and whatever comes later with 200.</summary>
        public async Task FailAsync(string rest = "Content-Length: 0\r\n\r\n")
        {
            foreach (TestClient server in _servers)
            {
                await server.SendAsync("HTTP/1.1 503 Service Unavailable\r\n" + rest);
                _ = SucceedAsync(server);
            }

            _ = AcceptMoreAsync();
        }

        public Task UntilAsync(Func<bool> condition) => Transport.TestPeers.UntilAsync(loop, condition);

        private async Task AcceptMoreAsync()
        {
            while (true)
            {
                _ = SucceedAsync(await upstream.AcceptAsync());
            }
        }

        private static async Task SucceedAsync(TestClient server)
        {
            while (true)
            {
                Assert.Contains("x-envoy-attempt-count: 2\r\n", await server.ReadHeadAsync());
                await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
        }
    }
}
