using Pilotfish.Proxy.Network;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Matching;

/// <summary>
/// <c>xds.type.matcher.v3.IPMatcher</c>: the longest prefix first, then shorter ones; an exclusive range counts only where no longer one
/// holds the address.
/// </summary>
internal sealed class MatchAddresses<TFacts, TAction>(
    MatchInput<TFacts> input, PrefixTable<MatchAddresses<TFacts, TAction>.Ranges> table) : MatchNode<TFacts, TAction>
    where TAction : class
{
    protected override TAction? Search(TFacts facts)
    {
        if (!input.TryAddress(facts, out NetAddress address))
        {
            return null;
        }

        bool isFirst = true;
        int level = 0;
        while (table.FindNext(address, ref level) is { } ranges)
        {
            foreach ((MatchOutcome<TFacts, TAction> outcome, bool isExclusive) in ranges.Outcomes)
            {
                if ((isFirst || !isExclusive) && outcome.Find(facts) is { } action)
                {
                    return action;
                }

                isFirst = false;
            }
        }

        return null;
    }

    /// <summary>What stands at one prefix, in the order of the configuration.</summary>
    internal sealed class Ranges
    {
        public List<(MatchOutcome<TFacts, TAction> Outcome, bool IsExclusive)> Outcomes { get; } = [];
    }
}
