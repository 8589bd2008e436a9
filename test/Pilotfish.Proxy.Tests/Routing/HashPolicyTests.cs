using System.IO.Hashing;
using System.Numerics;
using Envoy.Config.Route.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tests.AccessLogs;
using Pilotfish.Runtime.Sockets;
using Xunit;
using HashPolicy = Envoy.Config.Route.V3.RouteAction.Types.HashPolicy;

namespace Pilotfish.Proxy.Tests.Routing;

public sealed class HashPolicyTests
{
    [Fact]
    public void Header_SameValue_SameHash_OtherValue_OtherHash()
    {
        HashPolicy policy = Header("x-user");
        ulong? a = Hash([policy], ("x-user", "a"));
        Assert.NotNull(a);
        Assert.Equal(a, Hash([policy], ("x-user", "a"), ("x-other", "b")));
        Assert.NotEqual(a, Hash([policy], ("x-user", "b")));
        Assert.Null(Hash([policy], ("x-other", "a")));
    }

    [Fact]
    public void Header_Rewritten_HashesTheResult()
    {
        HashPolicy policy = Header("x-user");
        policy.Header.RegexRewrite = new Envoy.Type.Matcher.V3.RegexMatchAndSubstitute
        {
            Pattern = new Envoy.Type.Matcher.V3.RegexMatcher { Regex = "-.*" },
            Substitution = "",
        };
        Assert.Equal(Hash([Header("x-user")], ("x-user", "a")), Hash([policy], ("x-user", "a-7")));
    }

    [Fact]
    public void Query_ByName_IsHashed()
    {
        HashPolicy policy = new() { QueryParameter = new HashPolicy.Types.QueryParameter { Name = "k" } };
        Assert.Equal(Hash([policy], (":path", "/a?k=1")), Hash([policy], (":path", "/b?x=2&k=1")));
        Assert.NotEqual(Hash([policy], (":path", "/a?k=1")), Hash([policy], (":path", "/a?k=2")));
        Assert.Null(Hash([policy], (":path", "/a?kk=1")));
    }

    [Fact]
    public void SourceIp_IgnoresThePort()
    {
        HashPolicy policy = new() { ConnectionProperties = new HashPolicy.Types.ConnectionProperties { SourceIp = true } };
        HashPolicyModel model = HashPolicyModel.Compile([policy], "hash_policy")!;
        ulong? first = model.Compute(new HeaderMap(), From("10.0.0.1:1"), out _);
        Assert.NotNull(first);
        Assert.Equal(first, model.Compute(new HeaderMap(), From("10.0.0.1:2"), out _));
        Assert.NotEqual(first, model.Compute(new HeaderMap(), From("10.0.0.2:1"), out _));
    }

    [Fact]
    public void ConnectionProperties_WithoutSourceIp_HashNothing()
    {
        HashPolicy policy = new() { ConnectionProperties = new HashPolicy.Types.ConnectionProperties() };
        Assert.Null(HashPolicyModel.Compile([policy], "hash_policy")!.Compute(new HeaderMap(), From("10.0.0.1:1"), out _));
    }

    [Fact]
    public void Cookie_Absent_IsMadeOnceAndThenHashesAlike()
    {
        HashPolicy policy = new()
        {
            Cookie = new HashPolicy.Types.Cookie { Name = "pin", Ttl = Duration.FromTimeSpan(TimeSpan.FromMinutes(1)), Path = "/" },
        };
        HashPolicyModel model = HashPolicyModel.Compile([policy], "hash_policy")!;
        ulong? made = model.Compute(new HeaderMap(), From("10.0.0.1:1"), out string[]? setCookies);
        Assert.NotNull(made);
        string setCookie = Assert.Single(setCookies!);
        Assert.Matches("^pin=\"[0-9a-f]{16}\"; Max-Age=60; Path=/; HttpOnly$", setCookie);
        string value = setCookie.Split('"')[1];
        Assert.Equal(made, model.Compute(StreamSample.Headers(("cookie", $"x=1; pin={value}")), From("10.0.0.1:9"), out string[]? again));
        Assert.Null(again);
    }

    [Fact]
    public void Cookie_WithoutTtl_IsNeverMade()
    {
        HashPolicy policy = new() { Cookie = new HashPolicy.Types.Cookie { Name = "pin" } };
        Assert.Null(HashPolicyModel.Compile([policy], "hash_policy")!.Compute(new HeaderMap(), From("10.0.0.1:1"), out string[]? made));
        Assert.Null(made);
    }

    [Fact]
    public void Terminal_WithAValue_EndsTheList()
    {
        HashPolicy first = Header("a");
        first.Terminal = true;
        ulong? alone = Hash([first], ("a", "1"));
        Assert.Equal(alone, Hash([first, Header("b")], ("a", "1"), ("b", "2")));
        Assert.Equal(Hash([Header("b")], ("b", "2")), Hash([first, Header("b")], ("b", "2")));
    }

    [Fact]
    public void Two_WithoutTerminal_AreMixedInOrder() => Assert.NotEqual(
        Hash([Header("a"), Header("b")], ("a", "1"), ("b", "2")),
        Hash([Header("b"), Header("a")], ("a", "1"), ("b", "2")));

    // The figures are xxHash64's of these texts: peers that share a ring must agree.
    [Theory]
    [InlineData("a", 0xD24EC4F1A98C6E5B)]
    [InlineData("", 0xEF46DB3751D8E999)]
    public void Header_IsHashedByXxHash64(string value, ulong hash) => Assert.Equal(hash, Hash([Header("x-user")], ("x-user", value)));

    [Fact]
    public void Header_Repeated_HashesAllValuesInAnyOrder()
    {
        ulong? both = Hash([Header("x-user")], ("x-user", "b"), ("x-user", "a"));
        Assert.Equal(XxHash64.HashToUInt64("b"u8, (long)XxHash64.HashToUInt64("a"u8)), both);
        Assert.Equal(both, Hash([Header("x-user")], ("x-user", "a"), ("x-user", "b")));
    }

    [Fact]
    public void Two_AreMixedByRotationAndXor()
    {
        ulong a = Hash([Header("a")], ("a", "1"))!.Value;
        ulong b = Hash([Header("b")], ("b", "2"))!.Value;
        Assert.Equal(BitOperations.RotateLeft(a, 1) ^ b, Hash([Header("a"), Header("b")], ("a", "1"), ("b", "2")));
    }

    [Fact]
    public void SourceIp_IsThatOfTheClientBehindProxies()
    {
        HashPolicy policy = new() { ConnectionProperties = new HashPolicy.Types.ConnectionProperties { SourceIp = true } };
        HashPolicyModel model = HashPolicyModel.Compile([policy], "hash_policy")!;
        StreamInfo info = From("10.0.0.1:1");
        info.ClientAddress = NetAddress.Parse("192.0.2.7:0");
        Assert.Equal(XxHash64.HashToUInt64("192.0.2.7"u8), model.Compute(new HeaderMap(), info, out _));
    }

    [Fact]
    public void FilterState_IsHashedByItsObject()
    {
        HashPolicy policy = new() { FilterState = new HashPolicy.Types.FilterState { Key = "k" } };
        HashPolicyModel model = HashPolicyModel.Compile([policy], "hash_policy")!;
        StreamInfo info = From("10.0.0.1:1");
        Assert.Null(model.Compute(new HeaderMap(), info, out _));
        var state = new FilterStateText("v", keysPool: true);
        info.EnsureFilterState().Set("k", state);
        Assert.NotNull(state.PoolKeyHash);
        Assert.Equal(state.PoolKeyHash, model.Compute(new HeaderMap(), info, out _));
    }

    // Both are as if the entry were not there, so its being terminal says nothing either.
    [Fact]
    public void ConnectionProperties_WithoutSourceIp_EndNoList()
    {
        HashPolicy nothing = new() { ConnectionProperties = new HashPolicy.Types.ConnectionProperties(), Terminal = true };
        Assert.Equal(
            Hash([Header("a"), Header("b")], ("a", "1"), ("b", "2")),
            Hash([Header("a"), nothing, Header("b")], ("a", "1"), ("b", "2")));
    }

    [Theory]
    [InlineData("pin=; x=1", true)]
    [InlineData("pin=\"\"", true)]
    [InlineData("pin=1", false)]
    public void Cookie_Empty_CountsAsAbsent(string cookies, bool made)
    {
        HashPolicy policy = new() { Cookie = new HashPolicy.Types.Cookie { Name = "pin", Ttl = new Duration() } };
        HashPolicyModel model = HashPolicyModel.Compile([policy], "hash_policy")!;
        Assert.NotNull(model.Compute(StreamSample.Headers(("cookie", cookies)), From("10.0.0.1:1"), out string[]? setCookies));
        Assert.Equal(made, setCookies is not null);
        policy.Cookie.Ttl = null;
        model = HashPolicyModel.Compile([policy], "hash_policy")!;
        Assert.Equal(!made, model.Compute(StreamSample.Headers(("cookie", cookies)), From("10.0.0.1:1"), out _) is not null);
    }

    [Fact]
    public void Cookies_OfSeveralPolicies_AreAllMade_WithTheirAttributes()
    {
        HashPolicy first = new() { Cookie = new HashPolicy.Types.Cookie { Name = "one", Ttl = new Duration() } };
        HashPolicy second = new()
        {
            Cookie = new HashPolicy.Types.Cookie
            {
                Name = "two",
                Ttl = new Duration { Seconds = 7, Nanos = 900_000_000 },
                Path = "/p",
                Attributes =
                {
                    new HashPolicy.Types.CookieAttribute { Name = "SameSite", Value = "Strict" },
                    new HashPolicy.Types.CookieAttribute { Name = "Secure" },
                },
            },
        };
        HashPolicyModel.Compile([first, second], "hash_policy")!.Compute(new HeaderMap(), From("10.0.0.1:1"), out string[]? made);
        string value = XxHash64.HashToUInt64("10.0.0.1:110.0.0.9:80"u8).ToString("x16", System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal([$"one=\"{value}\"; HttpOnly", $"two=\"{value}\"; Max-Age=7; Path=/p; SameSite=Strict; Secure; HttpOnly"], made!);
    }

    [Fact]
    public void Policy_WithoutKind_IsRejectedByPlace() =>
        Assert.StartsWith("hash_policy[0]: ", Assert.Throws<ConfigRejectedException>(() => HashPolicyModel.Compile([new HashPolicy()], "hash_policy")).Message);

    private static HashPolicy Header(string name) => new() { Header = new HashPolicy.Types.Header { HeaderName = name } };

    private static ulong? Hash(HashPolicy[] policies, params (string, string)[] headers) =>
        HashPolicyModel.Compile(policies, "hash_policy")!.Compute(StreamSample.Headers(headers), From("10.0.0.1:1"), out _);

    private static StreamInfo From(string remote)
    {
        StreamInfo info = new();
        info.Start(new ConnectionInfo { RemoteAddress = NetAddress.Parse(remote), LocalAddress = NetAddress.Parse("10.0.0.9:80") }, default, 0);
        return info;
    }
}
