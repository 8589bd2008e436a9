using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.LoadBalancing;

namespace Pilotfish.Proxy.Tests.LoadBalancing;

/// <summary>What predictive_preconnect_ratio asks a balancer: which hosts the next picks will be.</summary>
public sealed class ForeseenPicksTests
{
    [Theory]
    [InlineData(LoadBalancingAlgorithm.RoundRobin, false)]
    [InlineData(LoadBalancingAlgorithm.RoundRobin, true)]
    [InlineData(LoadBalancingAlgorithm.Random, false)]
    [InlineData(LoadBalancingAlgorithm.LeastRequest, true)]
    public void Foreseen_AreThePicksThatFollow(LoadBalancingAlgorithm algorithm, bool weighted)
    {
        BalancerBench bench = Bench(algorithm, weighted);
        for (int round = 0; round < 5; round++)
        {
            Host?[] foreseen = [bench.Foresee(), bench.Foresee(), bench.Foresee()];
            Assert.DoesNotContain(null, foreseen);
            Assert.Equal(foreseen, (Host?[])[bench.Pick(), bench.Pick(), bench.Pick()]);
        }
    }

    [Fact]
    public void Foreseen_ChangeNoWeights()
    {
        BalancerBench plain = Bench(LoadBalancingAlgorithm.RoundRobin, weighted: true);
        BalancerBench foreseeing = Bench(LoadBalancingAlgorithm.RoundRobin, weighted: true);
        for (int i = 0; i < 60; i++)
        {
            if (i % 3 == 0)
            {
                foreseeing.Foresee();
            }

            Assert.Equal(plain.Hosts.IndexOf(plain.Pick()!), foreseeing.Hosts.IndexOf(foreseeing.Pick()!));
        }
    }

    [Fact]
    public void AsManyAsThereAreHealthyHosts_AndNoMore()
    {
        BalancerBench bench = Bench(LoadBalancingAlgorithm.RoundRobin, weighted: false);
        for (int i = 0; i < bench.Hosts.Count; i++)
        {
            Assert.NotNull(bench.Foresee());
        }

        Assert.Null(bench.Foresee());
        bench.Pick();
        Assert.NotNull(bench.Foresee());
    }

    [Theory]
    [InlineData(LoadBalancingAlgorithm.LeastRequest)]
    [InlineData(LoadBalancingAlgorithm.RingHash)]
    [InlineData(LoadBalancingAlgorithm.Maglev)]
    public void PicksThatDependOnTheMoment_AreNotForeseen(LoadBalancingAlgorithm algorithm) =>
        Assert.Null(Bench(algorithm, weighted: false).Foresee());

    private static BalancerBench Bench(LoadBalancingAlgorithm algorithm, bool weighted)
    {
        var bench = new BalancerBench(new LoadBalancingPolicyModel(algorithm));
        for (uint i = 1; i <= 3; i++)
        {
            bench.Add(weighted ? i : 1);
        }

        return bench.Build();
    }
}
