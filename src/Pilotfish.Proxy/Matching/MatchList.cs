namespace Pilotfish.Proxy.Matching;

/// <summary>matcher_list: the first condition that holds and leads to an action.</summary>
internal sealed class MatchList<TFacts, TAction>((MatchPredicate<TFacts> Predicate, MatchOutcome<TFacts, TAction> Outcome)[] branches)
    : MatchNode<TFacts, TAction>
    where TAction : class
{
    protected override TAction? Search(TFacts facts)
    {
        foreach ((MatchPredicate<TFacts> predicate, MatchOutcome<TFacts, TAction> outcome) in branches)
        {
            if (predicate.Holds(facts) && outcome.Find(facts) is { } action)
            {
                return action;
            }
        }

        return null;
    }
}
