using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
using Istio.Networking.V1Alpha3;
using CommonLb = Envoy.Config.Cluster.V3.Cluster.Types.CommonLbConfig;
using Percent = Envoy.Type.V3.Percent;
using Policy = Envoy.Config.Cluster.V3.Cluster.Types.LbPolicy;
using Simple = Istio.Networking.V1Alpha3.LoadBalancerSettings.Types.SimpleLB;
using SlowStart = Envoy.Config.Cluster.V3.Cluster.Types.SlowStartConfig;

namespace Pilotfish.ControlPlane.Translation.Clusters;

/// <summary>Load balancing of outbound clusters; least request unless said otherwise.</summary>
internal static class LoadBalancers
{
    private const ulong DefaultRingSize = 1024;
    private const double DefaultAggression = 1.0;
    private const double DefaultMinWeightPercent = 10.0;

    // A runtime value needs a key; this one can be set by nobody.
    private const string NoRuntimeKey = "(";

    public static void Apply(Cluster cluster, LoadBalancerSettings? settings, LocalityLoadBalancerSetting? meshLocality)
    {
        if (cluster.LbPolicy == Policy.ClusterProvided)
        {
            return;
        }

        ApplyLocality(cluster, settings?.LocalityLbSetting ?? meshLocality);
        if (cluster.Type == Cluster.Types.DiscoveryType.OriginalDst)
        {
            cluster.LbPolicy = Policy.ClusterProvided;
            return;
        }

        switch (settings?.LbPolicyCase == LoadBalancerSettings.LbPolicyOneofCase.Simple ? settings.Simple : Simple.Unspecified)
        {
            case Simple.Random:
                cluster.LbPolicy = Policy.Random;
                break;
            case Simple.RoundRobin:
                cluster.LbPolicy = Policy.RoundRobin;
                if (Warmup(settings) is { } roundRobin)
                {
                    cluster.RoundRobinLbConfig = new Cluster.Types.RoundRobinLbConfig { SlowStartConfig = roundRobin };
                }

                break;
            case Simple.Passthrough:
                cluster.LbPolicy = Policy.ClusterProvided;
                cluster.Type = Cluster.Types.DiscoveryType.OriginalDst;
                cluster.LoadAssignment = null;
                break;
            default:
                cluster.LbPolicy = Policy.LeastRequest;
                if (Warmup(settings) is { } leastRequest)
                {
                    cluster.LeastRequestLbConfig = new Cluster.Types.LeastRequestLbConfig { SlowStartConfig = leastRequest };
                }

                break;
        }

        ApplyConsistentHash(cluster, settings?.ConsistentHash);
    }

    private static void ApplyLocality(Cluster cluster, LocalityLoadBalancerSetting? setting)
    {
        if (setting is null || setting.Enabled == false)
        {
            return;
        }

        // Weights of localities say something only when failover or distribution is asked for.
        var failsOver = cluster.OutlierDetection is not null && (setting.Failover.Count > 0 || setting.FailoverPriority.Count > 0);
        if (failsOver || setting.Distribute.Count > 0)
        {
            cluster.CommonLbConfig.LocalityWeightedLbConfig = new CommonLb.Types.LocalityWeightedLbConfig();
        }
    }

    private static SlowStart? Warmup(LoadBalancerSettings? settings)
    {
        if (settings?.Warmup is { } warmup)
        {
            return new SlowStart
            {
                SlowStartWindow = warmup.Duration,
                Aggression = new RuntimeDouble { DefaultValue = warmup.Aggression ?? DefaultAggression, RuntimeKey = NoRuntimeKey },
                MinWeightPercent = new Percent { Value = warmup.MinimumPercent ?? DefaultMinWeightPercent },
            };
        }

        return settings?.WarmupDurationSecs is { } window ? new SlowStart { SlowStartWindow = window } : null;
    }

    private static void ApplyConsistentHash(Cluster cluster, LoadBalancerSettings.Types.ConsistentHashLB? hash)
    {
        if (hash is null)
        {
            return;
        }

        if (hash.Maglev is { } maglev)
        {
            cluster.LbPolicy = Policy.Maglev;
            if (maglev.TableSize != 0)
            {
                cluster.MaglevLbConfig = new Cluster.Types.MaglevLbConfig { TableSize = maglev.TableSize };
            }

            return;
        }

        cluster.LbPolicy = Policy.RingHash;
        var size = hash.RingHash is { } ring ? ring.MinimumRingSize : hash.MinimumRingSize != 0 ? hash.MinimumRingSize : DefaultRingSize;
        if (size != 0)
        {
            cluster.RingHashLbConfig = new Cluster.Types.RingHashLbConfig { MinimumRingSize = size };
        }
    }
}
