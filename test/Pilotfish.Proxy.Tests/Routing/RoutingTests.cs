using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Type.Matcher.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Testing;
using Xunit;
using CidrMessage = global::Xds.Core.V3.CidrRange;

namespace Pilotfish.Proxy.Tests.Routing;

public sealed class RoutingTests
{
    public static TheoryData<string, RouteMatch, string, bool> Matches => new()
    {
        { "prefix", new RouteMatch { Prefix = "/a" }, "GET /ab HTTP/1.1\r\nHost: h\r\n\r\n", true },
        { "prefix is case-sensitive", new RouteMatch { Prefix = "/a" }, "GET /A HTTP/1.1\r\nHost: h\r\n\r\n", false },
        { "prefix ignoring case", new RouteMatch { Prefix = "/a", CaseSensitive = false }, "GET /A HTTP/1.1\r\nHost: h\r\n\r\n", true },
        { "path without query", new RouteMatch { Path = "/a" }, "GET /a?q HTTP/1.1\r\nHost: h\r\n\r\n", true },
        { "path is whole", new RouteMatch { Path = "/a" }, "GET /a/b HTTP/1.1\r\nHost: h\r\n\r\n", false },
        { "separated prefix", new RouteMatch { PathSeparatedPrefix = "/a" }, "GET /a/b HTTP/1.1\r\nHost: h\r\n\r\n", true },
        { "separated prefix ends", new RouteMatch { PathSeparatedPrefix = "/a" }, "GET /ab HTTP/1.1\r\nHost: h\r\n\r\n", false },
        { "regex is full match", new RouteMatch { SafeRegex = new RegexMatcher { Regex = "/a\\d+" } }, "GET /a12?x HTTP/1.1\r\nHost: h\r\n\r\n", true },
        { "regex not full", new RouteMatch { SafeRegex = new RegexMatcher { Regex = "/a" } }, "GET /a1 HTTP/1.1\r\nHost: h\r\n\r\n", false },
        { "header", With(new HeaderMatcher { Name = "X-V", StringMatch = new StringMatcher { Exact = "2" } }),
            "GET / HTTP/1.1\r\nHost: h\r\nx-v: 2\r\n\r\n", true },
        { "header absent, inverted", With(new HeaderMatcher { Name = "x-v", StringMatch = new StringMatcher { Exact = "2" }, InvertMatch = true }),
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n", false },
        { "header absent, inverted, empty", With(new HeaderMatcher
            { Name = "x-v", StringMatch = new StringMatcher { Exact = "2" }, InvertMatch = true, TreatMissingHeaderAsEmpty = true }),
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n", true },
        { "header values joined", With(new HeaderMatcher { Name = "x-v", StringMatch = new StringMatcher { Exact = "1,2" } }),
            "GET / HTTP/1.1\r\nHost: h\r\nx-v: 1\r\nx-v: 2\r\n\r\n", true },
        { "absence", With(new HeaderMatcher { Name = "x-v", PresentMatch = false }), "GET / HTTP/1.1\r\nHost: h\r\n\r\n", true },
        { "method", With(new HeaderMatcher { Name = ":method", StringMatch = new StringMatcher { Exact = "GET" } }),
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n", true },
        { "query", new RouteMatch { Prefix = "/", QueryParameters = { new QueryParameterMatcher { Name = "q", StringMatch = new StringMatcher { Exact = "1" } } } },
            "GET /?p&q=1 HTTP/1.1\r\nHost: h\r\n\r\n", true },
        { "cookie", Cookie(invert: false), "GET / HTTP/1.1\r\nHost: h\r\nCookie: b=2; a=\"1\"; a=3\r\n\r\n", true },
        { "cookie with another value", Cookie(invert: false), "GET / HTTP/1.1\r\nHost: h\r\nCookie: a=2\r\n\r\n", false },
        { "cookie absent", Cookie(invert: false), "GET / HTTP/1.1\r\nHost: h\r\nCookie: aa=1\r\n\r\n", false },
        { "cookie absent, inverted", Cookie(invert: true), "GET / HTTP/1.1\r\nHost: h\r\n\r\n", true },
        { "cookie inverted", Cookie(invert: true), "GET / HTTP/1.1\r\nHost: h\r\nCookie: a=1\r\n\r\n", false },
        { "filter state absent", State(new FilterStateMatcher { Key = "k", StringMatch = new StringMatcher { Prefix = "v" } }),
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n", false },
        { "grpc", new RouteMatch { Prefix = "/", Grpc = new RouteMatch.Types.GrpcRouteMatchOptions() },
            "GET / HTTP/1.1\r\nHost: h\r\nContent-Type: text/html\r\n\r\n", false },
    };

    [Theory]
    [MemberData(nameof(Matches))]
    public void Route_Match_DecidesByAllConditions(string label, RouteMatch match, string request, bool expected) => LoopRunner.Run(async loop =>
    {
        string head = await AnswerAsync(loop, request, new Route { Match = match, DirectResponse = new DirectResponseAction { Status = 201 } });
        Assert.True(head.StartsWith(expected ? "HTTP/1.1 201 " : "HTTP/1.1 404 ", StringComparison.Ordinal), label);
    });

    public static TheoryData<string, FilterStateMatcher, string, bool> States => new()
    {
        { "text", new FilterStateMatcher { Key = "k", StringMatch = new StringMatcher { Prefix = "v" } }, "v1", true },
        { "other text", new FilterStateMatcher { Key = "k", StringMatch = new StringMatcher { Exact = "v" } }, "v1", false },
        { "other key", new FilterStateMatcher { Key = "l", StringMatch = new StringMatcher { Prefix = "v" } }, "v1", false },
        { "address", new FilterStateMatcher { Key = "k", AddressMatch = Ranges() }, "10.1.2.3", true },
        { "address and port", new FilterStateMatcher { Key = "k", AddressMatch = Ranges() }, "10.1.2.3:80", true },
        { "other address", new FilterStateMatcher { Key = "k", AddressMatch = Ranges() }, "11.1.2.3", false },
        { "no address", new FilterStateMatcher { Key = "k", AddressMatch = Ranges() }, "v1", false },
    };

    [Theory]
    [MemberData(nameof(States))]
    public void Route_FilterState_IsComparedAsTextOrAddress(string label, FilterStateMatcher matcher, string state, bool expected) => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop) { OnConnection = info => info.EnsureFilterState().Set("k", new FilterStateText(state)) };
        bench.Serve(new RouteConfiguration
        {
            VirtualHosts = { new VirtualHost { Name = "all", Domains = { "*" }, Routes = { Direct(State(matcher), 201) } } },
        });
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        string head = await client.ReadHeadAsync();
        Assert.True(head.StartsWith(expected ? "HTTP/1.1 201 " : "HTTP/1.1 404 ", StringComparison.Ordinal), label);
    });

    [Theory]
    [InlineData("cookies[0].name")]
    [InlineData("cookies[1].string_match")]
    [InlineData("filter_state[0].key")]
    [InlineData("filter_state[1]")]
    [InlineData("filter_state[2].address_match.ranges[0].address_prefix")]
    public void Match_WithoutWhatItNeeds_IsRefusedByField(string field) => LoopRunner.Run(loop =>
    {
        RouteMatch match = Cookie(invert: false);
        switch (field[..^(field.Length - field.IndexOf(']', StringComparison.Ordinal) - 1)])
        {
            case "cookies[0]":
                match.Cookies[0].Name = "";
                break;
            case "cookies[1]":
                match.Cookies.Add(new CookieMatcher { Name = "b" });
                break;
            case "filter_state[0]":
                match.FilterState.Add(new FilterStateMatcher());
                break;
            case "filter_state[1]":
                match.FilterState.Add(new FilterStateMatcher { Key = "k", AddressMatch = Ranges() });
                match.FilterState.Add(new FilterStateMatcher { Key = "k" });
                break;
            default:
                match.FilterState.Add(new FilterStateMatcher { Key = "k", AddressMatch = Ranges() });
                match.FilterState.Add(match.FilterState[0]);
                match.FilterState.Add(new FilterStateMatcher { Key = "k", AddressMatch = Ranges() });
                match.FilterState[2].AddressMatch.Ranges[0].AddressPrefix = "x";
                break;
        }

        var bench = new ProxyBench(loop);
        ConfigRejectedException rejected = Assert.Throws<ConfigRejectedException>(() => bench.Serve(configureRoute: route => route.Match = match));
        Assert.Equal($"route_config.virtual_hosts[0].routes[0].match.{field}", rejected.Field);
        return Task.CompletedTask;
    });

    [Fact]
    public void Routes_Many_FirstInTheListWins() => LoopRunner.Run(async loop =>
    {
        var routes = new List<Route>();
        for (int i = 0; i < 20; i++)
        {
            routes.Add(Direct(new RouteMatch { Path = $"/p{i}" }, 200));
        }

        routes.Add(Direct(new RouteMatch { Prefix = "/late" }, 202));
        routes.Add(Direct(new RouteMatch { Path = "/late/exact" }, 203));
        routes.Insert(0, Direct(new RouteMatch { Prefix = "/p7" }, 201));
        Assert.StartsWith("HTTP/1.1 201 ", await AnswerAsync(loop, "GET /p7 HTTP/1.1\r\nHost: h\r\n\r\n", [.. routes]));
        Assert.StartsWith("HTTP/1.1 200 ", await AnswerAsync(loop, "GET /p8 HTTP/1.1\r\nHost: h\r\n\r\n", [.. routes]));
        Assert.StartsWith("HTTP/1.1 202 ", await AnswerAsync(loop, "GET /late/exact HTTP/1.1\r\nHost: h\r\n\r\n", [.. routes]));
    });

    [Fact]
    public void Redirect_Location_KeepsHostPathAndQuery() => LoopRunner.Run(async loop =>
    {
        string head = await AnswerAsync(loop, "GET /old/x?q=1 HTTP/1.1\r\nHost: h:80\r\n\r\n", new Route
        {
            Match = new RouteMatch { Prefix = "/old" },
            Redirect = new RedirectAction { HttpsRedirect = true, PrefixRewrite = "/new", ResponseCode = RedirectAction.Types.RedirectResponseCode.Found },
        });
        Assert.StartsWith("HTTP/1.1 302 Found\r\n", head);
        Assert.Contains("location: https://h/new/x?q=1\r\n", head);
    });

    [Fact]
    public void Forward_Rewrites_PathHostAndHeaders() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(configureRoute: static route =>
        {
            route.Match = new RouteMatch { Prefix = "/api" };
            route.Route_.PrefixRewrite = "/v1";
            route.Route_.HostRewriteLiteral = "inner";
            route.RequestHeadersToRemove.Add("x-gone");
            route.RequestHeadersToAdd.Add(new HeaderValueOption
            {
                Header = new HeaderValue { Key = "X-From", Value = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%" },
                AppendAction = HeaderValueOption.Types.HeaderAppendAction.OverwriteIfExistsOrAdd,
            });
            route.ResponseHeadersToAdd.Add(new HeaderValueOption { Header = new HeaderValue { Key = "x-added", Value = "1" } });
        });
        TestClient client = bench.Connect();
        await client.SendAsync("GET /api/x?y HTTP/1.1\r\nHost: outer\r\nX-Gone: 1\r\nX-From: me\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        string head = await server.ReadHeadAsync();
        Assert.StartsWith("GET /v1/x?y HTTP/1.1\r\nhost: inner\r\n", head);
        Assert.Contains("x-envoy-original-path: /api/x?y\r\n", head);
        Assert.Contains("x-envoy-original-host: outer\r\n", head);
        Assert.Contains("x-from: 10.0.0.9\r\n", head);
        Assert.DoesNotContain("x-gone", head);
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        Assert.Contains("x-added: 1\r\n", await client.ReadHeadAsync());
    });

    [Fact]
    public void WeightedClusters_ByHeader_AreDeterministic() => LoopRunner.Run(async loop =>
    {
        using var first = new TestUpstream(loop);
        using var second = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("one", first.Address);
        bench.AddCluster("two", second.Address);
        bench.Serve(configureRoute: static route => route.Route_ = new RouteAction
        {
            WeightedClusters = new WeightedCluster
            {
                HeaderName = "x-pick",
                Clusters =
                {
                    new WeightedCluster.Types.ClusterWeight { Name = "one", Weight = 90 },
                    new WeightedCluster.Types.ClusterWeight { Name = "two", Weight = 10 },
                },
            },
        });
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\nx-pick: 95\r\n\r\n");
        TestClient server = await second.AcceptAsync();
        await server.ReadHeadAsync();
    });

    [Fact]
    public void WeightedClusters_TooHeavy_AreRefused() => LoopRunner.Run(loop =>
    {
        ConfigRejectedException e = Assert.Throws<ConfigRejectedException>(() => new ProxyBench(loop).Serve(configureRoute: static route =>
            route.Route_ = new RouteAction
            {
                WeightedClusters = new WeightedCluster
                {
                    Clusters =
                    {
                        new WeightedCluster.Types.ClusterWeight { Name = "one", Weight = uint.MaxValue },
                        new WeightedCluster.Types.ClusterWeight { Name = "two", Weight = 1 },
                    },
                },
            }));
        Assert.Equal("route_config.virtual_hosts[0].routes[0].route.weighted_clusters", e.Field);
        return Task.CompletedTask;
    });

    [Fact]
    public void WeightedClusters_AskForTheRoutesSubsetToo() => LoopRunner.Run(loop =>
    {
        Metadata Of(params (string Key, string Value)[] pairs)
        {
            var fields = new Google.Protobuf.WellKnownTypes.Struct();
            foreach ((string key, string value) in pairs)
            {
                fields.Fields.Add(key, Google.Protobuf.WellKnownTypes.Value.ForString(value));
            }

            return new Metadata { FilterMetadata = { ["envoy.lb"] = fields } };
        }

        var bench = new ProxyBench(loop);
        RouteConfigModel model = new RouteConfigCompiler(bench.Context).Compile(new RouteConfiguration
        {
            VirtualHosts =
            {
                new VirtualHost
                {
                    Name = "all",
                    Domains = { "*" },
                    Routes =
                    {
                        new Route
                        {
                            Match = new RouteMatch { Prefix = "/" },
                            Route_ = new RouteAction
                            {
                                MetadataMatch = Of(("stage", "prod"), ("version", "1")),
                                WeightedClusters = new WeightedCluster
                                {
                                    Clusters = { new WeightedCluster.Types.ClusterWeight { Name = "one", Weight = 1, MetadataMatch = Of(("version", "2")) } },
                                },
                            },
                        },
                    },
                },
            },
        });
        Assert.Equal(
            [new("stage", "sprod"), new("version", "s2")], model.VirtualHosts[0].Routes[0].Forward!.WeightedClusters[0].Subset!.Pairs);
        return Task.CompletedTask;
    });

    [Fact]
    public void Config_VhdsWithoutASource_IsRefusedByName()
    {
        LoopRunner.Run(loop =>
        {
            var bench = new ProxyBench(loop);
            ConfigRejectedException rejected = Assert.Throws<ConfigRejectedException>(
                () => bench.Serve(new RouteConfiguration { Name = "r", Vhds = new Vhds() }));
            Assert.Equal("route_config.vhds.config_source", rejected.Field);
            return Task.CompletedTask;
        });
    }

    private static RouteMatch Cookie(bool invert) => new()
    {
        Prefix = "/",
        Cookies = { new CookieMatcher { Name = "a", StringMatch = new StringMatcher { Exact = "1" }, InvertMatch = invert } },
    };

    private static RouteMatch State(FilterStateMatcher matcher) => new() { Prefix = "/", FilterState = { matcher } };

    private static AddressMatcher Ranges() => new() { Ranges = { new CidrMessage { AddressPrefix = "10.0.0.0", PrefixLen = 8 } } };

    private static RouteMatch With(HeaderMatcher matcher) => new() { Prefix = "/", Headers = { matcher } };

    private static Route Direct(RouteMatch match, uint status) => new() { Match = match, DirectResponse = new DirectResponseAction { Status = status } };

    private static async Task<string> AnswerAsync(Runtime.Loops.EventLoop loop, string request, params Route[] routes)
    {
        var bench = new ProxyBench(loop);
        var host = new VirtualHost { Name = "all", Domains = { "*" } };
        host.Routes.AddRange(routes);
        bench.Serve(new RouteConfiguration { Name = "r", VirtualHosts = { host } });
        TestClient client = bench.Connect();
        await client.SendAsync(request);
        return await client.ReadHeadAsync();
    }
}
