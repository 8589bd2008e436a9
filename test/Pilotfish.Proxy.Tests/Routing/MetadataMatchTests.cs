using Envoy.Config.Route.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Tests.Routing;

public sealed class MetadataMatchTests
{
    private const string Filter = "envoy.filters.http.jwt_authn";

    // The claims of a token as its filter leaves them: payload.group is text, payload.roles a list.
    private static readonly MetadataValue s_claims = MetadataValue.Of(Struct.Parser.ParseJson(
        """{"payload": {"group": "admin", "roles": ["reader", "writer"], "level": 3, "staff": true, "nothing": null}}"""));

    public static TheoryData<string, string[], ValueMatcher, bool> Values => new()
    {
        { "text", ["payload", "group"], Text("admin"), true },
        { "other text", ["payload", "group"], Text("guest"), false },
        { "text of a number", ["payload", "level"], Text("3"), false },
        { "one of a list", ["payload", "roles"], new ValueMatcher { ListMatch = new ListMatcher { OneOf = Text("writer") } }, true },
        { "none of a list", ["payload", "roles"], new ValueMatcher { ListMatch = new ListMatcher { OneOf = Text("owner") } }, false },
        { "number", ["payload", "level"], new ValueMatcher { DoubleMatch = new DoubleMatcher { Exact = 3 } }, true },
        { "boolean", ["payload", "staff"], new ValueMatcher { BoolMatch = true }, true },
        { "null", ["payload", "nothing"], new ValueMatcher { NullMatch = new ValueMatcher.Types.NullMatch() }, true },
        { "present", ["payload", "level"], new ValueMatcher { PresentMatch = true }, true },
        { "missing", ["payload", "email"], Text("a"), false },
        { "missing is not null", ["payload", "email"], new ValueMatcher { NullMatch = new ValueMatcher.Types.NullMatch() }, false },
        { "absence", ["payload", "email"], new ValueMatcher { PresentMatch = false }, true },
        { "beyond a leaf", ["payload", "group", "x"], Text("admin"), false },
        {
            "either", ["payload", "group"],
            new ValueMatcher { OrMatch = new OrMatcher { ValueMatchers = { Text("guest"), Text("admin") } } }, true
        },
    };

    [Theory]
    [MemberData(nameof(Values))]
    public void Route_WithDynamicMetadata_MatchesByItsValue(string label, string[] path, ValueMatcher value, bool expected)
    {
        Assert.Equal((label, expected), (label, Matches(path, value, invert: false)));
        Assert.Equal((label, !expected), (label, Matches(path, value, invert: true)));
    }

    [Fact]
    public void Route_WithoutMetadataAtAll_MatchesOnlyInverted()
    {
        Assert.False(Matches(["a"], Text("b"), invert: false, metadata: null));
        Assert.True(Matches(["a"], Text("b"), invert: true, metadata: null));
    }

    [Fact]
    public void Incomplete_IsRefusedByField() => Assert.Equal(
        "match.dynamic_metadata[0]: it needs a filter, a path and a value",
        Assert.Throws<ConfigRejectedException>(() => new RouteMatcher(
            new RouteMatch { Prefix = "/", DynamicMetadata = { new MetadataMatcher { Filter = Filter } } }, "match", new RuntimeValues())).Message);

    private static bool Matches(string[] path, ValueMatcher value, bool invert) => Matches(path, value, invert, s_claims);

    private static bool Matches(string[] path, ValueMatcher value, bool invert, MetadataValue? metadata)
    {
        var matcher = new MetadataMatcher { Filter = Filter, Value = value, Invert = invert };
        matcher.Path.AddRange(path.Select(static key => new MetadataMatcher.Types.PathSegment { Key = key }));
        var info = new StreamInfo();
        if (metadata is not null)
        {
            info.EnsureMetadata().Set(Filter, metadata);
        }

        var route = new RouteMatcher(new RouteMatch { Prefix = "/", DynamicMetadata = { matcher } }, "match", new RuntimeValues());
        return route.Matches(new Pilotfish.Proxy.Http.HeaderMap(), "/"u8, isConnect: false, info, random: 0);
    }

    private static ValueMatcher Text(string exact) => new() { StringMatch = new StringMatcher { Exact = exact } };
}
