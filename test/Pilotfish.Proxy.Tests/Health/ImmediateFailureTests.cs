using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Health;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Workers;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Health;

/// <summary>x-envoy-immediate-health-check-fail in an answer to a request: the router tells the host's checks.</summary>
public sealed class ImmediateFailureTests
{
    [Theory]
    [InlineData("x-envoy-immediate-health-check-fail: true\r\n", 1)]
    [InlineData("", 0)]
    public void Header_IsToldToTheChecks(string header, int failures) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        ClusterState cluster = bench.AddCluster("backend", upstream.Address);
        var checker = new ActiveHealthChecker(
            new HealthCheckPolicy
            {
                Kind = HealthCheckKind.Tcp,
                TimeoutMilliseconds = 60_000,
                IntervalMilliseconds = 60_000,
                UnhealthyMilliseconds = 60_000,
                UnhealthyEdgeMilliseconds = 60_000,
                HealthyEdgeMilliseconds = 60_000,
                UnhealthyThreshold = 1,
                HealthyThreshold = 1,
                InitialJitterMilliseconds = int.MaxValue,
            },
            cluster, loop, new WorkerRandom(1), static (_, _, _) => { }, bench.Context.Runtime);
        checker.SetHosts(cluster.Hosts.All);
        checker.Begin(static () => { });
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync($"HTTP/1.1 200 OK\r\n{header}Content-Length: 0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
        await loop.UntilAsync(() => bench.Counter("cluster.backend.health_check.passive_failure") == failures);
        Assert.Equal(failures > 0, cluster.Hosts.All[0].IsUnhealthy);
        checker.Close();
    });
}
