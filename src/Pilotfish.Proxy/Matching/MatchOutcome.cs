namespace Pilotfish.Proxy.Matching;

/// <summary>A compiled OnMatch: an action, or a matcher that goes on. Immutable, any worker.</summary>
/// <param name="Action">Null where a matcher goes on.</param>
/// <param name="Node">Null where an action stands.</param>
/// <param name="Continues">keep_matching: what it leads to is passed over, as if it had not matched.</param>
internal sealed record MatchOutcome<TFacts, TAction>(TAction? Action, MatchNode<TFacts, TAction>? Node, bool Continues)
    where TAction : class
{
    public TAction? Find(TFacts facts) => Continues ? null : Action ?? Node!.Find(facts);
}
