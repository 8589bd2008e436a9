using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Clusters;

/// <summary>max_connection_pools: what counts as a pool, for how long, and what a request hears that would need one more.</summary>
public sealed class ConnectionPoolLimitTests
{
    private const string Close = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    private const string Keep = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    [Fact]
    public void OneMore_IsRefusedAsNoHealthyHost_UntilAPoolIsEmpty() => LoopRunner.Run(async loop =>
    {
        using var first = new TestUpstream(loop);
        using var second = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, 1, first, second, out ClusterState cluster);
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        Task<TestClient>[] accepted = [first.AcceptAsync(), second.AcceptAsync()];
        TestClient server = await await Task.WhenAny(accepted);
        int unused = accepted[0].IsCompleted ? 1 : 0;
        await server.ReadHeadAsync();
        Assert.Equal((1, 0), (Gauge(bench, "cx_pool_open"), Gauge(bench, "remaining_cx_pools")));

        // The next one's host is the other, whose pool would be the second.
        TestClient other = bench.Connect();
        await other.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 503 ", await other.ReadHeadAsync());
        Assert.Equal("no healthy upstream", await other.ReadBytesAsync(19));
        Assert.Equal(1, bench.Counter("cluster.backend.upstream_cx_pool_overflow"));
        Assert.Equal(0, bench.Counter("cluster.backend.upstream_cx_none_healthy"));
        Assert.Equal(("UH", 0, "no_healthy_upstream"), (bench.Logged[0].Flags, bench.Logged[0].Attempts, bench.Logged[0].Details));

        await server.SendAsync(Close);
        await client.ReadHeadAsync();
        await TestPeers.UntilAsync(loop, () => cluster.Breaker(RoutingPriority.Default).ConnectionPools.Active == 0);
        Assert.Equal((0, 1), (Gauge(bench, "cx_pool_open"), Gauge(bench, "remaining_cx_pools")));
        ProxyBench.SetHosts(cluster, (unused == 0 ? first : second).Address);
        await other.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient next = await accepted[unused];
        await next.ReadHeadAsync();
        await next.SendAsync(Keep);
        Assert.StartsWith("HTTP/1.1 200 ", await other.ReadHeadAsync());
    });

    [Fact]
    public void IdleConnectionsOfTheSameHost_GiveWay_BusyOnesDoNot() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, 1, upstream, null, out ClusterState cluster);
        WorkerCluster worker = bench.Workers.All[0].Cluster(cluster);
        Host host = cluster.Hosts.All[0];
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        Assert.NotNull(HostHttpPools.Of(worker, host, RoutingPriority.Default, null, UpstreamProtocol.Http1));
        Assert.Null(HostHttpPools.Of(worker, host, RoutingPriority.Default, null, UpstreamProtocol.Http2));

        // Each priority has a limit of its own.
        Assert.NotNull(HostHttpPools.Of(worker, host, RoutingPriority.High, null, UpstreamProtocol.Http2));
        await server.SendAsync(Keep);
        await client.ReadHeadAsync();
        Assert.Equal(1, host.ActiveConnections);
        Assert.NotNull(HostHttpPools.Of(worker, host, RoutingPriority.Default, null, UpstreamProtocol.Http2));
        Assert.Equal(1, cluster.Breaker(RoutingPriority.Default).ConnectionPools.Active);
        await TestPeers.UntilAsync(loop, () => host.ActiveConnections == 0);

        // Nobody used the pools that were asked for.
        await TestPeers.UntilAsync(loop, () => cluster.Breaker(RoutingPriority.Default).ConnectionPools.Active == 0
            && cluster.Breaker(RoutingPriority.High).ConnectionPools.Active == 0);
    });

    [Fact]
    public void HostThatLeaves_AndOneThatCannotBeReached_GiveTheirPlaceBack() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, 2, upstream, null, out ClusterState cluster);
        Host host = cluster.Hosts.All[0];
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync(Keep);
        await client.ReadHeadAsync();
        Assert.Equal(1, cluster.Breaker(RoutingPriority.Default).ConnectionPools.Active);
        host.Slot(0)!.OnHostLeft();
        Assert.Equal(0, cluster.Breaker(RoutingPriority.Default).ConnectionPools.Active);
        using var closed = new TestUpstream(loop);
        ProxyBench.SetHosts(cluster, closed.Address);
        closed.Dispose();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
        await TestPeers.UntilAsync(loop, () => cluster.Breaker(RoutingPriority.Default).ConnectionPools.Active == 0);
    });

    private static ProxyBench Bench(EventLoop loop, uint pools, TestUpstream first, TestUpstream? second, out ClusterState cluster)
    {
        var bench = new ProxyBench(loop);
        var limits = new CircuitBreakerConfig { ConnectionPoolsMax = pools, TrackRemaining = true };
        cluster = bench.AddClusterWith(
            "backend", settings => settings with { CircuitBreakers = [limits, limits] },
            second is null ? [first.Address] : [first.Address, second.Address]);
        bench.Serve();
        return bench;
    }

    private static long Gauge(ProxyBench bench, string name) =>
        bench.Stats.TryFind($"cluster.backend.circuit_breakers.default.{name}", out StatEntry? entry) ? bench.Stats.Value(entry) : -1;
}
