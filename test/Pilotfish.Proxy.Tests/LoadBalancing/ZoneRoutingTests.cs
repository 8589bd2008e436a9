using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.LoadBalancing;

/// <summary>Zone aware routing: how many requests stay in the proxy's zone "a", and where the others go.</summary>
public sealed class ZoneRoutingTests
{
    private const int Picks = 6000;

    /// <summary>Zones of the hosts and of the proxies, a letter for each (capitals are down); the share in percent of a, b and c; what counts.</summary>
    [Theory]
    [InlineData("aabbcc", "abc", 100, 0, 0, "lb_zone_routing_all_directly")]
    [InlineData("aaabbb", "abb", 100, 0, 0, "lb_zone_routing_all_directly")]
    [InlineData("abbbbb", "ab", 33, 67, 0, "lb_zone_routing_cross_zone")]
    [InlineData("abbbcc", "aabb", 33, 0, 67, "lb_zone_routing_sampled")]
    [InlineData("bbbccc", "abc", 0, 50, 50, "lb_zone_routing_cross_zone")]
    [InlineData("aabbccAAA", "abc", 100, 0, 0, "lb_zone_routing_all_directly")]
    [InlineData("aabbc", "abc", 40, 40, 20, "lb_zone_cluster_too_small")]
    [InlineData("aabbcc", "", 33, 33, 33, "lb_recalculate_zone_structures")]
    [InlineData("aaabbb", "bbaa", 100, 0, 0, "lb_recalculate_zone_structures")]
    [InlineData("abbbbb", "aa", 17, 83, 0, "lb_recalculate_zone_structures")]
    [InlineData("aabbcc", "bc", 33, 33, 33, "lb_local_cluster_not_ok")]
    [InlineData("aabbcc", "ABc", 33, 33, 33, "lb_local_cluster_not_ok")]
    public void Requests_StayAsFarAsTheZoneHasItsShare(string hosts, string proxies, int a, int b, int c, string counted) => Run(hosts, proxies, new ZoneAwarePolicy(100, 6), (bench, cluster) =>
    {
        Assert.Equal([a, b, c], Shares(cluster), new Near(3));
        Assert.True(bench.Counter("cluster.hosts." + counted) > 0, counted);
    });

    [Fact]
    public void RoutingEnabled_HalfOfTheTime_MixesBoth() => Run("aabbcc", "abc", new ZoneAwarePolicy(50, 6), (_, cluster) =>
        Assert.Equal([67, 17, 17], Shares(cluster), new Near(3)));

    [Fact]
    public void LocalClusterThatChanges_IsFollowed() => Run("abbbbb", "ab", new ZoneAwarePolicy(100, 6), (bench, cluster) =>
    {
        Assert.Equal([33, 67, 0], Shares(cluster), new Near(3));
        Publish(bench.Context.Clusters.Reference("proxies").Current!, "abbbbb");
        Assert.Equal([100, 0, 0], Shares(cluster), new Near(0));
    });

    [Fact]
    public void Panic_CountsNoZones() => Run("aabbcc", "abc", new ZoneAwarePolicy(100, 6), (bench, cluster) =>
    {
        cluster.Pick(default);
        Publish(cluster.State, "aaBBCCBBCC");
        for (int i = 0; i < 10; i++)
        {
            Assert.NotNull(cluster.Pick(default).Host);
        }

        Assert.Equal((1, 10), (bench.Counter("cluster.hosts.lb_zone_routing_all_directly"), bench.Counter("cluster.hosts.lb_healthy_panic")));
    });

    [Fact]
    public void WithoutALocalCluster_OrOfItself_ThereIsNone() => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        var message = new Envoy.Config.Cluster.V3.Cluster { Name = "c", CommonLbConfig = new() };
        ClusterReference local = bench.Context.Clusters.Reference("c");
        Assert.Null(LoadBalancingCompiler.Compile(message, bench.Context.Runtime).ZoneAware!.LocalCluster);
        Assert.Null(LoadBalancingCompiler.Compile(message, bench.Context.Runtime, local).ZoneAware!.LocalCluster);
        message.Name = "other";
        Assert.Same(local, LoadBalancingCompiler.Compile(message, bench.Context.Runtime, local).ZoneAware!.LocalCluster);
        return Task.CompletedTask;
    });

    /// <summary>Memberships that allow no routing by zones are reckoned with, and counted, once for each version and not for each pick.</summary>
    [Theory]
    [InlineData("aabbc", "abc", 1, 0, 0)]
    [InlineData("aabbcc", "bc", 0, 1, 0)]
    [InlineData("aabbcc", "bb", 0, 0, 0)]
    [InlineData("aabbcc", "ABc", 0, 10, 0)]
    [InlineData("abbbbb", "abbbb", 0, 0, 0)]
    public void Memberships_CountOnceForEachVersion(string hosts, string proxies, int tooSmall, int notOk, int none) => Run(hosts, proxies, new ZoneAwarePolicy(100, 6), (bench, cluster) =>
    {
        for (int i = 0; i < 10; i++)
        {
            cluster.Pick(default);
        }

        Assert.Equal(
            (1, tooSmall, notOk, none),
            (bench.Counter("cluster.hosts.lb_recalculate_zone_structures"), bench.Counter("cluster.hosts.lb_zone_cluster_too_small"),
                bench.Counter("cluster.hosts.lb_local_cluster_not_ok"), bench.Counter("cluster.hosts.lb_zone_no_capacity_left")));
        Publish(bench.Context.Clusters.Reference("proxies").Current!, proxies);
        cluster.Pick(default);
        Assert.Equal(2, bench.Counter("cluster.hosts.lb_recalculate_zone_structures"));
    });

    [Fact]
    public void FailTrafficOnPanic_CountsPanicOfTheProxies_Too() => Run("aabbcc", "ABc", new ZoneAwarePolicy(100, 6), (bench, cluster) =>
    {
        Assert.Null(cluster.Pick(default).Host);
        Assert.Equal(1, bench.Counter("cluster.hosts.lb_local_cluster_not_ok"));
    }, static policy => policy with { FailTrafficOnPanic = true });

    /// <summary>The proxies panic below the threshold of the cluster that is routed to.</summary>
    [Fact]
    public void PanicOfTheProxies_IsByTheClustersOwnThreshold() => Run("aabbcc", "abC", new ZoneAwarePolicy(100, 6), (bench, cluster) =>
    {
        Assert.Equal([33, 33, 33], Shares(cluster), new Near(3));
        Assert.Equal(Picks, bench.Counter("cluster.hosts.lb_local_cluster_not_ok"));
    }, static policy => policy with { PanicThresholdPercent = 90 });

    [Theory]
    [InlineData("abbbbb", "a", 1, 100, 0)]
    [InlineData("abbbbb", "ab", 1, 100, 0)]
    [InlineData("abbbbb", "ab", 2, 33, 67)]
    [InlineData("Abbbbbb", "ab", 1, 0, 100)]
    public void ForcedZone_KeepsAllWithHostsEnough(string hosts, string proxies, int least, int a, int b) =>
        Run(hosts, proxies, new ZoneAwarePolicy(100, 6) { ForcedLocalSizeMin = (uint)least }, (_, cluster) =>
            Assert.Equal([a, b, 0], Shares(cluster), new Near(3)));

    [Fact]
    public void Weights_MakeShares_WhereTheBasisSaysSo() => Run("aaabbb", "abb", new ZoneAwarePolicy(100, 6) { CountsWeights = true }, (bench, cluster) =>
    {
        // A share of 1/10 of the weight, where 1/3 of the proxies run.
        Publish(cluster.State, "aaabbb", static zone => zone == 'a' ? 1u : 9u);
        Assert.Equal([30, 70, 0], Shares(cluster), new Near(3));
    });

    private static int[] Shares(WorkerCluster cluster)
    {
        int[] counts = new int[3];
        for (int i = 0; i < Picks; i++)
        {
            counts[cluster.Pick(default).Host!.Locality.Zone[0] - 'a']++;
        }

        return [.. counts.Select(static count => (int)Math.Round(100.0 * count / Picks))];
    }

    private static void Run(string hosts, string proxies, ZoneAwarePolicy zones, Action<ProxyBench, WorkerCluster> act,
        Func<LoadBalancingPolicyModel, LoadBalancingPolicyModel>? with = null) => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        ClusterState local = bench.AddCluster("proxies");
        Publish(local, proxies);
        ClusterState state = bench.AddClusterWith("hosts", settings => settings with
        {
            LoadBalancing = (with ?? (static policy => policy))(new LoadBalancingPolicyModel(LoadBalancingAlgorithm.RoundRobin)
            {
                ZoneAware = zones with { LocalCluster = bench.Context.Clusters.Reference("proxies") },
            }),
        });
        Publish(state, hosts);
        act(bench, bench.Workers.All[0].Cluster(state));
        return Task.CompletedTask;
    });

    private static void Publish(ClusterState state, string zones, Func<char, uint>? weight = null)
    {
        var hosts = new List<Host>();
        foreach (char zone in zones)
        {
            var config = new HostConfig(NetAddress.IPv4(10, 0, 0, (byte)(hosts.Count + 1), 80), "")
            {
                Locality = new Locality("", char.ToLowerInvariant(zone).ToString(), ""),
                EdsHealth = char.IsUpper(zone) ? HostHealth.FailedEdsHealth : HostHealth.Healthy,
                Weight = weight?.Invoke(zone) ?? 1,
            };
            hosts.Add(new Host(config, 1, 0));
        }

        state.Publish(new HostSetBuilder(state.Config.LoadBalancing, new Locality("", "a", ""), 1).Build(hosts));
    }

    private sealed class Near(int by) : IEqualityComparer<int>
    {
        public bool Equals(int x, int y) => Math.Abs(x - y) <= by;

        public int GetHashCode(int value) => 0;
    }
}
