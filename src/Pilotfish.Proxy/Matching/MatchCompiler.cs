using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Routing;
using Pilotfish.Runtime.Sockets;
using Xds.Type.Matcher.V3;
using CidrMessage = Xds.Core.V3.CidrRange;
using OnMatch = Xds.Type.Matcher.V3.Matcher.Types.OnMatch;
using Predicate = Xds.Type.Matcher.V3.Matcher.Types.MatcherList.Types.Predicate;
using Tree = Xds.Type.Matcher.V3.Matcher.Types.MatcherTree;
using TypedExtensionConfig = Xds.Core.V3.TypedExtensionConfig;

namespace Pilotfish.Proxy.Matching;

/// <summary>Compiles matchers (<c>xds.type.matcher.v3.Matcher</c>) of one place of the configuration. Errors name the field. Main loop.</summary>
internal sealed class MatchCompiler<TFacts, TAction>(IMatchVocabulary<TFacts, TAction> vocabulary)
    where TAction : class
{
    private const string MetadataMessage = "envoy.extensions.matching.input_matchers.metadata.v3.Metadata";
    private const string AddressTree = "xds.type.matcher.v3.IPMatcher";
    private const string DomainTree = "xds.type.matcher.v3.ServerNameMatcher";

    public MatchNode<TFacts, TAction> Compile(Matcher matcher, string field)
    {
        MatchOutcome<TFacts, TAction>? otherwise = matcher.OnNoMatch is { } no ? CompileOutcome(no, $"{field}.on_no_match") : null;
        return matcher.MatcherTypeCase switch
        {
            Matcher.MatcherTypeOneofCase.MatcherList => CompileList(matcher.MatcherList, otherwise, $"{field}.matcher_list"),
            Matcher.MatcherTypeOneofCase.MatcherTree => CompileTree(matcher.MatcherTree, otherwise, $"{field}.matcher_tree"),

            // A matcher of on_no_match alone leads there always.
            _ => otherwise is not null
                ? new MatchList<TFacts, TAction>([]) { Otherwise = otherwise }
                : throw new ConfigRejectedException(field, "neither matcher_list nor matcher_tree is set"),
        };
    }

    private MatchList<TFacts, TAction> CompileList(
        Matcher.Types.MatcherList list, MatchOutcome<TFacts, TAction>? otherwise, string field)
    {
        if (list.Matchers.Count == 0)
        {
            throw new ConfigRejectedException($"{field}.matchers", "it has no matcher");
        }

        var branches = new (MatchPredicate<TFacts>, MatchOutcome<TFacts, TAction>)[list.Matchers.Count];
        for (int i = 0; i < branches.Length; i++)
        {
            string at = $"{field}.matchers[{i}]";
            branches[i] = (
                CompilePredicate(list.Matchers[i].Predicate, $"{at}.predicate"),
                CompileOutcome(list.Matchers[i].OnMatch, $"{at}.on_match"));
        }

        return new MatchList<TFacts, TAction>(branches) { Otherwise = otherwise };
    }

    private MatchOutcome<TFacts, TAction> CompileOutcome(OnMatch? outcome, string field)
    {
        switch (outcome?.OnMatchCase)
        {
            case OnMatch.OnMatchOneofCase.Matcher:
                return new MatchOutcome<TFacts, TAction>(null, Compile(outcome.Matcher, $"{field}.matcher"), outcome.KeepMatching);
            case OnMatch.OnMatchOneofCase.Action:
                ExtensionConfig config = Unwrap(outcome.Action, $"{field}.action.typed_config");
                TAction action = vocabulary.Action(config) ?? throw Unknown("action", outcome.Action, config);
                return new MatchOutcome<TFacts, TAction>(action, null, outcome.KeepMatching);
            default:
                throw new ConfigRejectedException(field, "neither matcher nor action is set");
        }
    }

    private MatchPredicate<TFacts> CompilePredicate(Predicate? predicate, string field)
    {
        switch (predicate?.MatchTypeCase)
        {
            case Predicate.MatchTypeOneofCase.SinglePredicate:
                return CompileSingle(predicate.SinglePredicate, $"{field}.single_predicate");
            case Predicate.MatchTypeOneofCase.OrMatcher:
                return new MatchPredicate<TFacts>.Any(CompileAll(predicate.OrMatcher, $"{field}.or_matcher"));
            case Predicate.MatchTypeOneofCase.AndMatcher:
                return new MatchPredicate<TFacts>.All(CompileAll(predicate.AndMatcher, $"{field}.and_matcher"));
            case Predicate.MatchTypeOneofCase.NotMatcher:
                return new MatchPredicate<TFacts>.Not(CompilePredicate(predicate.NotMatcher, $"{field}.not_matcher"));
            default:
                throw new ConfigRejectedException(field, "the predicate is not set");
        }
    }

    private MatchPredicate<TFacts>[] CompileAll(Predicate.Types.PredicateList list, string field)
    {
        // Envoy's proto wants two; one is no mistake that could mean anything else, none is.
        if (list.Predicate.Count == 0)
        {
            throw new ConfigRejectedException($"{field}.predicate", "it has no predicate");
        }

        var compiled = new MatchPredicate<TFacts>[list.Predicate.Count];
        for (int i = 0; i < compiled.Length; i++)
        {
            compiled[i] = CompilePredicate(list.Predicate[i], $"{field}.predicate[{i}]");
        }

        return compiled;
    }

    private MatchPredicate<TFacts> CompileSingle(Predicate.Types.SinglePredicate single, string field)
    {
        MatchInput<TFacts> input = CompileInput(single.Input, $"{field}.input");
        switch (single.MatcherCase)
        {
            case Predicate.Types.SinglePredicate.MatcherOneofCase.ValueMatch:
                return new MatchPredicate<TFacts>.OfText(Plain(input, $"{field}.value_match"), StringMatches.Compile(single.ValueMatch, $"{field}.value_match"));
            case Predicate.Types.SinglePredicate.MatcherOneofCase.CustomMatch:
                ExtensionConfig config = Unwrap(single.CustomMatch, $"{field}.custom_match.typed_config");
                return config.MessageName switch
                {
                    AddressRanges.MessageName => new MatchPredicate<TFacts>.OfAddress(Address(input, config), AddressRanges.Read(config)),
                    HashShare.MessageName => new MatchPredicate<TFacts>.OfHash(Plain(input, config.Field), HashShare.Compile(config)),
                    MetadataMessage when input.IsMetadata => new MatchPredicate<TFacts>.OfMetadata(input, MetadataMatch.CompileValue(config)),
                    MetadataMessage => throw new ConfigRejectedException(config.Field, "metadata is matched, and the input is none"),
                    _ => throw Unknown("matcher", single.CustomMatch, config),
                };
            default:
                throw new ConfigRejectedException(field, "neither value_match nor custom_match is set");
        }
    }

    private MatchNode<TFacts, TAction> CompileTree(Tree tree, MatchOutcome<TFacts, TAction>? otherwise, string field)
    {
        MatchInput<TFacts> input = Plain(CompileInput(tree.Input, $"{field}.input"), field);
        switch (tree.TreeTypeCase)
        {
            case Tree.TreeTypeOneofCase.ExactMatchMap:
                return new MatchMap<TFacts, TAction>(input, CompileMap(tree.ExactMatchMap, $"{field}.exact_match_map"), isPrefix: false)
                {
                    Otherwise = otherwise,
                };
            case Tree.TreeTypeOneofCase.PrefixMatchMap:
                return new MatchMap<TFacts, TAction>(input, CompileMap(tree.PrefixMatchMap, $"{field}.prefix_match_map"), isPrefix: true)
                {
                    Otherwise = otherwise,
                };
            case Tree.TreeTypeOneofCase.CustomMatch:
                ExtensionConfig config = Unwrap(tree.CustomMatch, $"{field}.custom_match.typed_config");
                return config.MessageName switch
                {
                    AddressTree => CompileAddresses(Address(input, config), config, otherwise),
                    DomainTree => CompileDomains(input, config, otherwise),
                    _ => throw Unknown("matcher", tree.CustomMatch, config),
                };
            default:
                throw new ConfigRejectedException(field, "none of exact_match_map, prefix_match_map and custom_match is set");
        }
    }

    private Dictionary<string, MatchOutcome<TFacts, TAction>> CompileMap(Tree.Types.MatchMap map, string field)
    {
        if (map.Map.Count == 0)
        {
            throw new ConfigRejectedException($"{field}.map", "it has no entry");
        }

        var entries = new Dictionary<string, MatchOutcome<TFacts, TAction>>(map.Map.Count, StringComparer.Ordinal);
        foreach ((string key, OnMatch outcome) in map.Map)
        {
            entries.Add(key, CompileOutcome(outcome, $"{field}.map['{key}']"));
        }

        return entries;
    }

    private MatchAddresses<TFacts, TAction> CompileAddresses(
        MatchInput<TFacts> input, ExtensionConfig config, MatchOutcome<TFacts, TAction>? otherwise)
    {
        IPMatcher matcher = config.Parse(IPMatcher.Parser);
        var table = new PrefixTable<MatchAddresses<TFacts, TAction>.Ranges>();
        for (int i = 0; i < matcher.RangeMatchers.Count; i++)
        {
            string field = $"{config.Field}.range_matchers[{i}]";
            IPMatcher.Types.IPRangeMatcher range = matcher.RangeMatchers[i];
            MatchOutcome<TFacts, TAction> outcome = CompileOutcome(range.OnMatch, $"{field}.on_match");
            for (int r = 0; r < range.Ranges.Count; r++)
            {
                CidrRange prefix = Prefix(range.Ranges[r], $"{field}.ranges[{r}]");
                if (!table.TryGetExact(prefix, out MatchAddresses<TFacts, TAction>.Ranges? ranges))
                {
                    table.Add(prefix, ranges = new MatchAddresses<TFacts, TAction>.Ranges());
                }

                ranges!.Outcomes.Add((outcome, range.Exclusive));
            }
        }

        return new MatchAddresses<TFacts, TAction>(input, table) { Otherwise = otherwise };
    }

    private MatchDomains<TFacts, TAction> CompileDomains(
        MatchInput<TFacts> input, ExtensionConfig config, MatchOutcome<TFacts, TAction>? otherwise)
    {
        ServerNameMatcher matcher = config.Parse(ServerNameMatcher.Parser);
        var domains = new Dictionary<string, MatchOutcome<TFacts, TAction>>(StringComparer.Ordinal);
        for (int i = 0; i < matcher.DomainMatchers.Count; i++)
        {
            string field = $"{config.Field}.domain_matchers[{i}]";
            MatchOutcome<TFacts, TAction> outcome = CompileOutcome(matcher.DomainMatchers[i].OnMatch, $"{field}.on_match");
            for (int d = 0; d < matcher.DomainMatchers[i].Domains.Count; d++)
            {
                string domain = matcher.DomainMatchers[i].Domains[d].ToLowerInvariant();
                string key = domain == "*" ? "" : domain.StartsWith("*.", StringComparison.Ordinal) ? domain[1..] : domain;
                if (domain.Length == 0 || key.Contains('*'))
                {
                    throw new ConfigRejectedException($"{field}.domains[{d}]", $"'{domain}' is neither a name, nor *.name, nor *");
                }

                if (!domains.TryAdd(key, outcome))
                {
                    throw new ConfigRejectedException($"{field}.domains[{d}]", $"'{domain}' stands here twice");
                }
            }
        }

        return new MatchDomains<TFacts, TAction>(input, domains) { Otherwise = otherwise };
    }

    private MatchInput<TFacts> CompileInput(TypedExtensionConfig? input, string field)
    {
        if (input is null)
        {
            throw new ConfigRejectedException(field, "it is not set");
        }

        ExtensionConfig config = Unwrap(input, $"{field}.typed_config");
        return vocabulary.Input(config) ?? throw Unknown("input", input, config);
    }

    private static MatchInput<TFacts> Plain(MatchInput<TFacts> input, string field) => !input.IsMetadata
        ? input
        : throw new ConfigRejectedException(field, $"the input is metadata, which only a custom_match of type '{MetadataMessage}' compares");

    private static MatchInput<TFacts> Address(MatchInput<TFacts> input, ExtensionConfig config) => input.IsAddress
        ? input
        : throw new ConfigRejectedException(config.Field, "addresses are matched, and the input is none");

    private static CidrRange Prefix(CidrMessage range, string field) =>
        NetAddress.TryParseIp(range.AddressPrefix, 0, out NetAddress address)
            ? CidrRange.Create(address, (int)Math.Min(range.PrefixLen ?? 0, 128))
            : throw new ConfigRejectedException($"{field}.address_prefix", $"'{range.AddressPrefix}' is not an IP address");

    private static ExtensionConfig Unwrap(TypedExtensionConfig config, string field) =>
        Config.ExtensionRegistry.Unwrap(config.TypedConfig ?? new(), field);

    private static ConfigRejectedException Unknown(string what, TypedExtensionConfig extension, ExtensionConfig config) => new(
        config.Field,
        $"{what} '{extension.Name}' has {(config.MessageName.Length == 0 ? "no typed_config" : $"type '{config.MessageName}'")}, which Pilotfish does not have in this place");
}
