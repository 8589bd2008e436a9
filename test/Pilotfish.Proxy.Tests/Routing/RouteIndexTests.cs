using CsCheck;
using Envoy.Config.Route.V3;
using Envoy.Type.Matcher.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Streams;
using Xunit;

namespace Pilotfish.Proxy.Tests.Routing;

public sealed class RouteIndexTests
{
    // Few letters, so that prefixes of prefixes, equal ones and near misses are common.
    private static readonly Gen<string> s_path = Gen.Char["ab/?"].Array[0, 6].Select(static tail => "/" + new string(tail));

    private static readonly Gen<RouteMatch> s_match = Gen.Select(Gen.Int[0, 6], s_path, Gen.Bool, static (kind, path, withHeader) =>
    {
        string plain = path.Replace("?", "", StringComparison.Ordinal);
        RouteMatch match = kind switch
        {
            0 => new RouteMatch { Path = plain },
            1 => new RouteMatch { PathSeparatedPrefix = plain.TrimEnd('/') is { Length: > 0 } separated ? separated : "/a" },
            2 => new RouteMatch { SafeRegex = new RegexMatcher { Regex = plain + "[ab]*" } },
            3 => new RouteMatch { SafeRegex = new RegexMatcher { Regex = plain + "?(a|b/)*" } },
            4 => new RouteMatch { Prefix = path.ToUpperInvariant(), CaseSensitive = false },
            5 => new RouteMatch { Prefix = "" },
            _ => new RouteMatch { Prefix = path },
        };
        if (withHeader)
        {
            match.Headers.Add(new HeaderMatcher { Name = "x-v", StringMatch = new StringMatcher { Exact = "1" } });
        }

        return match;
    });

    [Fact]
    public void Find_AnyRoutes_IsTheFirstThatAWalkFinds() => Gen.Select(s_match.Array[8, 40], s_path, Gen.Bool).Sample(
        static (matches, path, withHeader) =>
        {
            RouteModel[] routes = Routes(matches);
            RouteModel? expected = Find(null, routes, path, withHeader);
            Assert.Same(expected, Find(RouteIndex.Of(routes), routes, path, withHeader));
        });

    [Theory]
    [InlineData("/p999/x", "999")]
    [InlineData("/p9/x", "9")]
    [InlineData("/p", "1000")]
    [InlineData("/q", "1000")]
    [InlineData("*", null)]
    public void Find_AmongAThousandPrefixes_IsTheOneOfThePath(string path, string? name)
    {
        var matches = new RouteMatch[1001];
        for (int i = 0; i < 1000; i++)
        {
            matches[i] = new RouteMatch { Prefix = $"/p{i}/" };
        }

        matches[1000] = new RouteMatch { Prefix = "/" };
        RouteModel[] routes = Routes(matches);
        Assert.Equal(name, Find(RouteIndex.Of(routes), routes, path, withHeader: false)?.Name);
    }

    [Theory]
    [InlineData("/api/v1/.*", "/api/v1/")]
    [InlineData("/api/v[0-9]+", "/api/v")]
    [InlineData("^/api/x$", "/api/x")]
    [InlineData("/a+", "/")]
    [InlineData("/ab?c", "/a")]
    [InlineData("/ab{0,2}", "/a")]
    [InlineData("/a.b", "/a")]
    [InlineData("/a\\.b", "/a")]
    [InlineData("/a/(b|c)", "/a/")]
    [InlineData("/a/(?:b|c)/d", "/a/")]
    [InlineData("/a|/b", "")]
    [InlineData("/a/(b)|/c", "")]
    [InlineData("/a/[(]|/b", "")]
    [InlineData("/a/\\(|/b", "")]
    [InlineData("(?i)/a", "")]
    [InlineData("", "")]
    [InlineData("*", "")]
    public void RegexPrefix_OfPattern_IsWhatEveryMatchBeginsWith(string pattern, string prefix) =>
        Assert.Equal(prefix, RegexPrefix.Of(pattern));

    private static RouteModel[] Routes(RouteMatch[] matches)
    {
        var routes = new RouteModel[matches.Length];
        for (int i = 0; i < matches.Length; i++)
        {
            routes[i] = new RouteModel(
                new RouteSettings
                {
                    Name = $"{i}",
                    Matcher = new RouteMatcher(matches[i], "match", new RuntimeValues()),
                    ExactPath = matches[i].PathSpecifierCase == RouteMatch.PathSpecifierOneofCase.Path ? matches[i].Path : null,
                    Act = RouteAct.DirectResponse,
                },
                forward: null,
                decoratedHost: null);
        }

        return routes;
    }

    private static RouteModel? Find(RouteIndex? index, RouteModel[] routes, string path, bool withHeader)
    {
        var headers = new HeaderMap();
        headers.Set(WellKnownHeader.Method, "GET"u8);
        headers.Set(WellKnownHeader.Path, System.Text.Encoding.ASCII.GetBytes(path));
        if (withHeader)
        {
            headers.Set("x-v"u8, "1"u8);
        }

        return RouteIndex.Find(index, routes, ignoresParameters: false, headers, new StreamInfo(), random: 0);
    }
}
