using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Router.ClusterSpecifiers.Matcher.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Testing;
using static Pilotfish.Proxy.Tests.Matching.MatchMessages;

namespace Pilotfish.Proxy.Tests.Routing;

public sealed class ClusterSpecifierTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Matcher_NamesTheClusterOfARequest(bool isInline) => LoopRunner.Run(async loop =>
    {
        using var one = new TestUpstream(loop);
        using var two = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("one", one.Address);
        bench.AddCluster("two", two.Address);
        bench.Serve(Routes(isInline, Plugin()));
        TestClient client = bench.Connect();
        await client.SendAsync("GET /?env=b HTTP/1.1\r\nHost: h\r\n\r\n");
        TestClient server = await two.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 204 None\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 204 ", await client.ReadHeadAsync());
        Assert.Equal("via_upstream", bench.Logged[0].Details);

        await client.SendAsync("GET /?env=c HTTP/1.1\r\nHost: h\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
        Assert.Equal("cluster_not_found", bench.Logged[1].Details);
    });

    [Fact]
    public void UnknownPlugin_ThatIsOptional_NamesNoCluster() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(Routes(false, new ClusterSpecifierPlugin { Extension = Extension(new Empty()), IsOptional = true }));
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
    });

    public static TheoryData<string, RouteConfiguration, string> Wrong => new()
    {
        { "unknown", Routes(false, new ClusterSpecifierPlugin { Extension = Extension(new Empty()) }),
            "route_config.cluster_specifier_plugins[0].extension.typed_config: the cluster specifier plugin 'plugin' has type 'google.protobuf.Empty'" },
        { "no matcher", Routes(true, new ClusterSpecifierPlugin { Extension = Extension(new MatcherClusterSpecifier()) }),
            "routes[0].route.inline_cluster_specifier_plugin.extension.typed_config.cluster_matcher: it is not set" },
        { "no cluster", Routes(true, new ClusterSpecifierPlugin { Extension = Extension(new MatcherClusterSpecifier { ClusterMatcher = List(Act(new ClusterAction())) }) }),
            "cluster: it names no cluster" },
        { "twice", Routes(false, Plugin(), Plugin()), "cluster_specifier_plugins[1].extension.name: 'plugin' stands here twice" },
        { "not there", Routes(false), "routes[0].route.cluster_specifier_plugin: cluster_specifier_plugins has no 'plugin'" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Plugin_ThatIsWrong_IsRefusedByItsField(string label, RouteConfiguration routes, string problem) => LoopRunner.Run(loop =>
    {
        string message = Assert.Throws<ConfigRejectedException>(() => new ProxyBench(loop).Serve(routes)).Message;
        Assert.True(message.Contains(problem, StringComparison.Ordinal), label + ": " + message);
        return Task.CompletedTask;
    });

    private static ClusterSpecifierPlugin Plugin() => new()
    {
        Extension = Extension(new MatcherClusterSpecifier
        {
            ClusterMatcher = Map(new HttpRequestQueryParamMatchInput { QueryParam = "env" }, false, null,
                ("a", Act(new ClusterAction { Cluster = "one" })), ("b", Act(new ClusterAction { Cluster = "two" }))),
        }),
    };

    private static TypedExtensionConfig Extension(IMessage config) => new() { Name = "plugin", TypedConfig = Any.Pack(config) };

    private static RouteConfiguration Routes(bool isInline, params ClusterSpecifierPlugin[] plugins)
    {
        var action = new RouteAction { ClusterSpecifierPlugin = "plugin", Timeout = new Duration() };
        var config = new RouteConfiguration { Name = "r" };
        if (isInline)
        {
            action.InlineClusterSpecifierPlugin = plugins[0];
        }
        else
        {
            config.ClusterSpecifierPlugins.AddRange(plugins);
        }

        config.VirtualHosts.Add(new VirtualHost
        {
            Name = "all", Domains = { "*" }, Routes = { new Route { Match = new RouteMatch { Prefix = "/" }, Route_ = action } },
        });
        return config;
    }
}
