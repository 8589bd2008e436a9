using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Path.Match.UriTemplate.V3;
using Envoy.Extensions.Path.Rewrite.UriTemplate.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Routing;

/// <summary>What routes make of path and host on the way to the upstream.</summary>
public sealed class RewriteTests
{
    private const string Request = "GET /videos/en/7;v=1?q=2#f HTTP/1.1\r\nHost: outer\r\nx-part: one\r\n\r\n";

    [Fact]
    public void PathTemplate_RewritesByItsVariables_AndKeepsTheQuery() => LoopRunner.Run(async loop =>
    {
        string head = await ForwardAsync(loop, static route =>
        {
            route.Match = Template("/videos/{lang}/{file=*}");
            Assert.Equal(RouteMatch.PathSpecifierOneofCase.PathMatchPolicy, route.Match.PathSpecifierCase);
            route.Route_.PathRewritePolicy = TemplateRewrite("/{file}/{lang}");
        }, Request.Replace(";v=1", "", StringComparison.Ordinal).Replace("#f", "", StringComparison.Ordinal));
        Assert.StartsWith("GET /7/en?q=2 HTTP/1.1\r\n", head);
        Assert.Contains("x-envoy-original-path: /videos/en/7?q=2\r\n", head);
    });

    [Theory]
    [InlineData("/new/%REQ(x-part)%", "/new/one?q=2")]
    [InlineData("/new%REQ(x-missing)%", "/new?q=2")]
    [InlineData("%REQ(x-missing)%", "/videos/en/7;v=1?q=2")]
    public void PathRewrite_IsAFormat_EmptyOnesChangeNothing(string format, string path) => LoopRunner.Run(async loop =>
    {
        string head = await ForwardAsync(loop, route => route.Route_.PathRewrite = format, Request.Replace("#f", "", StringComparison.Ordinal));
        Assert.StartsWith($"GET {path} HTTP/1.1\r\n", head);
        Assert.Equal(format[0] == '/', head.Contains("x-envoy-original-path", StringComparison.Ordinal));
    });

    [Theory]
    [InlineData("prefix-%REQ(x-part)%", "prefix-one")]
    [InlineData("prefix-%REQ(x-missing)%", "prefix-")]
    [InlineData("%REQ(x-missing)%", "outer")]
    public void HostRewrite_IsAFormat_EmptyOnesChangeNothing(string format, string host) => LoopRunner.Run(async loop =>
    {
        string head = await ForwardAsync(loop, route => route.Route_.HostRewrite = format, Request.Replace("#f", "", StringComparison.Ordinal));
        Assert.Contains($"\r\nhost: {host}\r\n", head);
        Assert.Equal(host != "outer", head.Contains("x-envoy-original-host: outer\r\n", StringComparison.Ordinal));
    });

    [Fact]
    public void HostRewrite_ComesBeforeThePath() => LoopRunner.Run(async loop =>
    {
        string head = await ForwardAsync(loop, static route =>
        {
            route.Route_.HostRewritePathRegex = new RegexMatchAndSubstitute
            {
                Pattern = new RegexMatcher { Regex = "^/videos/([^/]+)/.*$" }, Substitution = "\\1.example",
            };
            route.Route_.PathRewrite = "/at/%REQ(:authority)%";
        }, Request.Replace("#f", "", StringComparison.Ordinal));
        Assert.StartsWith("GET /at/en.example?q=2 HTTP/1.1\r\nhost: en.example\r\n", head);
    });

    // What rules took off CONNECT's target is the upstream's, unless the route names another host: to that it would not belong.
    [Theory]
    [InlineData("", "CONNECT a:80 HTTP/1.1")]
    [InlineData("inner", "CONNECT inner HTTP/1.1")]
    public void Connect_KeepsItsPort_WhereItKeepsItsHost(string rewrite, string line) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(
            static hcm =>
            {
                hcm.StripAnyHostPort = true;
                hcm.UpgradeConfigs.Add(new Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types.UpgradeConfig { UpgradeType = "CONNECT" });
            },
            route =>
            {
                route.Match = new RouteMatch { ConnectMatcher = new RouteMatch.Types.ConnectMatcher() };
                if (rewrite.Length > 0)
                {
                    route.Route_.HostRewriteLiteral = rewrite;
                }
            });
        await bench.Connect().SendAsync("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n");
        Assert.StartsWith(line + "\r\n", await (await upstream.AcceptAsync()).ReadHeadAsync());
    });

    [Fact]
    public void Rewrite_ToTheSame_StillTellsTheOriginal() => LoopRunner.Run(async loop =>
    {
        string head = await ForwardAsync(loop, static route =>
        {
            route.Match = new RouteMatch { Prefix = "/videos" };
            route.Route_.PrefixRewrite = "/videos";
            route.Route_.HostRewriteLiteral = "outer";
            route.Route_.AppendXForwardedHost = true;
        }, "GET /videos/1 HTTP/1.1\r\nHost: outer\r\nX-Forwarded-Host: first, outer\r\nX-Envoy-Original-Host: forged\r\n\r\n");
        Assert.Contains("x-envoy-original-path: /videos/1\r\n", head);
        Assert.Contains("x-envoy-original-host: outer\r\n", head);
        Assert.Contains("x-forwarded-host: first, outer\r\n", head);
    });

    [Fact]
    public void WeightedClusterHost_IsTheBaseOfTheRoutesRewrite() => LoopRunner.Run(async loop =>
    {
        string head = await ForwardAsync(loop, static route => Weigh(route), "GET / HTTP/1.1\r\nHost: outer\r\n\r\n");
        Assert.Contains("\r\nhost: inner\r\n", head);
        Assert.DoesNotContain("x-envoy-original-host", head);
        head = await ForwardAsync(loop, static route =>
        {
            Weigh(route);
            route.Route_.HostRewriteLiteral = "routes";
        }, "GET / HTTP/1.1\r\nHost: outer\r\n\r\n");
        Assert.Contains("\r\nhost: routes\r\n", head);
        Assert.Contains("x-envoy-original-host: inner\r\n", head);
    });

    public static TheoryData<string, Action<Route>, string> Refused => new()
    {
        { "two path rewrites", static route => (route.Route_.PrefixRewrite, route.Route_.PathRewrite) = ("/a", "/b"), "only one of" },
        { "prefix beside a template", static route => (route.Match, route.Route_.PrefixRewrite) = (Template("/{a}"), "/b"), "route.prefix_rewrite" },
        { "template rewrite without template", static route => route.Route_.PathRewritePolicy = TemplateRewrite("/{a}"), "path_rewrite_policy.typed_config" },
        { "variable that is not there", static route => (route.Match, route.Route_.PathRewritePolicy) = (Template("/{a}"), TemplateRewrite("/{b}")), "no variable 'b'" },
        { "bad template", static route => route.Match = Template("/{a"), "match.path_match_policy.typed_config.path_template" },
        { "bad format of a path", static route => route.Route_.PathRewrite = "/%NOTHING%", "route.path_rewrite" },
        { "bad format of a host", static route => route.Route_.HostRewrite = "%REQ%", "route.host_rewrite" },
        { "unknown rewriter", static route => route.Route_.PathRewritePolicy = new TypedExtensionConfig { Name = "own", TypedConfig = Any.Pack(new Empty()) },
            "'own' has type 'google.protobuf.Empty'" },
        { "unknown matcher", static route => route.Match = new RouteMatch { PathMatchPolicy = new TypedExtensionConfig { Name = "own", TypedConfig = Any.Pack(new Empty()) } },
            "'own' has type 'google.protobuf.Empty'" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void Rewrite_ThatCannotBe_IsRefusedByField(string label, Action<Route> configure, string expected) => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        Assert.True(Assert.Throws<ConfigRejectedException>(() => bench.Serve(configureRoute: configure))
            .Message.Contains(expected, StringComparison.Ordinal), label);
        return Task.CompletedTask;
    });

    private static void Weigh(Route route) => route.Route_.WeightedClusters = new WeightedCluster
    {
        Clusters = { new WeightedCluster.Types.ClusterWeight { Name = "backend", Weight = 1, HostRewriteLiteral = "inner" } },
    };

    private static RouteMatch Template(string template) => new()
    {
        PathMatchPolicy = Extension("envoy.path.match.uri_template.uri_template_matcher", new UriTemplateMatchConfig { PathTemplate = template }),
    };

    private static TypedExtensionConfig TemplateRewrite(string rewrite) =>
        Extension("envoy.path.rewrite.uri_template.uri_template_rewriter", new UriTemplateRewriteConfig { PathTemplateRewrite = rewrite });

    private static TypedExtensionConfig Extension(string name, IMessage config) => new() { Name = name, TypedConfig = Any.Pack(config) };

    private static async Task<string> ForwardAsync(EventLoop loop, Action<Route> configure, string request)
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(configureRoute: configure);
        TestClient client = bench.Connect();
        await client.SendAsync(request);
        return await (await upstream.AcceptAsync()).ReadHeadAsync();
    }
}
