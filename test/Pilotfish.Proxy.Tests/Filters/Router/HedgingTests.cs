using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using HedgePolicy = Envoy.Config.Route.V3.HedgePolicy;
using RetryPolicy = Envoy.Config.Route.V3.RetryPolicy;

namespace Pilotfish.Proxy.Tests.Filters.Router;

/// <summary>hedge_on_per_try_timeout: an attempt that is slow goes on while another begins (envoy.config.route.v3.HedgePolicy).</summary>
public sealed class HedgingTests
{
    private const int TryMilliseconds = 100;

    // Above the longest back-off before a first retry.
    private const int BackOffMilliseconds = 26;

    [Fact]
    public void SlowAttempt_GoesOn_UntilTheOtherAnswers() => Run(async scene =>
    {
        TestClient first = await scene.AskAsync();
        TestClient second = await scene.HedgeAsync();
        Assert.Equal(1, scene.Breaker.Retries.Active);
        await second.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        Assert.StartsWith("HTTP/1.1 200 ", await scene.Client.ReadHeadAsync());
        Assert.Equal("", await first.ReadToEndAsync());
        Assert.Equal((2, "-", "via_upstream"), scene.Facts);
        Assert.Equal(0, scene.Breaker.Retries.Active);
        Assert.Equal(0, scene.Breaker.Requests.Active);
        Assert.Equal(1, scene.Count("upstream_rq_retry"));
        Assert.Equal(1, scene.Count("upstream_rq_retry_success"));
        Assert.Equal(1, scene.Count("upstream_rq_tx_reset"));
        Assert.Equal(1, scene.Count("upstream_rq_completed"));

        // Nothing was cut off by a try's timeout, which is what this counts.
        Assert.Equal(0, scene.Count("upstream_rq_per_try_timeout"));
    });

    [Fact]
    public void SlowAttempt_AnswersFirst_WinsAndIsTheUpstreamOfTheRecord() => Run(async scene =>
    {
        TestClient first = await scene.AskAsync();
        TestClient second = await scene.HedgeAsync();
        await first.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        string head = await scene.Client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 200 ", head);
        Assert.Contains($"x-upstream: {first.Stream.LocalAddress};", head);
        Assert.Equal("", await second.ReadToEndAsync());
        Assert.Equal((2, "-", "via_upstream"), scene.Facts);
        Assert.Equal(0, scene.Breaker.Retries.Active);
        Assert.Equal(0, scene.Count("upstream_rq_retry_success"));
    });

    [Fact]
    public void Body_IsSentByEachAttempt() => Run(async scene =>
    {
        await scene.Client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
        TestClient first = await scene.AcceptAsync();
        Assert.Equal("body", await first.ReadBytesAsync(4));
        TestClient second = await scene.HedgeAsync();
        Assert.Equal("body", await second.ReadBytesAsync(4));
        await second.SendAsync("HTTP/1.1 204 No Content\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 204 ", await scene.Client.ReadHeadAsync());
    });

    [Fact]
    public void BadResponse_OfOneAttempt_IsNotTheClientsWhileAnotherMayAnswer() => Run(async scene =>
    {
        TestClient first = await scene.AskAsync();
        TestClient second = await scene.HedgeAsync();
        await second.SendAsync("HTTP/1.1 503 No\r\nContent-Length: 3\r\n\r\nbad");
        await scene.UntilAsync("upstream_rq_retry_limit_exceeded", 1);
        await first.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        string head = await scene.Client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 200 ", head);
        Assert.Contains($"x-upstream: {first.Stream.LocalAddress};", head);
        Assert.Equal((2, "URX", "via_upstream"), scene.Facts);
        Assert.Equal(0, scene.Count("upstream_rq_503"));
        Assert.Equal(1, scene.Count("upstream_rq_200"));
    });

    [Fact]
    public void BadResponse_OfTheSlowOne_LeavesTheOther() => Run(async scene =>
    {
        TestClient first = await scene.AskAsync();
        TestClient second = await scene.HedgeAsync();
        await first.SendAsync("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
        await scene.TurnsAsync();
        await second.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 ", await scene.Client.ReadHeadAsync());
        Assert.Equal((2, "-", "via_upstream"), scene.Facts);
        Assert.Equal(0, scene.Count("upstream_rq_503"));
    });

    [Fact]
    public void BadResponses_OfAllAttempts_LeaveTheLastToTheClient() => Run(async scene =>
    {
        TestClient first = await scene.AskAsync();
        TestClient second = await scene.HedgeAsync();
        await first.SendAsync("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
        await scene.TurnsAsync();
        await second.SendAsync("HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 502 ", await scene.Client.ReadHeadAsync());
        Assert.Equal((2, "URX", "via_upstream"), scene.Facts);
    });

    [Fact]
    public void Reset_WhileTheOtherIsYetToBegin_WaitsForIt() => Run(async scene =>
    {
        TestClient first = await scene.AskAsync();
        scene.Clock.AdvanceMilliseconds(TryMilliseconds + 1);
        await scene.UntilAsync("upstream_rq_retry", 1);
        first.Stream.Close();
        await scene.UntilAsync("upstream_rq_rx_reset", 1);
        scene.Clock.AdvanceMilliseconds(BackOffMilliseconds);
        TestClient second = await scene.AcceptAsync();
        await second.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 ", await scene.Client.ReadHeadAsync());
        Assert.Equal((2, "-", "via_upstream"), scene.Facts);

        // What the host did counts, although the client never saw it.
        Assert.Equal(1, scene.Count("upstream_rq_503"));
    });

    [Fact]
    public void Resets_OfAllAttempts_AnswerWithTheLast() => Run(async scene =>
    {
        TestClient first = await scene.AskAsync();
        TestClient second = await scene.HedgeAsync();
        second.Stream.Close();
        await scene.UntilAsync("upstream_rq_rx_reset", 1);
        first.Stream.Close();
        Assert.StartsWith("HTTP/1.1 503 ", await scene.Client.ReadHeadAsync());
        Assert.Contains("retried and the latest reset reason", await scene.Client.ReadUntilAsync("termination"));
        Assert.Equal((2, "UC,URX", "upstream_reset_before_response_started{connection_termination}"), scene.Facts);
        Assert.Equal(2, scene.Count("upstream_rq_503"));
        Assert.Equal(0, scene.Breaker.Retries.Active);
    });

    [Fact]
    public void RouteTimeout_EndsEveryAttempt() => Run(async scene =>
    {
        TestClient first = await scene.AskAsync();
        TestClient second = await scene.HedgeAsync();
        scene.Clock.AdvanceMilliseconds(1000);
        Assert.StartsWith("HTTP/1.1 504 ", await scene.Client.ReadHeadAsync());
        Assert.Equal("upstream request timeout", await scene.Client.ReadBytesAsync(24));
        Assert.Equal("", await first.ReadToEndAsync());
        Assert.Equal("", await second.ReadToEndAsync());
        Assert.Equal(2, scene.Count("upstream_rq_timeout"));
        Assert.Equal(2, scene.Count("upstream_rq_tx_reset"));
        Assert.Equal((2, "UT", "response_timeout"), (scene.Facts.Attempts, scene.Facts.Flags.Replace(",URX", ""), scene.Facts.Details));
    });

    [Fact]
    public void ThreeAttempts_HoldOneRetryOfTheBreaker() => Run(
        async scene =>
        {
            TestClient first = await scene.AskAsync();
            TestClient second = await scene.HedgeAsync();
            scene.Clock.AdvanceMilliseconds(TryMilliseconds + 1);
            await scene.UntilAsync("upstream_rq_retry", 2);
            scene.Clock.AdvanceMilliseconds(3 * BackOffMilliseconds);
            TestClient third = await scene.AcceptAsync();
            Assert.Equal(1, scene.Breaker.Retries.Active);
            Assert.Equal(3, scene.Breaker.Requests.Active);
            await third.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            Assert.StartsWith("HTTP/1.1 200 ", await scene.Client.ReadHeadAsync());
            await first.ReadToEndAsync();
            await second.ReadToEndAsync();
            Assert.Equal((3, "-", "via_upstream"), scene.Facts);
            Assert.Equal(0, scene.Breaker.Requests.Active);
        },
        retries: 2);

    [Fact]
    public void FullRetryBreaker_NoOtherAttempt_TheSlowOneMayStillAnswer() => Run(
        async scene =>
        {
            TestClient first = await scene.AskAsync();
            scene.Clock.AdvanceMilliseconds(TryMilliseconds + 1);
            await scene.UntilAsync("upstream_rq_retry_overflow", 1);
            await first.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            Assert.StartsWith("HTTP/1.1 200 ", await scene.Client.ReadHeadAsync());
            Assert.Equal((1, "UO", "via_upstream"), scene.Facts);
        },
        breaker: new CircuitBreakerConfig { RetriesMax = 0 });

    [Fact]
    public void EarlyHint_DecidesForItsAttempt() => Run(async scene =>
    {
        TestClient first = await scene.AskAsync();
        TestClient second = await scene.HedgeAsync();
        await first.SendAsync("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 103 ", await scene.Client.ReadHeadAsync());
        Assert.Equal("", await second.ReadToEndAsync());
        await first.SendAsync("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 503 ", await scene.Client.ReadHeadAsync());
        Assert.Equal((2, "-", "via_upstream"), scene.Facts);
    });

    [Fact]
    public void ClientLeaves_EndsEveryAttempt() => Run(async scene =>
    {
        TestClient first = await scene.AskAsync();
        TestClient second = await scene.HedgeAsync();
        scene.Client.Stream.Close();
        Assert.Equal("", await first.ReadToEndAsync());
        Assert.Equal("", await second.ReadToEndAsync());
        Assert.Equal(0, scene.Breaker.Retries.Active);
        Assert.Equal(0, scene.Breaker.Requests.Active);
    });

    [Theory]
    [InlineData(true, "false", false)]
    [InlineData(false, "true", true)]
    [InlineData(true, "maybe", true)]
    public void Header_OfAnInternalClient_ChangesTheRoutesWord(bool configured, string header, bool hedged) => Run(
        async scene =>
        {
            await scene.Client.SendAsync(
                $"GET / HTTP/1.1\r\nHost: a\r\nx-forwarded-for: 10.1.1.1\r\nx-envoy-hedge-on-per-try-timeout: {header}\r\n\r\n");
            TestClient first = await scene.AcceptAsync();
            Assert.DoesNotContain("hedge", scene.LastHead);

            // Each attempt of a hedged request may use all of its time.
            Assert.Contains($"x-envoy-expected-rq-timeout-ms: {(hedged ? 500 : TryMilliseconds)}\r\n", scene.LastHead);
            TestClient second = await scene.HedgeAsync();
            Assert.Equal(hedged ? 0 : 1, scene.Count("upstream_rq_per_try_timeout"));
            if (!hedged)
            {
                Assert.Equal("", await first.ReadToEndAsync());
            }

            await second.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            Assert.StartsWith("HTTP/1.1 200 ", await scene.Client.ReadHeadAsync());
        },
        hedges: configured);

    [Fact]
    public void Header_OfAnyOtherClient_IsNoWord() => Run(
        async scene =>
        {
            await scene.Client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nx-envoy-hedge-on-per-try-timeout: true\r\n\r\n");
            TestClient first = await scene.AcceptAsync();
            scene.Clock.AdvanceMilliseconds(TryMilliseconds + 1);
            Assert.Equal("", await first.ReadToEndAsync());
        },
        hedges: false);

    [Fact]
    public void InitialRequests_OfNone_IsRefusedByField() => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        ConfigRejectedException refused = Assert.Throws<ConfigRejectedException>(() => bench.Serve(configureRoute: static route =>
            route.Route_.HedgePolicy = new HedgePolicy { InitialRequests = 0 }));
        Assert.EndsWith("hedge_policy.initial_requests: it must be at least 1", refused.Message);
        return Task.CompletedTask;
    });

    private static void Run(
        Func<Scene, Task> body, uint retries = 1, bool hedges = true, CircuitBreakerConfig? breaker = null)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var one = new TestUpstream(loop);
            using var two = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            ClusterState cluster = bench.AddCluster("backend", breaker, one.Address, two.Address);
            bench.Serve(
                static hcm => hcm.InternalAddressConfig = new HttpConnectionManager.Types.InternalAddressConfig
                {
                    CidrRanges = { new CidrRange { AddressPrefix = "10.0.0.0", PrefixLen = 8 } },
                },
                route =>
                {
                    route.Route_.Timeout = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(500));
                    route.Route_.HedgePolicy = new HedgePolicy { HedgeOnPerTryTimeout = hedges };
                    route.Route_.RetryPolicy = new RetryPolicy
                    {
                        RetryOn = "5xx",
                        NumRetries = retries,
                        PerTryTimeout = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(TryMilliseconds)),
                        RetryHostPredicate = { new RetryPolicy.Types.RetryHostPredicate { Name = "envoy.retry_host_predicates.previous_hosts" } },
                        HostSelectionRetryMaxAttempts = 5,
                    };
                    route.ResponseHeadersToAdd.Add(new HeaderValueOption
                    {
                        Header = new HeaderValue { Key = "x-upstream", Value = "%UPSTREAM_HOST%;" },
                    });
                });
            await body(new Scene(loop, clock, bench, cluster, one, two));
        });
    }

    private sealed class Scene(
        EventLoop loop, ManualLoopClock clock, ProxyBench bench, ClusterState cluster, TestUpstream one, TestUpstream two)
    {
        private Task<TestClient>? _one;
        private Task<TestClient>? _two;

        public ManualLoopClock Clock => clock;

        public TestClient Client { get; } = bench.Connect();

        public CircuitBreaker Breaker => cluster.Breaker(Pilotfish.Proxy.Clusters.RoutingPriority.Default);

        public string LastHead { get; private set; } = "";

        public (int Attempts, string Flags, string Details) Facts =>
            (bench.Recorded[0].Attempts, bench.Recorded[0].Flags, bench.Recorded[0].Details);

        public long Count(string counter) => bench.Counter("cluster.backend." + counter);

        public async Task<TestClient> AskAsync()
        {
            await Client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            return await AcceptAsync();
        }

        /// <summary>The try's time passes, and the back-off after it.</summary>
        public async Task<TestClient> HedgeAsync()
        {
            clock.AdvanceMilliseconds(TryMilliseconds + 1);
            await UntilAsync("upstream_rq_retry", 1);
            clock.AdvanceMilliseconds(BackOffMilliseconds);
            return await AcceptAsync();
        }

        /// <summary>The next connection, to whichever host, with its request's head.</summary>
        public async Task<TestClient> AcceptAsync()
        {
            _one ??= one.AcceptAsync();
            _two ??= two.AcceptAsync();
            Task<TestClient> accepted = await Task.WhenAny(_one, _two);
            if (accepted == _one)
            {
                _one = null;
            }
            else
            {
                _two = null;
            }

            TestClient server = await accepted;
            LastHead = await server.ReadHeadAsync();
            return server;
        }

        public async Task UntilAsync(string counter, long value)
        {
            for (int turns = 0; Count(counter) < value && turns < 10_000; turns++)
            {
                await loop.YieldAsync();
            }

            Assert.Equal(value, Count(counter));
        }

        public async Task TurnsAsync()
        {
            for (int turns = 0; turns < 50; turns++)
            {
                await loop.YieldAsync();
            }
        }
    }
}
