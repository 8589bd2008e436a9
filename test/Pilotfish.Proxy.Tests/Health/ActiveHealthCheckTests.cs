using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Type.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Health;

/// <summary>Active checks against scripted hosts, in manual time.</summary>
public sealed class ActiveHealthCheckTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    private const string Down = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n";

    [Fact]
    public void FirstCheck_Decides_AndTheClusterWarmsUntilThen() => Run(async (loop, clock, fixture) =>
    {
        using var host = new TestUpstream(loop);
        fixture.Apply(Checked(host.Address));
        Assert.Equal(1, fixture.Clusters.WarmingCount);
        TestClient check = await host.AcceptAsync();
        Assert.Equal("GET /health HTTP/1.1\r\nhost: c\r\nuser-agent: Envoy/HC\r\n\r\n", await check.ReadHeadAsync());
        await check.SendAsync(Ok);
        ClusterState state = await WarmAsync(loop, fixture);
        Assert.Equal(HostHealth.Healthy, state.Hosts.All[0].Health);
        Assert.Equal((1, 1, 0), Counts(fixture));
        Assert.Equal(1, fixture.Gauge("cluster.c.health_check.healthy"));
        Assert.Equal(0, fixture.Counter("cluster.c.upstream_cx_total"));
    });

    [Fact]
    public void FirstCheck_Fails_HostIsDownAndNobodyIsPicked() => Run(async (loop, clock, fixture) =>
    {
        using var host = new TestUpstream(loop);
        fixture.Apply(Checked(host.Address));
        TestClient check = await host.AcceptAsync();
        await check.ReadHeadAsync();
        await check.SendAsync(Down);
        ClusterState state = await WarmAsync(loop, fixture);
        Assert.Equal(HostHealth.FailedActiveHealthCheck, state.Hosts.All[0].Health);
        Assert.Equal(0, state.Hosts.HealthyCount);
        Assert.Equal((1, 0, 1), Counts(fixture));
    });

    [Fact]
    public void Thresholds_UnexpectedStatusAtOnce_RetriableAndNetworkByCount() => Run(async (loop, clock, fixture) =>
    {
        using var host = new TestUpstream(loop);
        Cluster cluster = Checked(host.Address);
        cluster.HealthChecks[0].HttpHealthCheck.RetriableStatuses.Add(new Int64Range { Start = 503, End = 504 });
        fixture.Apply(cluster);
        TestClient check = await host.AcceptAsync();
        await AnswerAsync(check, Ok);
        ClusterState state = await WarmAsync(loop, fixture);
        Host only = state.Hosts.All[0];

        // Two retriable answers: still up; the third takes it down (unhealthy_threshold 3).
        for (int i = 1; i <= 3; i++)
        {
            await NextAsync(loop, clock);
            await AnswerAsync(check, Down);
            await TestPeers.UntilAsync(loop, () => Counts(fixture).Failures == i);
            Assert.Equal(i == 3, only.IsUnhealthy);
        }

        // Two successes take it up (healthy_threshold 2).
        for (int i = 1; i <= 2; i++)
        {
            await NextAsync(loop, clock);
            await AnswerAsync(check, Ok);
            await TestPeers.UntilAsync(loop, () => Counts(fixture).Successes == 1 + i);
            Assert.Equal(i == 1, only.IsUnhealthy);
        }

        // Any other status takes it down at once.
        await NextAsync(loop, clock);
        await AnswerAsync(check, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
        await TestPeers.UntilAsync(loop, () => only.IsUnhealthy);
        Assert.Equal(0, fixture.Counter("cluster.c.health_check.network_failure"));
    });

    [Fact]
    public void Host_Silent_TimesOutAndIsFlagged() => Run(async (loop, clock, fixture) =>
    {
        using var host = new TestUpstream(loop);
        fixture.Apply(Checked(host.Address));
        TestClient check = await host.AcceptAsync();
        await check.ReadHeadAsync();
        clock.Advance(TimeSpan.FromMilliseconds(1001));
        ClusterState state = await WarmAsync(loop, fixture);
        Assert.Equal(HostHealth.FailedActiveHealthCheck | HostHealth.ActiveHealthCheckTimeout, state.Hosts.All[0].Health);
        Assert.Equal(1, fixture.Counter("cluster.c.health_check.network_failure"));
        await NextAsync(loop, clock);
        TestClient again = await host.AcceptAsync();
        await AnswerAsync(again, Ok);
        await loop.UntilAsync(() => Counts(fixture).Successes == 1);
        await NextAsync(loop, clock);
        await AnswerAsync(again, Ok);
        await TestPeers.UntilAsync(loop, () => state.Hosts.All[0].Health == HostHealth.Healthy);
    });

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nx-envoy-degraded: true\r\nContent-Length: 0\r\n\r\n", HostHealth.DegradedActiveHealthCheck)]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", HostHealth.Healthy)]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 0\n\n", HostHealth.FailedActiveHealthCheck)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", HostHealth.FailedActiveHealthCheck)]
    [InlineData("SSH-2.0-OpenSSH\r\n\r\n", HostHealth.FailedActiveHealthCheck)]
    public void Answer_AtEverySplit_IsJudgedTheSame(string answer, HostHealth health)
    {
        for (int split = 1; split < answer.Length; split++)
        {
            int at = split;
            Run(async (loop, clock, fixture) =>
            {
                using var host = new TestUpstream(loop);
                fixture.Apply(Checked(host.Address));
                TestClient check = await host.AcceptAsync();
                await check.ReadHeadAsync();
                await check.SendAsync(answer[..at]);
                await loop.YieldAsync();
                await loop.YieldAsync();
                await check.SendAsync(answer[at..]);
                ClusterState state = await WarmAsync(loop, fixture);
                Assert.Equal(health, state.Hosts.All[0].Health);
            });
        }
    }

    [Fact]
    public void Connection_IsKeptUntilTheHostClosesIt() => Run(async (loop, clock, fixture) =>
    {
        using var host = new TestUpstream(loop);
        fixture.Apply(Checked(host.Address));
        TestClient check = await host.AcceptAsync();
        await AnswerAsync(check, Ok);
        ClusterState state = await WarmAsync(loop, fixture);
        await NextAsync(loop, clock);
        await AnswerAsync(check, Ok);
        await TestPeers.UntilAsync(loop, () => Counts(fixture).Successes == 2);

        // A close between checks is no failure: the next check connects anew.
        check.Stream.Close();
        await NextAsync(loop, clock);
        await AnswerAsync(await host.AcceptAsync(), Ok);
        await TestPeers.UntilAsync(loop, () => Counts(fixture).Successes == 3);
        Assert.Equal(0, Counts(fixture).Failures);
    });

    [Fact]
    public void ServiceName_OfAnotherCluster_IsAFailure() => Run(async (loop, clock, fixture) =>
    {
        using var host = new TestUpstream(loop);
        Cluster cluster = Checked(host.Address);
        cluster.HealthChecks[0].HttpHealthCheck.ServiceNameMatcher = new Envoy.Type.Matcher.V3.StringMatcher { Prefix = "mine" };
        fixture.Apply(cluster);
        TestClient check = await host.AcceptAsync();
        await AnswerAsync(check, "HTTP/1.1 200 OK\r\nx-envoy-upstream-healthchecked-cluster: other\r\nContent-Length: 0\r\n\r\n");
        ClusterState state = await WarmAsync(loop, fixture);
        Assert.True(state.Hosts.All[0].IsUnhealthy);
        Assert.Equal(1, fixture.Counter("cluster.c.health_check.verify_cluster"));
    });

    [Fact]
    public void Tcp_ConnectAlone_IsEnough_RefusedIsNot() => Run(async (loop, clock, fixture) =>
    {
        using var host = new TestUpstream(loop);
        var gone = new TestUpstream(loop);
        NetAddress dead = gone.Address;
        gone.Dispose();
        Cluster cluster = Checked(host.Address, dead);
        cluster.HealthChecks[0].TcpHealthCheck = new HealthCheck.Types.TcpHealthCheck();
        fixture.Apply(cluster);
        ClusterState state = await WarmAsync(loop, fixture);
        Assert.Equal([false, true], state.Hosts.All.ToArray().Select(static h => h.IsUnhealthy));
        Assert.Equal(1, state.Hosts.HealthyCount);
    });

    [Fact]
    public void Tcp_Dialogue_FindsItsPartsInOrder() => Run(async (loop, clock, fixture) =>
    {
        using var host = new TestUpstream(loop);
        Cluster cluster = Checked(host.Address);
        cluster.HealthChecks[0].TcpHealthCheck = new HealthCheck.Types.TcpHealthCheck
        {
            Send = new HealthCheck.Types.Payload { Text = "70696E67" },
            Receive = { new HealthCheck.Types.Payload { Text = "706F" }, new HealthCheck.Types.Payload { Text = "6E67" } },
        };
        fixture.Apply(cluster);
        TestClient check = await host.AcceptAsync();
        Assert.Equal("ping", await check.ReadBytesAsync(4));
        await check.SendAsync("..po..n");
        await loop.YieldAsync();
        Assert.Equal(1, fixture.Clusters.WarmingCount);
        await check.SendAsync("ng..");
        ClusterState state = await WarmAsync(loop, fixture);
        Assert.Equal(HostHealth.Healthy, state.Hosts.All[0].Health);
    });

    [Fact]
    public void Removal_HostStillPasses_StaysUntilItFails() => Run(async (loop, clock, fixture) =>
    {
        using var first = new TestUpstream(loop);
        using var second = new TestUpstream(loop);
        Cluster cluster = Checked();
        cluster.Type = Cluster.Types.DiscoveryType.Eds;
        cluster.LoadAssignment = null;
        cluster.EdsClusterConfig = new Cluster.Types.EdsClusterConfig { EdsConfig = new ConfigSource { Ads = new AggregatedConfigSource() } };
        fixture.Apply(cluster);
        fixture.Subscriptions.Push("c", TransportFixture.Assignment("c", first.Address, second.Address));
        TestClient one = await first.AcceptAsync();
        await AnswerAsync(one, Ok);
        await AnswerAsync(await second.AcceptAsync(), Ok);
        ClusterState state = await WarmAsync(loop, fixture);
        fixture.Subscriptions.Push("c", TransportFixture.Assignment("c", second.Address));
        Assert.Equal(2, state.Hosts.All.Length);
        Host leaving = state.Hosts.All.ToArray().Single(h => h.Address.Equals(first.Address));
        Assert.Equal(HostHealth.PendingDynamicRemoval, leaving.Health);
        await NextAsync(loop, clock);
        await AnswerAsync(one, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
        await TestPeers.UntilAsync(loop, () => state.Hosts.All.Length == 1);
        Assert.Equal(second.Address, state.Hosts.All[0].Address);
    });

    [Fact]
    public void Panic_TooFewHealthy_UsesAll() => Run(async (loop, clock, fixture) =>
    {
        using var host = new TestUpstream(loop);
        fixture.Apply(Checked(host.Address));
        await AnswerAsync(await host.AcceptAsync(), Down);
        ClusterState state = await WarmAsync(loop, fixture);
        WorkerCluster worker = fixture.Workers.All[0].Cluster(state);
        Assert.NotNull(worker.Pick(default).Host);
        Assert.Equal(1, fixture.Counter("cluster.c.lb_healthy_panic"));
    });

    [Fact]
    public void Endpoint_WithoutChecks_IsHealthyAndNeverAsked() => Run(async (loop, clock, fixture) =>
    {
        using var host = new TestUpstream(loop);
        Cluster cluster = Checked(host.Address);
        cluster.LoadAssignment.Endpoints[0].LbEndpoints[0].Endpoint.HealthCheckConfig =
            new Envoy.Config.Endpoint.V3.Endpoint.Types.HealthCheckConfig { DisableActiveHealthCheck = true };
        fixture.Apply(cluster);
        ClusterState state = await WarmAsync(loop, fixture);
        Assert.Equal(HostHealth.Healthy, state.Hosts.All[0].Health);
        Assert.Equal((0, 0, 0), Counts(fixture));
    });

    [Theory]
    [InlineData("grpc", "health_checks[0].grpc_health_check: ")]
    [InlineData("http3", "health_checks[0].http_health_check.codec_client_type: ")]
    [InlineData("custom", "health_checks[0].custom_health_check: ")]
    [InlineData("no timeout", "health_checks[0].timeout: ")]
    [InlineData("no threshold", "health_checks[0].healthy_threshold: ")]
    [InlineData("path", "health_checks[0].http_health_check.path: ")]
    [InlineData("payload", "health_checks[0].http_health_check.receive[0].text: ")]
    [InlineData("two", "health_checks: ")]
    public void Config_Impossible_IsRejectedByField(string what, string field) => Run((loop, clock, fixture) =>
    {
        Cluster cluster = Checked(NetAddress.Loopback(1));
        HealthCheck check = cluster.HealthChecks[0];
        switch (what)
        {
            case "grpc": check.GrpcHealthCheck = new HealthCheck.Types.GrpcHealthCheck(); break;
            case "http3": check.HttpHealthCheck.CodecClientType = CodecClientType.Http3; break;
            case "custom": check.CustomHealthCheck = new HealthCheck.Types.CustomHealthCheck { Name = "x" }; break;
            case "no timeout": check.Timeout = null; break;
            case "no threshold": check.HealthyThreshold = null; break;
            case "path": check.HttpHealthCheck.Path = "/a b\r\n"; break;
            case "payload": check.HttpHealthCheck.Receive.Add(new HealthCheck.Types.Payload { Text = "xyz" }); break;
            default: cluster.HealthChecks.Add(check.Clone()); break;
        }

        Assert.StartsWith(field, Assert.Single(fixture.Apply(cluster)).Reason);
        return Task.CompletedTask;
    });

    [Fact]
    public void Interval_ClusterNeverUsed_IsTheSlowOne() => Run(async (loop, clock, fixture) =>
    {
        using var host = new TestUpstream(loop);
        Cluster cluster = Checked(host.Address);
        cluster.HealthChecks[0].NoTrafficInterval = Duration.FromTimeSpan(TimeSpan.FromSeconds(30));
        fixture.Apply(cluster);
        TestClient check = await host.AcceptAsync();
        await AnswerAsync(check, Ok);
        ClusterState state = await WarmAsync(loop, fixture);
        clock.Advance(TimeSpan.FromSeconds(29));
        await loop.YieldAsync();
        await loop.YieldAsync();
        Assert.Equal(1, fixture.Counter("cluster.c.health_check.attempt"));
        clock.Advance(TimeSpan.FromSeconds(1.1));
        await AnswerAsync(check, Ok);
        await TestPeers.UntilAsync(loop, () => Counts(fixture).Successes == 2);

        // One connection of traffic, and the interval is the short one after the next check.
        WorkerCluster worker = fixture.Workers.All[0].Cluster(state);
        Assert.NotNull((await worker.ConnectAsync(worker.Pick(default).Host!, default)).Connection);
        await host.AcceptAsync();
        clock.Advance(TimeSpan.FromSeconds(30.1));
        await AnswerAsync(check, Ok);
        await TestPeers.UntilAsync(loop, () => Counts(fixture).Successes == 3);
        clock.Advance(TimeSpan.FromSeconds(5.1));
        await AnswerAsync(check, Ok);
        await TestPeers.UntilAsync(loop, () => Counts(fixture).Successes == 4);
    });

    [Fact]
    public void Intervals_StayWithinTheRuntimesBounds() => Run(async (loop, clock, fixture) =>
    {
        using var host = new TestUpstream(loop);
        fixture.Context.Runtime.Replace(new Dictionary<string, string> { ["health_check.min_interval"] = "20000" });
        fixture.Apply(Checked(host.Address));
        TestClient check = await host.AcceptAsync();
        await AnswerAsync(check, Ok);
        await WarmAsync(loop, fixture);
        await NextAsync(loop, clock);
        Assert.Equal(1, Counts(fixture).Attempts);
        fixture.Context.Runtime.Replace(new Dictionary<string, string> { ["health_check.max_interval"] = "100" });
        clock.Advance(TimeSpan.FromSeconds(15));
        await AnswerAsync(check, Ok);
        await TestPeers.UntilAsync(loop, () => Counts(fixture).Successes == 2);
        clock.Advance(TimeSpan.FromSeconds(0.2));
        await TestPeers.UntilAsync(loop, () => Counts(fixture).Attempts == 3);
    });

    [Fact]
    public void ImmediateFailure_OfAnAnswerToARequest_TakesTheHostOut_UntilItPassesAgain() => Run(async (loop, clock, fixture) =>
    {
        using var host = new TestUpstream(loop);
        fixture.Apply(Checked(host.Address));
        TestClient check = await host.AcceptAsync();
        await AnswerAsync(check, Ok);
        ClusterState state = await WarmAsync(loop, fixture);
        Host only = state.Hosts.All[0];
        only.Monitor.OnImmediateFailure();
        await TestPeers.UntilAsync(loop, () => state.Hosts.HealthyCount == 0);
        Assert.Equal(HostHealth.FailedActiveHealthCheck | HostHealth.ExcludedViaImmediateHealthCheckFailure, only.Health);
        Assert.Equal(1, state.Hosts.ExcludedCount);
        Assert.Equal((1, 1), (fixture.Counter("cluster.c.health_check.passive_failure"), Counts(fixture).Failures));
        await NextAsync(loop, clock);
        await AnswerAsync(check, Ok);
        await TestPeers.UntilAsync(loop, () => Counts(fixture).Successes == 2);
        Assert.True(only.IsExcluded);
        await NextAsync(loop, clock);
        await AnswerAsync(check, Ok);
        await TestPeers.UntilAsync(loop, () => state.Hosts.HealthyCount == 1);
        Assert.Equal(HostHealth.Healthy, only.Health);
    });

    [Fact]
    public void ImmediateFailure_OfACheckThatFails_ExcludesTheHost() => Run(async (loop, clock, fixture) =>
    {
        using var host = new TestUpstream(loop);
        fixture.Apply(Checked(host.Address));
        TestClient check = await host.AcceptAsync();
        await AnswerAsync(check, "HTTP/1.1 200 OK\r\nx-envoy-immediate-health-check-fail: true\r\nContent-Length: 0\r\n\r\n");
        ClusterState state = await WarmAsync(loop, fixture);
        Assert.Equal(HostHealth.Healthy, state.Hosts.All[0].Health);
        await NextAsync(loop, clock);
        await AnswerAsync(check, "HTTP/1.1 503 No\r\nx-envoy-immediate-health-check-fail: true\r\nContent-Length: 0\r\n\r\n");
        await TestPeers.UntilAsync(loop, () => state.Hosts.ExcludedCount == 1);
        Assert.Equal(HostHealth.FailedActiveHealthCheck | HostHealth.ExcludedViaImmediateHealthCheckFailure, state.Hosts.All[0].Health);
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void EndpointsOwnAddress_IsWhereChecksGo(bool portApart) => Run(async (loop, clock, fixture) =>
    {
        using var side = new TestUpstream(loop);
        Cluster cluster = Checked(NetAddress.Parse("127.0.0.1:1"));
        cluster.LoadAssignment.Endpoints[0].LbEndpoints[0].Endpoint.HealthCheckConfig = new Envoy.Config.Endpoint.V3.Endpoint.Types.HealthCheckConfig
        {
            PortValue = portApart ? side.Address.Port : 0u,
            Address = TransportFixture.Socket(portApart ? side.Address.WithPort(1) : side.Address),
        };
        fixture.Apply(cluster);
        await AnswerAsync(await side.AcceptAsync(), Ok);
        ClusterState state = await WarmAsync(loop, fixture);
        Assert.Equal(HostHealth.Healthy, state.Hosts.All[0].Health);
    });

    private static Cluster Checked(params NetAddress[] hosts)
    {
        Cluster cluster = TransportFixture.StaticCluster("c", hosts);
        cluster.HealthChecks.Add(new HealthCheck
        {
            Timeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(1)),
            Interval = Duration.FromTimeSpan(TimeSpan.FromSeconds(5)),
            NoTrafficInterval = Duration.FromTimeSpan(TimeSpan.FromSeconds(5)),
            UnhealthyThreshold = 3,
            HealthyThreshold = 2,
            HttpHealthCheck = new HealthCheck.Types.HttpHealthCheck { Path = "/health" },
        });
        return cluster;
    }

    private static async Task AnswerAsync(TestClient check, string answer)
    {
        await check.ReadHeadAsync();
        await check.SendAsync(answer);
    }

    private static async Task NextAsync(EventLoop loop, ManualLoopClock clock)
    {
        await loop.YieldAsync();
        clock.Advance(TimeSpan.FromSeconds(5.1));
        await loop.YieldAsync();
    }

    private static async Task<ClusterState> WarmAsync(EventLoop loop, TransportFixture fixture)
    {
        await TestPeers.UntilAsync(loop, () => fixture.Clusters.WarmingCount == 0);
        return fixture.Context.Clusters.Reference("c").Current!;
    }

    private static (long Attempts, long Successes, long Failures) Counts(TransportFixture fixture) => (
        fixture.Counter("cluster.c.health_check.attempt"), fixture.Counter("cluster.c.health_check.success"),
        fixture.Counter("cluster.c.health_check.failure"));

    private static void Run(Func<EventLoop, ManualLoopClock, TransportFixture, Task> body)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, loop => body(loop, clock, new TransportFixture(loop)));
    }
}
