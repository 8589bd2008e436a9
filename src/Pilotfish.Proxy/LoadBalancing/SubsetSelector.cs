namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>The metadata keys (sorted) that make one family of subsets, and what to do when a request's values match none.</summary>
public sealed record SubsetSelector(IReadOnlyList<string> Keys, SubsetFallback? Fallback, IReadOnlyList<string> FallbackKeys)
{
    /// <summary>Whether only the first host of those with the same value serves.</summary>
    public bool HasSingleHosts { get; init; }
}
