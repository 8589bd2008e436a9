namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>How a cluster is cut into subsets by endpoint metadata (namespace `envoy.lb`).</summary>
public sealed record SubsetPolicy(
    SubsetFallback Fallback,
    IReadOnlyList<KeyValuePair<string, string>> DefaultSubset,
    IReadOnlyList<SubsetSelector> Selectors)
{
    /// <summary>Whether localities keep their weights within a subset; else its hosts alone count.</summary>
    public bool LocalityWeightAware { get; init; }

    /// <summary>Whether such a weight shrinks with the share of the locality's hosts that the subset has.</summary>
    public bool ScalesLocalityWeight { get; init; }

    /// <summary>Whether any host serves when the cluster's fallback has none.</summary>
    public bool PanicModeAny { get; init; }

    /// <summary>Whether a list in an endpoint's metadata puts it into a subset for each value.</summary>
    public bool ListAsAny { get; init; }

    /// <summary>metadata_fallback_policy FALLBACK_LIST: whether a request's fallback_list is tried in its order.</summary>
    public bool TriesAlternatives { get; init; }
}
