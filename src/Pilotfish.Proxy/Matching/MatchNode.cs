namespace Pilotfish.Proxy.Matching;

/// <summary>
/// A compiled <c>xds.type.matcher.v3.Matcher</c>: a tree that ends in actions. A branch whose inner matcher finds nothing counts as not taken,
/// as in Envoy (source/common/matcher): the search goes on beside it. Immutable, any worker.
/// </summary>
internal abstract class MatchNode<TFacts, TAction>
    where TAction : class
{
    /// <summary>on_no_match.</summary>
    public MatchOutcome<TFacts, TAction>? Otherwise { get; init; }

    /// <summary>The action that the facts lead to; null for none.</summary>
    public TAction? Find(TFacts facts) => Search(facts) ?? Otherwise?.Find(facts);

    protected abstract TAction? Search(TFacts facts);
}
