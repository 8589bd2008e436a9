namespace Pilotfish.Proxy.Matching;

/// <summary>
/// <c>xds.type.matcher.v3.ServerNameMatcher</c>: the name itself, then wildcards of fewer and fewer labels, then <c>*</c>. Without regard to case.
/// </summary>
/// <param name="input">A name.</param>
/// <param name="domains">In lower case: names, <c>.example.com</c> for <c>*.example.com</c>, and the empty string for <c>*</c>.</param>
internal sealed class MatchDomains<TFacts, TAction>(MatchInput<TFacts> input, Dictionary<string, MatchOutcome<TFacts, TAction>> domains)
    : MatchNode<TFacts, TAction>
    where TAction : class
{
    protected override TAction? Search(TFacts facts)
    {
        if (input.Text(facts)?.ToLowerInvariant() is not { Length: > 0 } name)
        {
            return null;
        }

        if (domains.TryGetValue(name, out MatchOutcome<TFacts, TAction>? outcome) && outcome.Find(facts) is { } exact)
        {
            return exact;
        }

        Dictionary<string, MatchOutcome<TFacts, TAction>>.AlternateLookup<ReadOnlySpan<char>> lookup =
            domains.GetAlternateLookup<ReadOnlySpan<char>>();
        for (int dot = name.IndexOf('.', 1); dot > 0; dot = name.IndexOf('.', dot + 1))
        {
            if (lookup.TryGetValue(name.AsSpan(dot), out outcome) && outcome.Find(facts) is { } wildcard)
            {
                return wildcard;
            }
        }

        return domains.TryGetValue("", out outcome) ? outcome.Find(facts) : null;
    }
}
