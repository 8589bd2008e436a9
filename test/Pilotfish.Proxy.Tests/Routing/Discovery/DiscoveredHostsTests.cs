using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Testing;
using static Pilotfish.Proxy.Tests.Routing.Discovery.VhdsScene;

namespace Pilotfish.Proxy.Tests.Routing.Discovery;

/// <summary>RouteConfiguration.vhds: virtual hosts that come by themselves, merged, changed, removed and refused.</summary>
public sealed class DiscoveredHostsTests
{
    [Fact]
    public void Hosts_AreMergedWithThoseOfTheConfiguration_AndChangeAndGo() => LoopRunner.Run(async loop =>
    {
        var scene = new VhdsScene(loop);
        scene.Begin($"virtual_hosts: [{HostYaml("own", "own.com", "own")}]");
        TestClient client = scene.Bench.Connect();
        Assert.Empty(scene.Hosts.Send(Resource(Host("r/a.com", "a.com, '*.a.com'", "a")), Resource(Host("r/b.com", "b.com", "b"))));
        Assert.Equal(
            ("own", "a", "a", "b"),
            (await AskAsync(client, "own.com"), await AskAsync(client, "A.com"), await AskAsync(client, "x.a.com"), await AskAsync(client, "b.com")));

        Assert.Empty(scene.Hosts.Send(Resource(Host("r/a.com", "a.com", "changed"))));
        Assert.Equal(("changed", "b"), (await AskAsync(client, "a.com"), await AskAsync(client, "b.com")));

        Assert.Empty(scene.Hosts.Send([], "r/a.com", "r/never.was"));
        Assert.Equal(("own", "b"), (await AskAsync(client, "own.com"), await AskAsync(client, "b.com")));
        scene.Hosts.Send(Nothing("r/a.com"));
        Assert.Equal(3, scene.Bench.Counter("http.test.vhds.r.config_reload"));
        Assert.Equal(3, scene.Bench.Counter("http.test.vhds.r.update_success"));
        Assert.Equal(1, scene.Bench.Counter("http.test.vhds.r.update_attempt"));
    });

    [Fact]
    public void Routes_ThatChange_KeepTheHosts_AndTheSubscription() => LoopRunner.Run(async loop =>
    {
        var scene = new VhdsScene(loop);
        scene.Begin($"virtual_hosts: [{HostYaml("own", "own.com", "own")}]");
        scene.Hosts.Send(Resource(Host("r/a.com", "a.com", "a")));
        scene.PushRoutes($"virtual_hosts: [{HostYaml("own", "own.com", "new")}]");
        TestClient client = scene.Bench.Connect();
        Assert.Equal(("new", "a"), (await AskAsync(client, "own.com"), await AskAsync(client, "a.com")));
        Assert.Single(scene.Bench.Subscriptions.Demands);
    });

    [Fact]
    public void Vhds_ThatGoesAndComesBack_EndsTheSubscription_AndBeginsAnother() => LoopRunner.Run(async loop =>
    {
        var scene = new VhdsScene(loop);
        scene.PushRoutes($"virtual_hosts: [{HostYaml("own", "own.com", "own")}]", "");
        Assert.True(scene.Bench.Warming.IsReady);
        TestClient client = scene.Bench.Connect();
        Assert.Equal("own", await AskAsync(client, "own.com"));

        // The former routes do not wait for hosts that come with the new ones.
        scene.PushRoutes($"virtual_hosts: [{HostYaml("own", "own.com", "still")}]");
        Assert.Equal("still", await AskAsync(client, "own.com"));
        scene.Hosts.Send(Resource(Host("r/a.com", "a.com", "a")));
        Assert.Equal("a", await AskAsync(client, "a.com"));

        scene.PushRoutes($"virtual_hosts: [{HostYaml("own", "own.com", "own")}]", "");
        Assert.Equal(("own", "404"), (await AskAsync(client, "own.com"), await AskAsync(client, "a.com")));

        Assert.Equal((1, 0), (scene.Bench.Subscriptions.Ended, scene.Bench.Context.VirtualHosts.Count));

        // The control plane is asked anew, and sends them again.
        scene.PushRoutes();
        ScriptedNames again = scene.Bench.Subscriptions.Demands[1];
        Assert.Empty(again.Send(Resource(Host("r/a.com", "a.com", "again"))));
        Assert.Equal("again", await AskAsync(client, "a.com"));
        Assert.Equal((1, 1), (scene.Bench.Subscriptions.Ended, scene.Bench.Context.VirtualHosts.Count));
    });

    [Fact]
    public void Source_OfRoutesThatAreRefused_IsNotKept() => LoopRunner.Run(loop =>
    {
        var scene = new VhdsScene(loop);
        Assert.Throws<ConfigRejectedException>(() => scene.PushRoutes("virtual_hosts: [{name: v}]"));
        Assert.Equal((1, 0), (scene.Bench.Subscriptions.Ended, scene.Bench.Context.VirtualHosts.Count));
        return Task.CompletedTask;
    });

    [Fact]
    public void Hosts_ThatCameBeforeTheirRoutes_AreTheirs() => LoopRunner.Run(async loop =>
    {
        var scene = new VhdsScene(loop);
        scene.Begin();
        Assert.Empty(scene.Hosts.Send(Resource(Host("other/a.com", "a.com", "of other")), Resource(Host("r/a.com", "a.com", "a"))));
        Assert.Equal("a", await scene.AskAsync("a.com"));
        scene.Bench.Serve(hcm => hcm.Rds = new() { RouteConfigName = "other", ConfigSource = new ConfigSource { Ads = new() } });
        scene.Bench.Subscriptions.Push("other", Messages.Parse<RouteConfiguration>($"{{name: other, {FromAds}}}"));
        Assert.True(scene.Bench.Warming.IsReady);
        Assert.Equal("of other", await scene.AskAsync("a.com"));
        Assert.Single(scene.Bench.Subscriptions.Demands);
    });

    [Theory]
    [InlineData("{name: r/x, domains: [a.com]}", "domains[0]: domain 'a.com' is that of virtual host 'r/a.com' in route configuration 'r'")]
    [InlineData("{name: r/x, domains: [x.com, OWN.com]}", "domains[1]: domain 'own.com' is that of virtual host 'own' in route configuration 'r'")]
    [InlineData("{name: r/x, domains: [x.com, X.com]}", "domains[1]: domain 'X.com' is there twice")]
    [InlineData("{name: r/x}", "domains: virtual host 'r/x' has no domain")]
    [InlineData("{domains: [x.com]}", "name: the virtual host has no name")]
    [InlineData("{name: r/x, domains: [x.com], routes: [{match: {prefix: /}}]}", "routes[0]: the route has no action")]
    [InlineData("{name: r/x, domains: [x.com], routes: [{redirect: {}}]}", "routes[0].match: the route has no match")]
    public void Host_ThatIsWrong_IsRefusedByName_AndTheRestApplies(string yaml, string reason) => LoopRunner.Run(async loop =>
    {
        var scene = new VhdsScene(loop);
        scene.Begin($"virtual_hosts: [{HostYaml("own", "own.com", "own")}]");
        scene.Hosts.Send(Resource(Host("r/a.com", "a.com", "a")));
        Assert.Equal(
            [("r/x", reason)], scene.Hosts.Send(("r/x", Messages.Parse<VirtualHost>(yaml), []), Resource(Host("r/b.com", "b.com", "b"))));
        TestClient client = scene.Bench.Connect();
        Assert.Equal(("own", "a", "b"), (await AskAsync(client, "own.com"), await AskAsync(client, "a.com"), await AskAsync(client, "b.com")));
        Assert.Equal(1, scene.Bench.Counter("http.test.vhds.r.update_rejected"));
    });

    [Fact]
    public void Host_ThatIsRefused_KeepsItsLastGoodVersion_AndItsDomains() => LoopRunner.Run(async loop =>
    {
        var scene = new VhdsScene(loop);
        scene.Begin();
        scene.Hosts.Send(Resource(Host("r/a", "a.com", "a")), Resource(Host("r/b", "b.com", "b")));

        // 'a' wants the domain of 'b' and is refused; so is 'c', which would have that of 'a' if 'a' had moved.
        Assert.Equal(
            ["r/a", "r/c"],
            scene.Hosts.Send(Resource(Host("r/a", "b.com", "thief")), Resource(Host("r/c", "a.com", "heir"))).Select(static r => r.Name));
        TestClient client = scene.Bench.Connect();
        Assert.Equal(("a", "b"), (await AskAsync(client, "a.com"), await AskAsync(client, "b.com")));

        // Domains change hands within one response.
        Assert.Empty(scene.Hosts.Send(Resource(Host("r/a", "b.com", "a")), Resource(Host("r/b", "a.com", "b"))));
        Assert.Equal(("b", "a"), (await AskAsync(client, "a.com"), await AskAsync(client, "b.com")));
        Assert.Empty(scene.Hosts.Send([Resource(Host("r/c", "a.com", "c"))], "r/b"));
        Assert.Equal("c", await AskAsync(client, "a.com"));
    });

    [Fact]
    public void Resource_ThatBelongsNowhere_IsRefusedByName() => LoopRunner.Run(loop =>
    {
        var scene = new VhdsScene(loop);
        scene.Begin();
        Assert.Equal(
            [("a.com", "its name is not that of a route configuration, a slash and a host")], scene.Hosts.Send(Resource(Host("a.com", "a.com", "a"))));
        (string name, string reason) = Assert.Single(scene.Hosts.Send(("r/a.com", new Google.Protobuf.WellKnownTypes.Type { Oneofs = { "no route" } }, [])));
        Assert.Equal("r/a.com", name);
        Assert.StartsWith("the resource is not a valid VirtualHost: ", reason, StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Fact]
    public void Routes_ThatTakeADomainOfADiscoveredHost_AreRefused() => LoopRunner.Run(async loop =>
    {
        var scene = new VhdsScene(loop);
        scene.Begin();
        scene.Hosts.Send(Resource(Host("r/a.com", "a.com", "a")));
        ConfigRejectedException rejected = Assert.Throws<ConfigRejectedException>(
            () => scene.PushRoutes($"virtual_hosts: [{HostYaml("own", "A.com", "own")}]"));
        Assert.Equal("virtual_hosts: domain 'a.com' of virtual host 'own' is that of 'r/a.com', which came by VHDS", rejected.Message);
        Assert.Equal("a", await scene.AskAsync("a.com"));
    });

    [Theory]
    [InlineData("vhds: {}", "vhds.config_source: it is not set")]
    [InlineData("vhds: {config_source: {path: /x}}", "vhds.config_source: the script has ADS only")]
    public void Source_ThatCannotBeAsked_IsRefused_AndTheRoutesStay(string vhds, string problem) => LoopRunner.Run(async loop =>
    {
        var scene = new VhdsScene(loop);
        scene.PushRoutes($"virtual_hosts: [{HostYaml("own", "own.com", "own")}]", "");
        Assert.Equal(problem, Assert.Throws<ConfigRejectedException>(() => scene.PushRoutes("", vhds)).Message);
        Assert.Equal("own", await scene.AskAsync("own.com"));
    });

    [Fact]
    public void Routes_Warm_UntilTheFirstHostsAreHere() => LoopRunner.Run(loop =>
    {
        var scene = new VhdsScene(loop);
        Assert.Equal(["RDS r"], scene.Bench.Warming.Pending);
        scene.PushRoutes();
        scene.PushRoutes($"virtual_hosts: [{HostYaml("own", "own.com", "own")}]");
        Assert.False(scene.Bench.Warming.IsReady);
        scene.Hosts.Know();
        Assert.True(scene.Bench.Warming.IsReady);
        return Task.CompletedTask;
    });

    [Fact]
    public void InlineRoutes_WithVhds_WarmAndFollowIt() => LoopRunner.Run(async loop =>
    {
        var scene = new VhdsScene(
            loop, hcm => hcm.RouteConfig = Messages.Parse<RouteConfiguration>($"{{name: r, virtual_hosts: [{HostYaml("own", "own.com", "own")}], {FromAds}}}"));
        Assert.Equal(["VHDS r"], scene.Bench.Warming.Pending);
        scene.Hosts.Know();
        Assert.True(scene.Bench.Warming.IsReady);
        scene.Hosts.Send(Resource(Host("r/a.com", "a.com", "a")));
        TestClient client = scene.Bench.Connect();
        Assert.Equal(("own", "a"), (await AskAsync(client, "own.com"), await AskAsync(client, "a.com")));
    });

    [Fact]
    public void InlineRoutes_WithoutAName_CannotHaveVhds() => LoopRunner.Run(loop =>
    {
        ConfigRejectedException rejected = Assert.Throws<ConfigRejectedException>(
            () => new VhdsScene(loop, hcm => hcm.RouteConfig = Messages.Parse<RouteConfiguration>($"{{{FromAds}}}")));
        Assert.Equal("route_config.name", rejected.Field);
        return Task.CompletedTask;
    });

    [Fact]
    public void Host_WhoseClusterWarms_WaitsForIt() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var scene = new VhdsScene(loop);
        scene.Begin();
        scene.Hosts.Send(Resource(Host("r/a.com", "a.com", "before")));
        scene.Bench.Context.Clusters.Own("late").IsArriving = true;
        VirtualHost host = Messages.Parse<VirtualHost>("{name: r/a.com, domains: [a.com], routes: [{match: {prefix: /}, route: {cluster: late}}]}");
        Assert.Empty(scene.Hosts.Send(Resource(host)));
        TestClient client = scene.Bench.Connect();
        Assert.Equal("before", await AskAsync(client, "a.com"));
        scene.Bench.AddCluster("late", upstream.Address);
        Task<string> answer = AskAsync(client, "a.com");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nup");
        Assert.Equal("up", await answer);
    });
}
