using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using global::Xds.Type.Matcher.V3;
using Branch = global::Xds.Type.Matcher.V3.Matcher.Types.MatcherList.Types.FieldMatcher;
using Extension = global::Xds.Core.V3.TypedExtensionConfig;
using OnMatch = global::Xds.Type.Matcher.V3.Matcher.Types.OnMatch;
using Predicate = global::Xds.Type.Matcher.V3.Matcher.Types.MatcherList.Types.Predicate;
using Single = global::Xds.Type.Matcher.V3.Matcher.Types.MatcherList.Types.Predicate.Types.SinglePredicate;

namespace Pilotfish.Proxy.Tests.Matching;

/// <summary>Matchers of tests.</summary>
internal static class MatchMessages
{
    public static Extension Of(IMessage message) => new() { Name = "x", TypedConfig = Any.Pack(message) };

    public static OnMatch Act(IMessage action, bool keepMatching = false) => new() { Action = Of(action), KeepMatching = keepMatching };

    public static Envoy.Type.Matcher.V3.HttpRequestHeaderMatchInput Header(string name) => new() { HeaderName = name };

    public static Predicate Is(IMessage input, string exact) => new()
    {
        SinglePredicate = new Single { Input = Of(input), ValueMatch = new StringMatcher { Exact = exact } },
    };

    public static Predicate Is(IMessage input, IMessage custom) => new()
    {
        SinglePredicate = new Single { Input = Of(input), CustomMatch = Of(custom) },
    };

    public static Matcher List(OnMatch? otherwise, params (Predicate Predicate, OnMatch OnMatch)[] branches)
    {
        var matcher = new Matcher { MatcherList = new Matcher.Types.MatcherList(), OnNoMatch = otherwise };
        foreach ((Predicate predicate, OnMatch onMatch) in branches)
        {
            matcher.MatcherList.Matchers.Add(new Branch { Predicate = predicate, OnMatch = onMatch });
        }

        return matcher;
    }

    public static Matcher Map(IMessage input, bool isPrefix, OnMatch? otherwise, params (string Key, OnMatch OnMatch)[] entries)
    {
        var map = new Matcher.Types.MatcherTree.Types.MatchMap();
        foreach ((string key, OnMatch onMatch) in entries)
        {
            map.Map.Add(key, onMatch);
        }

        var tree = new Matcher.Types.MatcherTree { Input = Of(input) };
        if (isPrefix)
        {
            tree.PrefixMatchMap = map;
        }
        else
        {
            tree.ExactMatchMap = map;
        }

        return new Matcher { MatcherTree = tree, OnNoMatch = otherwise };
    }
}
