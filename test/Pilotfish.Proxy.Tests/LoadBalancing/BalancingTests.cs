using CsCheck;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.LoadBalancing;

public sealed class BalancingTests
{
    private static readonly LoadBalancingPolicyModel s_roundRobin = new(LoadBalancingAlgorithm.RoundRobin);

    [Fact]
    public void RoundRobin_AnyWeights_FollowsThemExactlyOverOneRound() =>
        Gen.Int[1, 9].Array[1, 8].Sample(weights =>
        {
            var bench = new BalancerBench(s_roundRobin);
            Array.ForEach(weights, weight => bench.Add((uint)weight));
            int sum = 0;
            Array.ForEach(weights, weight => sum += weight);
            int[] counts = bench.Build().Count(sum * 20);
            for (int i = 0; i < weights.Length; i++)
            {
                Assert.InRange(counts[i], (weights[i] * 20) - 2, (weights[i] * 20) + 2);
            }
        }, iter: 100);

    [Fact]
    public void LeastRequest_LoadedHost_GetsNothingBesideIdleOnes()
    {
        var bench = new BalancerBench(new LoadBalancingPolicyModel(LoadBalancingAlgorithm.LeastRequest));
        Host loaded = bench.Add();
        bench.Add();
        bench.Build();
        for (int i = 0; i < 100; i++)
        {
            loaded.RequestStarted();
        }

        // Two random choices may both be the loaded host: a quarter of the picks.
        Assert.InRange(bench.Count(1000)[0], 150, 350);
    }

    [Fact]
    public void LeastRequest_UnequalWeights_FavoursTheHeavier()
    {
        var bench = new BalancerBench(new LoadBalancingPolicyModel(LoadBalancingAlgorithm.LeastRequest));
        bench.Add(1);
        bench.Add(3);
        int[] counts = bench.Build().Count(4000);
        Assert.InRange(counts[1], 2900, 3100);
    }

    [Fact]
    public void Random_ManyPicks_AreSpread()
    {
        var bench = new BalancerBench(new LoadBalancingPolicyModel(LoadBalancingAlgorithm.Random));
        for (int i = 0; i < 4; i++)
        {
            bench.Add();
        }

        Assert.All(bench.Build().Count(4000), count => Assert.InRange(count, 850, 1150));
    }

    [Theory]
    [InlineData(LoadBalancingAlgorithm.RingHash)]
    [InlineData(LoadBalancingAlgorithm.Maglev)]
    internal void ConsistentHash_HostRemoved_MovesFewKeys(LoadBalancingAlgorithm algorithm)
    {
        var before = new BalancerBench(new LoadBalancingPolicyModel(algorithm));
        for (int i = 0; i < 10; i++)
        {
            before.Add();
        }

        before.Build();
        var after = new BalancerBench(new LoadBalancingPolicyModel(algorithm));
        after.Hosts.AddRange(before.Hosts.GetRange(0, 9));
        after.Build();
        int moved = 0;
        var random = new Proxy.Workers.WorkerRandom(3);
        for (int i = 0; i < 2000; i++)
        {
            ulong hash = random.NextUInt64();
            Host first = before.Pick(hash)!;
            Assert.Same(first, before.Pick(hash));
            moved += first == before.Hosts[9] || first == after.Pick(hash) ? 0 : 1;
        }

        // A ring's size depends on the number of hosts, so a few keys move besides those of the host that left.
        Assert.InRange(moved, 0, 200);
    }

    [Fact]
    public void BoundedLoad_OverfullHost_IsPassedBy()
    {
        var policy = new LoadBalancingPolicyModel(LoadBalancingAlgorithm.RingHash) { HashBalanceFactor = 100 };
        var bench = new BalancerBench(policy);
        for (int i = 0; i < 4; i++)
        {
            bench.Add();
        }

        bench.Build();
        for (int i = 0; i < 40; i++)
        {
            bench.Pick(12345)!.RequestStarted();
        }

        // A host at its share takes one more, as in Envoy.
        Assert.All(bench.Hosts, host => Assert.InRange(host.ActiveRequests, 7, 11));
    }

    [Fact]
    public void LocalityWeights_Given_DecideTheShares()
    {
        var bench = new BalancerBench(s_roundRobin with { LocalityWeighted = true, ZoneAware = null });
        bench.Add(locality: new Locality("a", "", ""), localityWeight: 1);
        bench.Add(locality: new Locality("b", "", ""), localityWeight: 3);
        bench.Add(locality: new Locality("b", "", ""), localityWeight: 3);
        int[] counts = bench.Build().Count(4000);
        Assert.InRange(counts[0], 990, 1010);
    }

    [Theory]
    [InlineData(72, 100, 0)]
    [InlineData(71, 99, 1)]
    [InlineData(50, 70, 30)]
    [InlineData(0, 0, 100)]
    public void Priorities_FirstPartlyHealthy_SpillsOver(int healthyPercent, int first, int second)
    {
        var bench = new BalancerBench(s_roundRobin with { PanicThresholdPercent = 0 });
        for (int i = 0; i < 100; i++)
        {
            bench.Add(health: i < healthyPercent ? HostHealth.Healthy : HostHealth.FailedEdsHealth);
        }

        bench.Add(priority: 1);
        bench.Build();
        Assert.Equal([(byte)first, (byte)second], bench.Set.Loads.Healthy.ToArray());
    }

    [Fact]
    public void Priorities_BothQuarterHealthy_ShareEvenly()
    {
        var bench = new BalancerBench(s_roundRobin with { PanicThresholdPercent = 0 });
        for (uint priority = 0; priority < 2; priority++)
        {
            for (int i = 0; i < 4; i++)
            {
                bench.Add(priority: priority, health: i == 0 ? HostHealth.Healthy : HostHealth.FailedEdsHealth);
            }
        }

        bench.Build();
        Assert.Equal([(byte)50, (byte)50], bench.Set.Loads.Healthy.ToArray());
    }

    [Fact]
    public void Panic_TooFewHealthy_UsesAllHosts()
    {
        var bench = new BalancerBench(s_roundRobin);
        bench.Add();
        bench.Add(health: HostHealth.FailedEdsHealth);
        bench.Add(health: HostHealth.FailedEdsHealth);
        Assert.All(bench.Build().Count(300), count => Assert.Equal(100, count));
    }

    [Fact]
    public void Panic_ThresholdZero_NeverUsesUnhealthyHosts()
    {
        var bench = new BalancerBench(s_roundRobin with { PanicThresholdPercent = 0 });
        bench.Add(health: HostHealth.FailedEdsHealth);
        Assert.Null(bench.Build().Pick());
    }

    [Fact]
    public void Pick_Settled_AllocatesNothing()
    {
        var bench = new BalancerBench(new LoadBalancingPolicyModel(LoadBalancingAlgorithm.LeastRequest));
        for (int i = 0; i < 5; i++)
        {
            bench.Add((uint)i + 1);
        }

        bench.Build();

        long allocated = AllocationMeter.Of(() =>
        {
            for (int i = 0; i < 1000; i++)
            {
                bench.Pick();
            }
        });

        Assert.Equal(0, allocated);
    }
}
