using Envoy.Config.Endpoint.V3;
using Envoy.Type.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.LoadBalancing;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using Locality = Pilotfish.Proxy.Clusters.Locality;
using Cluster = Envoy.Config.Cluster.V3.Cluster;

namespace Pilotfish.Proxy.Tests.Clusters;

/// <summary>What a ClusterLoadAssignment may say besides its endpoints: each field counts, is warned of or refused by its name.</summary>
public sealed class AssignmentTests
{
    [Theory]
    [InlineData("""{"endpoints": [{"leds_cluster_locality_config": {"leds_collection_name": "xdstp://a/b"}}]}""", "endpoints[0].leds_cluster_locality_config")]
    [InlineData("""{"endpoints": [{"lb_endpoints": [{"endpoint_name": "a"}]}]}""", "endpoints[0].lb_endpoints[0].endpoint_name")]
    [InlineData("""{"endpoints": [{"lb_endpoints": [{"health_status": "HEALTHY"}]}]}""", "endpoints[0].lb_endpoints[0].endpoint")]
    [InlineData("""{"endpoints": [{"priority": 129}]}""", "endpoints[0].priority")]
    [InlineData("""{"policy": {"drop_overloads": [{"category": "a"}, {"category": "b"}]}}""", "policy.drop_overloads")]
    [InlineData("""{"policy": {"drop_overloads": [{"category": "a", "drop_percentage": {"numerator": 101}}]}}""", "policy.drop_overloads[0].drop_percentage")]
    [InlineData("""{"cluster_name": "other"}""", "cluster_name")]
    [InlineData(
        """{"endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"socket_address": {"address": "1.1.1.1", "port_value": 1}}, "health_check_config": {"port_value": 65536}}}]}]}""",
        "endpoints[0].lb_endpoints[0].endpoint.health_check_config.port_value")]
    public void Refused_ByName(string json, string field) => Run((fixture, _) =>
    {
        var message = ClusterLoadAssignment.Parser.ParseJson(json);
        Assert.Equal(field, Assert.Throws<ConfigRejectedException>(() => Push(fixture, message)).Field);
    });

    [Theory]
    [InlineData("""{"named_endpoints": {"a": {}}}""", "named_endpoints")]
    [InlineData("""{"endpoints": [{"proximity": 3}]}""", "endpoints[0].proximity")]
    public void WithoutEffect_IsWarnedOf(string json, string field) => Run((fixture, _) =>
    {
        Push(fixture, ClusterLoadAssignment.Parser.ParseJson(json));
        Assert.StartsWith($"assignment 'c': {field} has no effect: ", Assert.Single(fixture.Context.Warnings.Remarks));
    });

    [Fact]
    public void InlineAssignment_IsCheckedToo() => Run((fixture, _) =>
    {
        var cluster = new Cluster { Name = "inline", Type = Cluster.Types.DiscoveryType.Static, LoadAssignment = new ClusterLoadAssignment { Endpoints = { new LocalityLbEndpoints { Proximity = 1 } } } };
        Assert.Empty(fixture.Apply(cluster));
        Assert.StartsWith("cluster 'inline': load_assignment.endpoints[0].proximity has no effect: ", Assert.Single(fixture.Context.Warnings.Remarks));
    });

    /// <summary>Weights of healthy and unhealthy hosts of the first priority, the load that it gets by number and by weight.</summary>
    [Theory]
    [InlineData(1, 9, 70, 14)]
    [InlineData(9, 1, 70, 100)]
    [InlineData(1, 1, 70, 70)]
    public void WeightedPriorityHealth_CountsWeightsInPlaceOfHosts(uint healthy, uint unhealthy, int byNumber, int byWeight)
    {
        foreach (bool weighs in (bool[])[false, true])
        {
            var bench = new BalancerBench(new LoadBalancingPolicyModel(LoadBalancingAlgorithm.RoundRobin));
            bench.Add(healthy);
            bench.Add(unhealthy, health: HostHealth.FailedEdsHealth);
            bench.Add(priority: 1);
            HostSet set = new HostSetBuilder(new LoadBalancingPolicyModel(LoadBalancingAlgorithm.RoundRobin), Locality.None, 1).Build(bench.Hosts, weighsHealth: weighs);
            Assert.Equal(weighs ? byWeight : byNumber, set.Loads.Healthy[0]);
        }
    }

    [Fact]
    public void WeightedPriorityHealth_OfAPush_Counts() => Run((fixture, state) =>
    {
        ClusterLoadAssignment message = TransportFixture.Assignment("c", NetAddress.Parse("10.0.0.1:1"));
        Push(fixture, message);
        Assert.False(state().Hosts.WeighsHealth);
        message.Policy = new ClusterLoadAssignment.Types.Policy { WeightedPriorityHealth = true };
        Push(fixture, message);
        Assert.True(state().Hosts.WeighsHealth);
    });

    [Fact]
    public void DropOverload_OfAnyDenominator_IsAShareOfAMillion() => Run((fixture, state) =>
    {
        foreach ((FractionalPercent.Types.DenominatorType denominator, uint numerator, uint expected) in new[]
        {
            (FractionalPercent.Types.DenominatorType.Hundred, 3u, 30_000u), (FractionalPercent.Types.DenominatorType.TenThousand, 3u, 300u),
            (FractionalPercent.Types.DenominatorType.Million, 3u, 3u), (FractionalPercent.Types.DenominatorType.Hundred, 100u, 1_000_000u),
        })
        {
            Push(fixture, new ClusterLoadAssignment
            {
                Policy = new ClusterLoadAssignment.Types.Policy
                {
                    DropOverloads = { new ClusterLoadAssignment.Types.Policy.Types.DropOverload { Category = "a", DropPercentage = new FractionalPercent { Denominator = denominator, Numerator = numerator } } },
                },
            });
            Assert.Equal(expected, state().Hosts.DropPerMillion);
        }
    });

    [Fact]
    public void StaleAfter_EmptiesTheCluster_UnlessAnotherComes()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var fixture = new TransportFixture(loop);
            Func<ClusterState> state = Serve(fixture);
            ClusterLoadAssignment message = TransportFixture.Assignment("c", NetAddress.Parse("10.0.0.1:1"));
            message.Policy = new ClusterLoadAssignment.Types.Policy { EndpointStaleAfter = new Duration { Seconds = 10 } };
            Push(fixture, message);
            clock.Advance(TimeSpan.FromSeconds(9));
            await loop.YieldAsync();
            Push(fixture, message);
            clock.Advance(TimeSpan.FromSeconds(9));
            await loop.YieldAsync();
            Assert.Single(state().Hosts.All);
            Assert.Equal(0, Counter(fixture, "assignment_stale"));
            clock.Advance(TimeSpan.FromSeconds(2));
            await TestPeers.UntilAsync(loop, () => state().Hosts.All.Length == 0);
            Assert.Equal((2, 1), (Counter(fixture, "assignment_timeout_received"), Counter(fixture, "assignment_stale")));
        });
    }

    [Fact]
    public void Updates_AreCounted() => Run((fixture, _) =>
    {
        ClusterLoadAssignment message = TransportFixture.Assignment("c", NetAddress.Parse("10.0.0.1:1"));
        Push(fixture, message);
        Push(fixture, message);
        Assert.Throws<ConfigRejectedException>(() => Push(fixture, new ClusterLoadAssignment { ClusterName = "other" }));
        fixture.Subscriptions.Subscribers[0].Consumer.OnRemoved("c");
        fixture.Subscriptions.Subscribers[0].Consumer.OnInitialFetchTimeout("c");
        Assert.Equal(
            [5, 3, 1, 1, 1, 1],
            new[] { "update_attempt", "update_success", "update_no_rebuild", "update_rejected", "update_empty", "init_fetch_timeout" }.Select(name => Counter(fixture, name)));
    });

    private static long Counter(TransportFixture fixture, string name) =>
        fixture.Context.Stats.Value(fixture.Context.Stats.Scope("cluster.c").Counter(name));

    private static void Run(Action<TransportFixture, Func<ClusterState>> act) => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        act(fixture, Serve(fixture));
        return Task.CompletedTask;
    });

    private static Func<ClusterState> Serve(TransportFixture fixture)
    {
        Assert.Empty(fixture.Apply(new Cluster { Name = "c", Type = Cluster.Types.DiscoveryType.Eds, EdsClusterConfig = new Cluster.Types.EdsClusterConfig(), WaitForWarmOnInit = false }));
        return () => fixture.Context.Clusters.Reference("c").Current!;
    }

    private static void Push(TransportFixture fixture, ClusterLoadAssignment message) => fixture.Subscriptions.Push("c", message);
}
