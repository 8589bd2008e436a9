namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>How a cluster is cut into subsets by endpoint metadata (namespace `envoy.lb`).</summary>
public sealed record SubsetPolicy(
    SubsetFallback Fallback,
    IReadOnlyList<KeyValuePair<string, string>> DefaultSubset,
    IReadOnlyList<SubsetSelector> Selectors)
{
    public bool LocalityWeightAware { get; init; }
    public bool PanicModeAny { get; init; }
    public bool ListAsAny { get; init; }
}
