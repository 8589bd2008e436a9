using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.LoadBalancingPolicies.Common.V3;
using Envoy.Extensions.LoadBalancingPolicies.LeastRequest.V3;
using Envoy.Extensions.LoadBalancingPolicies.Maglev.V3;
using Envoy.Extensions.LoadBalancingPolicies.RingHash.V3;
using Envoy.Extensions.LoadBalancingPolicies.RoundRobin.V3;
using Envoy.Type.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.LoadBalancing;

namespace Pilotfish.Proxy.Tests.LoadBalancing;

/// <summary>load_balancing_policy: what each policy's own message says of slow start, localities and hashing.</summary>
public sealed class TypedPolicyTests
{
    private static readonly SlowStartConfig s_slow = new()
    {
        SlowStartWindow = new Duration { Seconds = 30 },
        Aggression = new RuntimeDouble { DefaultValue = 2, RuntimeKey = "aggression" },
        MinWeightPercent = new Percent { Value = 20 },
    };

    [Fact]
    public void SlowStart_OfRoundRobinAndLeastRequest()
    {
        var runtime = new RuntimeValues();
        foreach (IMessage message in (IMessage[])[new RoundRobin { SlowStartConfig = s_slow }, new LeastRequest { SlowStartConfig = s_slow }])
        {
            runtime.Replace(new Dictionary<string, string>());
            SlowStartPolicy slow = Compile(message, runtime).SlowStart!;
            Assert.Equal((30_000, 2.0, 0.2), (slow.WindowMilliseconds, slow.Aggression.Current, slow.MinimumWeight));
            runtime.Replace(new Dictionary<string, string> { ["aggression"] = "0.5" });
            Assert.Equal(0.5, slow.Aggression.Current);
        }
    }

    [Fact]
    public void Localities_WeightedOrZoneAware_AsThePolicySays()
    {
        LoadBalancingPolicyModel plain = Compile(new RoundRobin());
        Assert.Equal((false, 100.0, 6ul, null, false), (plain.LocalityWeighted, plain.ZoneAware!.EnabledPercent, plain.ZoneAware.SizeMin, plain.ZoneAware.LocalSizeMin, plain.ZoneAware.CountsWeights));
        LoadBalancingPolicyModel weighted = Compile(new Envoy.Extensions.LoadBalancingPolicies.Random.V3.Random { LocalityLbConfig = Weighted() });
        Assert.Equal((true, null), (weighted.LocalityWeighted, weighted.ZoneAware));
        LoadBalancingPolicyModel zoned = Compile(new LeastRequest
        {
            LocalityLbConfig = new LocalityLbConfig
            {
                ZoneAwareLbConfig = new LocalityLbConfig.Types.ZoneAwareLbConfig
                {
                    RoutingEnabled = new Percent { Value = 40 },
                    MinClusterSize = 9,
                    FailTrafficOnPanic = true,
                },
            },
        });
        Assert.Equal((40.0, 9ul, true), (zoned.ZoneAware!.EnabledPercent, zoned.ZoneAware.SizeMin, zoned.FailTrafficOnPanic));
    }

    [Fact]
    public void ZonesThatKeepAll_AndShares_AsThePolicySays()
    {
        static ZoneAwarePolicy Of(string zones, RuntimeValues runtime) => Compile(
            new RoundRobin { LocalityLbConfig = LocalityLbConfig.Parser.ParseJson($$"""{"zone_aware_lb_config": {{zones}}}""") }, runtime).ZoneAware!;

        var runtime = new RuntimeValues();
        Assert.Equal((3u, true), (Of("""{"force_local_zone": {"min_size": 3}, "locality_basis": "HEALTHY_HOSTS_WEIGHT"}""", runtime).LocalSizeMin, Of("""{"locality_basis": "HEALTHY_HOSTS_WEIGHT"}""", runtime).CountsWeights));
        Assert.Equal(1u, Of("""{"force_local_zone": {}}""", runtime).LocalSizeMin);
        Assert.Equal(1u, Of("""{"force_locality_direct_routing": true}""", runtime).LocalSizeMin);
        ZoneAwarePolicy plain = Of("{}", runtime);
        Assert.Null(plain.LocalSizeMin);
        runtime.Replace(new Dictionary<string, string> { ["upstream.zone_routing.force_local_zone.min_size"] = "5" });
        Assert.Equal(5u, plain.LocalSizeMin);
    }

    [Fact]
    public void LeastRequest_FullScan_ByEitherField()
    {
        Assert.True(Compile(new LeastRequest { EnableFullScan = true }).FullScan);
        Assert.True(Compile(new LeastRequest { SelectionMethod = LeastRequest.Types.SelectionMethod.FullScan }).FullScan);
        Assert.False(Compile(new LeastRequest()).FullScan);
    }

    [Fact]
    public void Hashing_ByHostnameAndWithinABalance_ByOldAndNewFields()
    {
        var common = new ConsistentHashingLbConfig { UseHostnameForHashing = true, HashBalanceFactor = 150 };
        LoadBalancingPolicyModel[] policies =
        [
            Compile(new RingHash { UseHostnameForHashing = true, HashBalanceFactor = 150 }),
            Compile(new RingHash { ConsistentHashingLbConfig = common }),
            Compile(new Maglev { ConsistentHashingLbConfig = common }),
        ];
        Assert.All(policies, static policy => Assert.Equal((true, 150), (policy.HashByHostname, policy.HashBalanceFactor)));
        Assert.True(Compile(new Maglev { LocalityWeightedLbConfig = new LocalityLbConfig.Types.LocalityWeightedLbConfig() }).LocalityWeighted);
    }

    [Fact]
    public void PanicThreshold_StaysTheClusters()
    {
        Cluster cluster = Of(new RoundRobin());
        cluster.CommonLbConfig = new Cluster.Types.CommonLbConfig { HealthyPanicThreshold = new Percent { Value = 5 } };
        Assert.Equal(5, LoadBalancingCompiler.Compile(cluster, new RuntimeValues()).PanicThresholdPercent);
    }

    private static LocalityLbConfig Weighted() => new() { LocalityWeightedLbConfig = new LocalityLbConfig.Types.LocalityWeightedLbConfig() };

    private static LoadBalancingPolicyModel Compile(IMessage policy, RuntimeValues? runtime = null) =>
        LoadBalancingCompiler.Compile(Of(policy), runtime ?? new RuntimeValues());

    private static Cluster Of(IMessage policy) => new()
    {
        LoadBalancingPolicy = new LoadBalancingPolicy
        {
            Policies =
            {
                new LoadBalancingPolicy.Types.Policy { TypedExtensionConfig = new TypedExtensionConfig { Name = "p", TypedConfig = Any.Pack(policy) } },
            },
        },
    };
}
