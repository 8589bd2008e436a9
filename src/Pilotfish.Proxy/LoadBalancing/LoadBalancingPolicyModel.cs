using Pilotfish.Proxy.RuntimeLayers;

namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>What a cluster's configuration says about choosing a host; defaults are Envoy's.</summary>
public sealed record LoadBalancingPolicyModel(LoadBalancingAlgorithm Algorithm)
{
    public const int DefaultChoiceCount = 2;
    public const int DefaultPanicThresholdPercent = 50;
    public const ulong DefaultRingSizeMin = 1024;
    public const ulong RingSizeLimit = 8 * 1024 * 1024;
    public const int DefaultMaglevTableSize = 65537;
    public const int MaglevTableSizeLimit = 5_000_011;

    public int ChoiceCount { get; init; } = DefaultChoiceCount;
    public LiveDouble ActiveRequestBias { get; init; } = 1;
    public bool FullScan { get; init; }
    public SlowStartPolicy? SlowStart { get; init; }
    public ulong RingSizeMin { get; init; } = DefaultRingSizeMin;
    public ulong RingSizeMax { get; init; } = RingSizeLimit;
    public bool UseMurmurHash { get; init; }
    public int MaglevTableSize { get; init; } = DefaultMaglevTableSize;

    /// <summary>Hash keys are hostnames instead of addresses.</summary>
    public bool HashByHostname { get; init; }

    /// <summary>Percent of the average load a host may carry before a consistent hash passes it by; 0 = no bound.</summary>
    public int HashBalanceFactor { get; init; }

    public double PanicThresholdPercent { get; init; } = DefaultPanicThresholdPercent;
    public bool FailTrafficOnPanic { get; init; }
    public bool LocalityWeighted { get; init; }
    public ZoneAwarePolicy? ZoneAware { get; init; } = ZoneAwarePolicy.Default;
    public SubsetPolicy? Subsets { get; init; }

    public bool UsesTable => Algorithm is LoadBalancingAlgorithm.RingHash or LoadBalancingAlgorithm.Maglev;
}
