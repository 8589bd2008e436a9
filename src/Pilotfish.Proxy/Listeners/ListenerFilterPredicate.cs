using Envoy.Config.Listener.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Listeners;

/// <summary>filter_disabled: a tree of destination port ranges. Immutable.</summary>
internal sealed class ListenerFilterPredicate
{
    // Deeper trees than any control plane builds would only serve to exhaust the stack.
    private const int DepthMax = 32;

    private readonly Func<NetAddress, bool> _matches;

    private ListenerFilterPredicate(Func<NetAddress, bool> matches) => _matches = matches;

    public bool Matches(NetAddress local) => _matches(local);

    public static ListenerFilterPredicate Compile(ListenerFilterChainMatchPredicate rule, string field) =>
        new(CompileRule(rule, field, 0));

    private static Func<NetAddress, bool> CompileRule(ListenerFilterChainMatchPredicate rule, string field, int depth)
    {
        if (depth > DepthMax)
        {
            throw new ConfigRejectedException(field, $"predicates may nest {DepthMax} deep, this one is deeper");
        }

        switch (rule.RuleCase)
        {
            case ListenerFilterChainMatchPredicate.RuleOneofCase.AnyMatch:
                return static _ => true;
            case ListenerFilterChainMatchPredicate.RuleOneofCase.DestinationPortRange:
                (int start, int end) = (rule.DestinationPortRange.Start, rule.DestinationPortRange.End);
                return local => local.IsIp && local.Port >= start && local.Port < end;
            case ListenerFilterChainMatchPredicate.RuleOneofCase.NotMatch:
                Func<NetAddress, bool> inner = CompileRule(rule.NotMatch, field, depth + 1);
                return local => !inner(local);
            case ListenerFilterChainMatchPredicate.RuleOneofCase.AndMatch:
                Func<NetAddress, bool>[] all = CompileRules(rule.AndMatch.Rules, field, depth);
                return local => Array.TrueForAll(all, one => one(local));
            case ListenerFilterChainMatchPredicate.RuleOneofCase.OrMatch:
                Func<NetAddress, bool>[] any = CompileRules(rule.OrMatch.Rules, field, depth);
                return local => Array.Exists(any, one => one(local));
            default:
                throw new ConfigRejectedException(field, "the predicate states no rule");
        }
    }

    private static Func<NetAddress, bool>[] CompileRules(
        IReadOnlyList<ListenerFilterChainMatchPredicate> rules, string field, int depth)
    {
        var compiled = new Func<NetAddress, bool>[rules.Count];
        for (int i = 0; i < compiled.Length; i++)
        {
            compiled[i] = CompileRule(rules[i], field, depth + 1);
        }

        return compiled;
    }
}
