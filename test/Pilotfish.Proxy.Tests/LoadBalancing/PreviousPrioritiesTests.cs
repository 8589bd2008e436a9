using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.LoadBalancing;

namespace Pilotfish.Proxy.Tests.LoadBalancing;

public sealed class PreviousPrioritiesTests
{
    private readonly BalancerBench _bench = new(new LoadBalancingPolicyModel(LoadBalancingAlgorithm.RoundRobin));

    // Three healthy priorities; `tried` are the priorities of the attempts so far.
    [Theory]
    [InlineData("nothing tried yet", 2, "", "100 0 0")]
    [InlineData("not yet time to update", 2, "0", "100 0 0")]
    [InlineData("after the second attempt", 2, "0 0", "0 100 0")]
    [InlineData("between two updates", 2, "0 0 1", "0 100 0")]
    [InlineData("after the fourth", 2, "0 0 1 1", "0 0 100")]
    [InlineData("all tried: from the start again", 2, "0 0 1 1 2 2", "100 0 0")]
    [InlineData("and not at once away from it", 2, "0 0 1 1 2 2 0", "100 0 0")]
    [InlineData("away from it again", 2, "0 0 1 1 2 2 0 0", "0 100 0")]
    [InlineData("each attempt", 1, "0", "0 100 0")]
    [InlineData("each attempt, the second", 1, "0 1", "0 0 100")]
    [InlineData("each attempt, all tried", 1, "0 1 2", "100 0 0")]
    public void Loads_LeaveOutWhatWasTried(string label, int frequency, string tried, string expected)
    {
        for (uint priority = 0; priority < 3; priority++)
        {
            _bench.Add(priority: priority);
        }

        Assert.Equal((label, expected), (label, Loads(frequency, tried)));
    }

    [Fact]
    public void Loads_UnusablePriority_IsPassedOver()
    {
        _bench.Add(priority: 0);
        _bench.Add(priority: 1, health: HostHealth.FailedEdsHealth);
        _bench.Add(priority: 2);

        Assert.Equal("0 0 100", Loads(1, "0"));
    }

    [Fact]
    public void Loads_NothingUsable_AreTheMembershipsOwn()
    {
        _bench.Add(priority: 0, health: HostHealth.FailedEdsHealth);
        _bench.Add(priority: 1, health: HostHealth.FailedEdsHealth);
        _bench.Build();

        Assert.Same(_bench.Set.Loads, PreviousPriorities.Loads(_bench.Set, [_bench.Hosts[0]], 1));
    }

    [Fact]
    public void Loads_DegradedHostsOfWhatIsLeft_Serve()
    {
        _bench.Add(priority: 0);
        _bench.Add(priority: 1, health: HostHealth.DegradedEdsHealth);
        _bench.Build();

        PriorityLoads loads = PreviousPriorities.Loads(_bench.Set, [_bench.Hosts[0]], 1);

        Assert.Equal([(byte)0, (byte)100], loads.Degraded.ToArray());
        Assert.Equal((1, HostAvailability.Degraded), loads.Choose(17));
    }

    private string Loads(int frequency, string tried)
    {
        _bench.Build();
        Host?[] hosts = [.. tried.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(p => _bench.Hosts[int.Parse(p)])];
        return string.Join(' ', PreviousPriorities.Loads(_bench.Set, hosts, frequency).Healthy.ToArray());
    }
}
