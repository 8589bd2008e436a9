using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Type.Matcher.V3;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Routing;

/// <summary>What of a request's target each part of a match looks at.</summary>
public sealed class MatchedPathTests
{
    public static TheoryData<string, RouteMatch, string, bool, bool> Targets => new()
    {
        { "a prefix does not reach into the query", new RouteMatch { Prefix = "/a?q" }, "GET /a?q=1", false, false },
        { "a prefix of the query's path", new RouteMatch { Prefix = "/a" }, "GET /a?q=1", false, true },
        { "a separated prefix before a query", new RouteMatch { PathSeparatedPrefix = "/a" }, "GET /a?/b", false, true },
        { "a separated prefix ignores case", new RouteMatch { PathSeparatedPrefix = "/a", CaseSensitive = false }, "GET /A/b", false, true },
        { "a path ignores case", new RouteMatch { Path = "/a", CaseSensitive = false }, "GET /A", false, true },
        { "a path heeds case", new RouteMatch { Path = "/a" }, "GET /A", false, false },
        { "an expression heeds case whatever is said", new RouteMatch { SafeRegex = Regex("/a"), CaseSensitive = false }, "GET /A", false, false },
        { "an expression does not see the query", new RouteMatch { SafeRegex = Regex("/a.*1") }, "GET /a?q=1", false, false },
        { "the first value of a parameter", Query("q", new StringMatcher { Exact = "1" }), "GET /a?q=1&q=2", false, true },
        { "not the second value of a parameter", Query("q", new StringMatcher { Exact = "2" }), "GET /a?q=1&q=2", false, false },
        { "a parameter by presence", Query("q", null), "GET /a?q", false, true },
        { "a parameter that is not there", Query("q", null), "GET /a?qq=1", false, false },
        { "parameters of the path leave the query", Query("q", new StringMatcher { Exact = "1" }), "GET /a;v=1?q=1", true, true },
        { "a semicolon in the query", Query("q", new StringMatcher { Exact = "1;2" }), "GET /a?q=1;2", true, true },
        { "CONNECT has no path that a prefix could match", new RouteMatch { Prefix = "" }, "CONNECT h:80", false, false },
        { "CONNECT has no path that an expression could match", new RouteMatch { SafeRegex = Regex(".*") }, "CONNECT h:80", false, false },
        { "CONNECT by its own matcher", new RouteMatch { ConnectMatcher = new RouteMatch.Types.ConnectMatcher() }, "CONNECT h:80", false, true },
        { "CONNECT's matcher takes nothing else", new RouteMatch { ConnectMatcher = new RouteMatch.Types.ConnectMatcher() }, "GET /a", false, false },
    };

    [Theory]
    [MemberData(nameof(Targets))]
    public void Match_SeesItsPartOfTheTarget(string label, RouteMatch match, string target, bool ignoresParameters, bool expected) => LoopRunner.Run(async loop =>
    {
        // Once walked, once by the index of many routes.
        foreach (int others in (int[])[0, 20])
        {
            var host = new VirtualHost { Name = "all", Domains = { "*" } };
            for (int i = 0; i < others; i++)
            {
                host.Routes.Add(Direct(new RouteMatch { Prefix = $"/other{i}" }, 203));
            }

            host.Routes.Add(Direct(match, 201));
            var bench = new ProxyBench(loop);
            bench.Serve(
                new RouteConfiguration { VirtualHosts = { host }, IgnorePathParametersInPathMatching = ignoresParameters },
                static (HttpConnectionManager hcm) => hcm.UpgradeConfigs.Add(new HttpConnectionManager.Types.UpgradeConfig { UpgradeType = "CONNECT" }));
            TestClient client = bench.Connect();
            await client.SendAsync($"{target} HTTP/1.1\r\nHost: h\r\n\r\n");
            string head = await client.ReadHeadAsync();
            Assert.True(head.StartsWith(expected ? "HTTP/1.1 201 " : "HTTP/1.1 404 ", StringComparison.Ordinal), $"{label} beside {others}: {head}");
        }
    });

    private static RouteMatch Query(string name, StringMatcher? text) => new()
    {
        Prefix = "/",
        QueryParameters = { text is null ? new QueryParameterMatcher { Name = name, PresentMatch = true } : new QueryParameterMatcher { Name = name, StringMatch = text } },
    };

    private static RegexMatcher Regex(string pattern) => new() { Regex = pattern };

    private static Route Direct(RouteMatch match, uint status) => new() { Match = match, DirectResponse = new DirectResponseAction { Status = status } };
}
