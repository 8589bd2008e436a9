using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.LoadBalancing;
using ProtoSubsets = Envoy.Config.Cluster.V3.Cluster.Types.LbSubsetConfig;

namespace Pilotfish.Proxy.Clusters;

/// <summary>Reads lb_subset_config.</summary>
internal static class SubsetPolicyCompiler
{
    public static SubsetPolicy Compile(ProtoSubsets config)
    {
        var defaults = new List<KeyValuePair<string, string>>();
        if (config.DefaultSubset is not null)
        {
            foreach ((string key, Value value) in config.DefaultSubset.Fields)
            {
                defaults.Add(new(key, MetadataText.Of(value)));
            }
        }

        var selectors = new List<SubsetSelector>();
        for (int i = 0; i < config.SubsetSelectors.Count; i++)
        {
            selectors.Add(Selector(config.SubsetSelectors[i], $"lb_subset_config.subset_selectors[{i}]"));
        }

        SubsetFallback fallback = config.FallbackPolicy switch
        {
            ProtoSubsets.Types.LbSubsetFallbackPolicy.AnyEndpoint => SubsetFallback.AnyEndpoint,
            ProtoSubsets.Types.LbSubsetFallbackPolicy.DefaultSubset => SubsetFallback.DefaultSubset,
            _ => SubsetFallback.None,
        };
        return new SubsetPolicy(fallback, defaults, selectors)
        {
            LocalityWeightAware = config.LocalityWeightAware,
            PanicModeAny = config.PanicModeAny,
            ListAsAny = config.ListAsAny,
            ScalesLocalityWeight = config.ScaleLocalityWeight,
            TriesAlternatives = config.MetadataFallbackPolicy == ProtoSubsets.Types.LbSubsetMetadataFallbackPolicy.FallbackList,
        };
    }

    private static SubsetSelector Selector(ProtoSubsets.Types.LbSubsetSelector selector, string field)
    {
        var keys = new List<string>(selector.Keys);
        keys.Sort(string.CompareOrdinal);
        if (keys.Count == 0)
        {
            throw new ConfigRejectedException(field + ".keys", "a selector needs at least one key");
        }

        if (selector.SingleHostPerSubset && keys.Count > 1)
        {
            throw new ConfigRejectedException(field + ".single_host_per_subset", "a selector of single hosts has one key");
        }

        var fallbackKeys = new List<string>(selector.FallbackKeysSubset);
        SubsetFallback? fallback = selector.FallbackPolicy switch
        {
            ProtoSubsets.Types.LbSubsetSelector.Types.LbSubsetSelectorFallbackPolicy.NoFallback => SubsetFallback.None,
            ProtoSubsets.Types.LbSubsetSelector.Types.LbSubsetSelectorFallbackPolicy.AnyEndpoint => SubsetFallback.AnyEndpoint,
            ProtoSubsets.Types.LbSubsetSelector.Types.LbSubsetSelectorFallbackPolicy.DefaultSubset => SubsetFallback.DefaultSubset,
            ProtoSubsets.Types.LbSubsetSelector.Types.LbSubsetSelectorFallbackPolicy.KeysSubset => SubsetFallback.KeysSubset,
            _ => null,
        };
        if (fallback == SubsetFallback.KeysSubset && (fallbackKeys.Count == 0 || fallbackKeys.Count >= keys.Count
            || !fallbackKeys.TrueForAll(keys.Contains)))
        {
            throw new ConfigRejectedException(field + ".fallback_keys_subset", "must be some, but not all, of the selector's keys");
        }

        return new SubsetSelector(keys, fallback, fallbackKeys) { HasSingleHosts = selector.SingleHostPerSubset };
    }
}
