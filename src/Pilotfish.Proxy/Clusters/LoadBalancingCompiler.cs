using Envoy.Config.Core.V3;
using Envoy.Extensions.LoadBalancingPolicies.Common.V3;
using Envoy.Extensions.LoadBalancingPolicies.LeastRequest.V3;
using Envoy.Extensions.LoadBalancingPolicies.Maglev.V3;
using Envoy.Extensions.LoadBalancingPolicies.RingHash.V3;
using Envoy.Extensions.LoadBalancingPolicies.RoundRobin.V3;
using Envoy.Type.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.RuntimeLayers;
using ProtoCluster = Envoy.Config.Cluster.V3.Cluster;

namespace Pilotfish.Proxy.Clusters;

/// <summary>Reads lb_policy, its configs, common_lb_config, lb_subset_config and load_balancing_policy.</summary>
internal static class LoadBalancingCompiler
{
    /// <param name="cluster">The message.</param>
    /// <param name="runtime">For numbers that it may replace.</param>
    /// <param name="local">cluster_manager.local_cluster_name; null for none.</param>
    public static LoadBalancingPolicyModel Compile(ProtoCluster cluster, RuntimeValues runtime, ClusterReference? local = null)
    {
        LoadBalancingPolicyModel policy = cluster.LoadBalancingPolicy is { Policies.Count: > 0 } list
            ? WithPanic(FromList(list, runtime), cluster.CommonLbConfig)
            : WithCommon(FromEnum(cluster, runtime), cluster.CommonLbConfig, runtime);
        if (local is not null && policy.ZoneAware is { } zones && local.Name != cluster.Name)
        {
            policy = policy with { ZoneAware = zones with { LocalCluster = local } };
        }

        if (cluster.LbSubsetConfig?.LocalityWeightAware == true && cluster.CommonLbConfig?.LocalityWeightedLbConfig is null)
        {
            throw new ConfigRejectedException("lb_subset_config.locality_weight_aware", "needs common_lb_config.locality_weighted_lb_config");
        }

        if (policy.Algorithm == LoadBalancingAlgorithm.ClusterProvided && cluster.LbSubsetConfig is { SubsetSelectors.Count: > 0 })
        {
            throw new ConfigRejectedException("lb_subset_config", "does not go with CLUSTER_PROVIDED");
        }

        return cluster.LbSubsetConfig is { SubsetSelectors.Count: > 0 } subsets
            ? policy with { Subsets = SubsetPolicyCompiler.Compile(subsets) }
            : policy;
    }

    private static LoadBalancingPolicyModel FromEnum(ProtoCluster cluster, RuntimeValues runtime)
    {
        switch (cluster.LbPolicy)
        {
            case ProtoCluster.Types.LbPolicy.RoundRobin:
                return new LoadBalancingPolicyModel(LoadBalancingAlgorithm.RoundRobin)
                {
                    SlowStart = SlowStart(cluster.RoundRobinLbConfig?.SlowStartConfig, runtime),
                };
            case ProtoCluster.Types.LbPolicy.LeastRequest:
                ProtoCluster.Types.LeastRequestLbConfig? least = cluster.LeastRequestLbConfig;
                return new LoadBalancingPolicyModel(LoadBalancingAlgorithm.LeastRequest)
                {
                    ChoiceCount = Choices(least?.ChoiceCount),
                    ActiveRequestBias = LiveDouble.Of(least?.ActiveRequestBias, 1, runtime),
                    SlowStart = SlowStart(least?.SlowStartConfig, runtime),
                };
            case ProtoCluster.Types.LbPolicy.Random:
                return new LoadBalancingPolicyModel(LoadBalancingAlgorithm.Random);
            case ProtoCluster.Types.LbPolicy.RingHash:
                ProtoCluster.Types.RingHashLbConfig? ring = cluster.RingHashLbConfig;
                return Ring(ring?.MinimumRingSize, ring?.MaximumRingSize, "ring_hash_lb_config",
                    ring?.HashFunction == ProtoCluster.Types.RingHashLbConfig.Types.HashFunction.MurmurHash2);
            case ProtoCluster.Types.LbPolicy.Maglev:
                return Maglev(cluster.MaglevLbConfig?.TableSize, "maglev_lb_config.table_size");
            case ProtoCluster.Types.LbPolicy.ClusterProvided:
                return new LoadBalancingPolicyModel(LoadBalancingAlgorithm.ClusterProvided);
            default:
                throw new ConfigRejectedException("lb_policy", $"{(int)cluster.LbPolicy} is not a policy that Pilotfish has");
        }
    }

    /// <summary>load_balancing_policy lists alternatives: the first that is known counts.</summary>
    private static LoadBalancingPolicyModel FromList(Envoy.Config.Cluster.V3.LoadBalancingPolicy list, RuntimeValues runtime)
    {
        foreach (Envoy.Config.Cluster.V3.LoadBalancingPolicy.Types.Policy policy in list.Policies)
        {
            Any? config = policy.TypedExtensionConfig?.TypedConfig;
            if (config is not null && TryRead(config, runtime) is { } model)
            {
                return model;
            }
        }

        throw new ConfigRejectedException("load_balancing_policy", "none of the listed policies is one that Pilotfish has");
    }

    private static LoadBalancingPolicyModel? TryRead(Any config, RuntimeValues runtime)
    {
        ExtensionConfig unwrapped = Config.ExtensionRegistry.Unwrap(config, "load_balancing_policy.policies.typed_config");
        switch (unwrapped.MessageName)
        {
            case "envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin":
                RoundRobin round = unwrapped.Parse(RoundRobin.Parser);
                return WithLocality(
                    new LoadBalancingPolicyModel(LoadBalancingAlgorithm.RoundRobin) { SlowStart = SlowStart(round.SlowStartConfig, runtime) },
                    round.LocalityLbConfig, runtime);
            case "envoy.extensions.load_balancing_policies.random.v3.Random":
                return WithLocality(
                    new LoadBalancingPolicyModel(LoadBalancingAlgorithm.Random),
                    unwrapped.Parse(Envoy.Extensions.LoadBalancingPolicies.Random.V3.Random.Parser).LocalityLbConfig, runtime);
            case "envoy.extensions.load_balancing_policies.cluster_provided.v3.ClusterProvided":
                return new LoadBalancingPolicyModel(LoadBalancingAlgorithm.ClusterProvided);
            case "envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest":
                LeastRequest least = unwrapped.Parse(LeastRequest.Parser);
                var fewest = new LoadBalancingPolicyModel(LoadBalancingAlgorithm.LeastRequest)
                {
                    ChoiceCount = Choices(least.ChoiceCount),
                    ActiveRequestBias = LiveDouble.Of(least.ActiveRequestBias, 1, runtime),
                    FullScan = least.SelectionMethod == LeastRequest.Types.SelectionMethod.FullScan || least.EnableFullScan == true,
                    SlowStart = SlowStart(least.SlowStartConfig, runtime),
                };
                return WithLocality(fewest, least.LocalityLbConfig, runtime);
            case "envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash":
                RingHash ring = unwrapped.Parse(RingHash.Parser);
                LoadBalancingPolicyModel circle = Ring(ring.MinimumRingSize, ring.MaximumRingSize, "load_balancing_policy",
                    ring.HashFunction == RingHash.Types.HashFunction.MurmurHash2);
                circle = circle with { HashByHostname = ring.UseHostnameForHashing, HashBalanceFactor = (int)(ring.HashBalanceFactor ?? 0) };
                return WithHashing(circle, ring.ConsistentHashingLbConfig, ring.LocalityWeightedLbConfig is not null);
            case "envoy.extensions.load_balancing_policies.maglev.v3.Maglev":
                Envoy.Extensions.LoadBalancingPolicies.Maglev.V3.Maglev maglev =
                    unwrapped.Parse(Envoy.Extensions.LoadBalancingPolicies.Maglev.V3.Maglev.Parser);
                return WithHashing(
                    Maglev(maglev.TableSize, "load_balancing_policy"), maglev.ConsistentHashingLbConfig, maglev.LocalityWeightedLbConfig is not null);
            default:
                return null;
        }
    }

    private static int Choices(uint? count) => (int)Math.Clamp(count ?? LoadBalancingPolicyModel.DefaultChoiceCount, 2u, 1000u);

    private static LoadBalancingPolicyModel Ring(ulong? smallest, ulong? largest, string field, bool murmur)
    {
        ulong min = smallest ?? LoadBalancingPolicyModel.DefaultRingSizeMin;
        ulong max = largest ?? LoadBalancingPolicyModel.RingSizeLimit;
        if (min > max || max > LoadBalancingPolicyModel.RingSizeLimit)
        {
            throw new ConfigRejectedException(
                field, $"the ring's size {min}..{max} must be ordered and at most {LoadBalancingPolicyModel.RingSizeLimit}");
        }

        return new LoadBalancingPolicyModel(LoadBalancingAlgorithm.RingHash)
        {
            RingSizeMin = min,
            RingSizeMax = max,
            UseMurmurHash = murmur,
        };
    }

    private static LoadBalancingPolicyModel Maglev(ulong? tableSize, string field)
    {
        ulong size = tableSize ?? LoadBalancingPolicyModel.DefaultMaglevTableSize;
        if (size > LoadBalancingPolicyModel.MaglevTableSizeLimit || !IsPrime(size))
        {
            throw new ConfigRejectedException(
                field, $"the table size {size} must be a prime of at most {LoadBalancingPolicyModel.MaglevTableSizeLimit}");
        }

        return new LoadBalancingPolicyModel(LoadBalancingAlgorithm.Maglev) { MaglevTableSize = (int)size };
    }

    private static bool IsPrime(ulong number)
    {
        for (ulong divisor = 2; divisor * divisor <= number; divisor++)
        {
            if (number % divisor == 0)
            {
                return false;
            }
        }

        return number > 1;
    }

    private static SlowStartPolicy? SlowStart(ProtoCluster.Types.SlowStartConfig? config, RuntimeValues runtime) => SlowStart(
        config?.SlowStartWindow, config?.Aggression, config?.MinWeightPercent, runtime);

    private static SlowStartPolicy? SlowStart(Duration? window, RuntimeDouble? aggression, Percent? least, RuntimeValues runtime)
    {
        long milliseconds = ProtoValues.Milliseconds(window, 0);
        return milliseconds == 0
            ? null
            : new SlowStartPolicy(
                milliseconds,
                LiveDouble.Of(aggression, SlowStartPolicy.DefaultAggression, runtime),
                least is not null ? least.Value / 100 : SlowStartPolicy.DefaultMinimumWeight);
    }

    // Of a policy in load_balancing_policy; its defaults are those of common_lb_config.
    private static LoadBalancingPolicyModel WithLocality(LoadBalancingPolicyModel policy, LocalityLbConfig? config, RuntimeValues runtime) => policy with
    {
        FailTrafficOnPanic = config?.ZoneAwareLbConfig?.FailTrafficOnPanic ?? false,
        LocalityWeighted = config?.LocalityWeightedLbConfig is not null,
        ZoneAware = config?.LocalityWeightedLbConfig is not null ? null : Zones(config?.ZoneAwareLbConfig, runtime),
    };

    private static ZoneAwarePolicy Zones(LocalityLbConfig.Types.ZoneAwareLbConfig? config, RuntimeValues runtime) =>
        Zones(config?.RoutingEnabled?.Value, config?.MinClusterSize, runtime) with
        {
            ForcedLocalSizeMin = config?.ForceLocalZone is { } forced ? forced.MinSize ?? 1 : config?.ForceLocalityDirectRouting == true ? 1 : null,
            CountsWeights = config?.LocalityBasis == LocalityLbConfig.Types.ZoneAwareLbConfig.Types.LocalityBasis.HealthyHostsWeight,
        };

    private static LoadBalancingPolicyModel WithHashing(LoadBalancingPolicyModel policy, ConsistentHashingLbConfig? config, bool weighsLocalities)
    {
        policy = policy with { LocalityWeighted = weighsLocalities };
        return config is null
            ? policy
            : policy with { HashByHostname = config.UseHostnameForHashing, HashBalanceFactor = (int)(config.HashBalanceFactor ?? 0) };
    }

    private static ZoneAwarePolicy Zones(double? enabledPercent, ulong? sizeMin, RuntimeValues runtime) => new(
        enabledPercent is { } percent ? Whole(percent) : ZoneAwarePolicy.Default.RoutingEnabledPercent, sizeMin ?? ZoneAwarePolicy.Default.ClusterSizeMin)
    {
        EnabledKey = runtime.Key("upstream.zone_routing.enabled"),
        SizeKey = runtime.Key("upstream.zone_routing.min_cluster_size"),
        ForcedSizeKey = runtime.Key("upstream.zone_routing.force_local_zone.min_size"),
    };

    private static LoadBalancingPolicyModel WithPanic(LoadBalancingPolicyModel policy, ProtoCluster.Types.CommonLbConfig? common) =>
        common?.HealthyPanicThreshold is { } threshold ? policy with { PanicThresholdPercent = Whole(threshold.Value) } : policy;

    // Envoy counts in whole percents.
    private static double Whole(double percent) => Math.Round(percent, MidpointRounding.AwayFromZero);

    private static SlowStartPolicy? SlowStart(SlowStartConfig? config, RuntimeValues runtime) => SlowStart(
        config?.SlowStartWindow, config?.Aggression, config?.MinWeightPercent, runtime);

    private static LoadBalancingPolicyModel WithCommon(LoadBalancingPolicyModel policy, ProtoCluster.Types.CommonLbConfig? common, RuntimeValues runtime)
    {
        if (common is null)
        {
            return policy with { ZoneAware = Zones(null, null, runtime) };
        }

        ProtoCluster.Types.CommonLbConfig.Types.ZoneAwareLbConfig? zones = common.ZoneAwareLbConfig;
        return policy with
        {
            PanicThresholdPercent = common.HealthyPanicThreshold is { } threshold ? Whole(threshold.Value) : LoadBalancingPolicyModel.DefaultPanicThresholdPercent,
            FailTrafficOnPanic = zones?.FailTrafficOnPanic ?? false,
            LocalityWeighted = common.LocalityWeightedLbConfig is not null,
            ZoneAware = common.LocalityWeightedLbConfig is not null
                ? null
                : Zones(zones?.RoutingEnabled?.Value, zones?.MinClusterSize, runtime),
            HashByHostname = common.ConsistentHashingLbConfig?.UseHostnameForHashing ?? false,
            HashBalanceFactor = (int)(common.ConsistentHashingLbConfig?.HashBalanceFactor ?? 0),
        };
    }
}
