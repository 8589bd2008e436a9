using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using Locality = Pilotfish.Proxy.Clusters.Locality;

namespace Pilotfish.Proxy.Tests.LoadBalancing;

/// <summary>Ring and Maglev: what hosts are known by, what their shares are, where the overloaded are passed by.</summary>
public sealed class ConsistentHashTests
{
    private static readonly LoadBalancingPolicyModel s_ring = new(LoadBalancingAlgorithm.RingHash) { RingSizeMin = 4096 };
    private static readonly LoadBalancingPolicyModel s_maglev = new(LoadBalancingAlgorithm.Maglev);

    [Fact]
    public void MersenneTwister_IsTheStandardsOwn()
    {
        // The C++ standard (rand.predef) requires this of the default seed's 10,000th number.
        var random = new MersenneTwister(new uint[MersenneTwister.Length], 5489);
        for (int i = 1; i < 10_000; i++)
        {
            random.Next();
        }

        Assert.Equal(4123659995u, random.Next());
        for (uint bound = 1; bound < 40; bound++)
        {
            Assert.InRange(random.NextBelow(bound), 0u, bound - 1);
        }
    }

    [Theory]
    [InlineData(LoadBalancingAlgorithm.RingHash)]
    [InlineData(LoadBalancingAlgorithm.Maglev)]
    internal void HashKey_TakesTheAddressesPlace(LoadBalancingAlgorithm algorithm)
    {
        var policy = new LoadBalancingPolicyModel(algorithm);
        BalancerBench keyed = Bench(policy, "a", "b", "c").Build();
        BalancerBench shifted = Bench(policy, null, "a", "b", "c").Build();
        shifted.Hosts.RemoveAt(0);
        shifted.Build();

        // The same keys at other addresses own the same hashes.
        for (ulong i = 0; i < 200; i++)
        {
            ulong hash = i * 0x9E3779B97F4A7C15;
            Assert.Equal(keyed.Hosts.IndexOf(keyed.Pick(hash)!), shifted.Hosts.IndexOf(shifted.Pick(hash)!));
        }
    }

    [Theory]
    [InlineData(LoadBalancingAlgorithm.RingHash)]
    [InlineData(LoadBalancingAlgorithm.Maglev)]
    internal void LocalityWeights_DecideWholeShares_HoweverManyAreHealthy(LoadBalancingAlgorithm algorithm)
    {
        var bench = new BalancerBench((algorithm == LoadBalancingAlgorithm.Maglev ? s_maglev : s_ring) with { LocalityWeighted = true, ZoneAware = null });
        bench.Add(locality: new Locality("a", "", ""), localityWeight: 3);
        bench.Add(locality: new Locality("a", "", ""), localityWeight: 3, health: HostHealth.FailedEdsHealth);
        bench.Add(locality: new Locality("b", "", ""), localityWeight: 1);
        bench.Add(locality: new Locality("b", "", ""), localityWeight: 1);
        bench.Add(locality: new Locality("none", "", ""), localityWeight: 0);
        double[] shares = Shares(bench.Build());
        Assert.InRange(shares[0], 0.70, 0.80);
        Assert.Equal(0, shares[1]);
        Assert.InRange(shares[2], 0.09, 0.16);
        Assert.Equal(0, shares[4]);
    }

    [Theory]
    [InlineData(LoadBalancingAlgorithm.RingHash)]
    [InlineData(LoadBalancingAlgorithm.RoundRobin)]
    internal void Panic_ForgetsLocalityWeights(LoadBalancingAlgorithm algorithm)
    {
        var bench = new BalancerBench(new LoadBalancingPolicyModel(algorithm) { RingSizeMin = 4096, LocalityWeighted = true, ZoneAware = null });
        bench.Add(locality: new Locality("a", "", ""), localityWeight: 9, health: HostHealth.FailedEdsHealth);
        bench.Add(locality: new Locality("b", "", ""), localityWeight: 1, health: HostHealth.FailedEdsHealth);
        double[] shares = Shares(bench.Build());
        Assert.InRange(shares[0], 0.44, 0.56);
    }

    [Fact]
    public void BoundedLoad_HostAtItsShare_StillServes_OneAboveIsPassedBy()
    {
        var bench = Bench(s_ring with { HashBalanceFactor = 150 }, null, null, null).Build();
        Host first = bench.Pick(7)!;

        // 150 % of two requests under way and the new one: 5 slots, two for each. Of three and the new one: 6 slots.
        first.RequestStarted();
        first.RequestStarted();
        Assert.Same(first, bench.Pick(7));
        first.RequestStarted();
        Host other = bench.Pick(7)!;
        Assert.NotSame(first, other);
        Assert.Same(other, bench.Pick(7));
    }

    [Fact]
    public void BoundedLoad_PassesByInAnOrderOfTheHash_AndAllocatesNothing()
    {
        var bench = Bench(s_ring with { HashBalanceFactor = 100 }, new string?[600]).Build();
        Host first = bench.Pick(99)!;
        for (int i = 0; i < 10; i++)
        {
            first.RequestStarted();
        }

        Host second = bench.Pick(99)!;
        Assert.NotSame(first, second);
        second.RequestStarted();
        second.RequestStarted();
        Host third = bench.Pick(99)!;
        Assert.NotSame(second, third);
        second.RequestEnded();
        Assert.Same(second, bench.Pick(99));
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 20; i++)
        {
            bench.Pick(99);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Gauges_TellTheTable() => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        foreach ((string name, LoadBalancingPolicyModel policy) in new[] { ("ring", s_ring), ("maglev", s_maglev) })
        {
            ClusterState state = bench.AddClusterWith(name, settings => settings with { LoadBalancing = policy }, NetAddress.Parse("10.0.0.1:1"), NetAddress.Parse("10.0.0.2:1"));
            _ = state.Stats;
        }

        Assert.Equal(4096, Gauge(bench, "cluster.ring.ring_hash_lb.size"));
        Assert.Equal(2048, Gauge(bench, "cluster.ring.ring_hash_lb.min_hashes_per_host"));
        Assert.Equal(2048, Gauge(bench, "cluster.ring.ring_hash_lb.max_hashes_per_host"));
        Assert.Equal(65537 / 2, Gauge(bench, "cluster.maglev.maglev_lb.min_entries_per_host"));
        Assert.Equal((65537 / 2) + 1, Gauge(bench, "cluster.maglev.maglev_lb.max_entries_per_host"));
        return Task.CompletedTask;
    });

    [Fact]
    public void SlowStart_BeginsAgainWhenAHostCameBack_AndEndsForAll()
    {
        var policy = new LoadBalancingPolicyModel(LoadBalancingAlgorithm.RoundRobin) { SlowStart = new SlowStartPolicy(60_000, 1, 0.1) };
        var bench = new BalancerBench(policy) { NowMilliseconds = 100_000 };
        Host first = bench.Add();
        bench.Add();
        int[] even = bench.Build().Count(1000);
        Assert.Equal([500, 500], even);
        first.CameBack(100_000);
        int[] slow = bench.Build().Count(1100);
        Assert.InRange(slow[0], 80, 120);
        bench.NowMilliseconds = 170_000;
        Assert.Equal([500, 500], bench.Build().Count(1000));
    }

    private static long Gauge(ProxyBench bench, string name) => bench.Stats.TryFind(name, out StatEntry? entry) ? bench.Stats.Value(entry) : -1;

    private static double[] Shares(BalancerBench bench)
    {
        const int Picks = 8000;
        return [.. bench.Count(Picks).Select(static count => count / (double)Picks)];
    }

    private static BalancerBench Bench(LoadBalancingPolicyModel policy, params string?[] keys)
    {
        var bench = new BalancerBench(policy);
        foreach (string? key in keys)
        {
            bench.Add(metadata: key is null ? null : EndpointMetadata.From(new Metadata
            {
                FilterMetadata = { ["envoy.lb"] = new Struct { Fields = { ["hash_key"] = Value.ForString(key) } } },
            }));
        }

        return bench;
    }
}
