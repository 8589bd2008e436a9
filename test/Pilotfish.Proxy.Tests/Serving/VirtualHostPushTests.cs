using System.Text.Json;
using Envoy.Config.Route.V3;
using Envoy.Service.Discovery.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.Tests.Xds;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using static Pilotfish.Proxy.Tests.Routing.Discovery.VhdsScene;

namespace Pilotfish.Proxy.Tests.Serving;

/// <summary>VHDS into a whole data plane over gRPC streams: what is asked for, served, refused and shown.</summary>
public sealed class VirtualHostPushTests
{
    private const string Rds = "rds: {route_config_name: r, config_source: {ads: {}}}";

    [Fact]
    public void Hosts_OverAds_AreServedRefusedAndShown() => LoopRunner.Run(async loop =>
    {
        using var scene = new DemandScene(loop, Rds);
        DeltaDiscoveryRequest asked = await BeginAsync(scene, "{ads: {}}", scene.Ads);

        // Everything at first: it is said by naming nothing.
        Assert.Empty(asked.ResourceNamesSubscribe);
        Assert.Null((await scene.PushAsync(
            scene.Ads, ResourceType.VirtualHost, "1", [Resource(Host("r/a.com", "a.com", "a")), Resource(Host("r/b.com", "b.com", "b"))])).ErrorDetail);
        await scene.UntilAsync(() => scene.IsServing);
        Assert.Equal(("own", "a", "b"), (await scene.AskAsync("own.com"), await scene.AskAsync("a.com"), await scene.AskAsync("b.com")));

        DeltaDiscoveryRequest nack = await scene.PushAsync(
            scene.Ads, ResourceType.VirtualHost, "2", [Resource(Host("r/c", "c.com, own.com", "c")), Resource(Host("r/a.com", "a.com", "changed"))], "r/b.com");
        Assert.Equal(
            "VHDS resource 'r/c': domains[1]: domain 'own.com' is that of virtual host 'own' in route configuration 'r'", nack.ErrorDetail.Message);
        Assert.Equal(("own", "changed"), (await scene.AskAsync("own.com"), await scene.AskAsync("a.com")));

        JsonElement routes = (await scene.DumpAsync("dynamic_route_configs")).GetProperty("configs")[0];
        Assert.Equal(
            ["own", "r/a.com"],
            routes.GetProperty("route_config").GetProperty("virtual_hosts").EnumerateArray().Select(static host => host.GetProperty("name").GetString()));
        Assert.Equal("2", routes.GetProperty("version_info").GetString());
        string stats = await scene.AdminAsync("/stats?filter=vhds");
        Assert.Contains("http.h.vhds.r.config_reload: 2\n", stats, StringComparison.Ordinal);
        Assert.Contains("http.h.vhds.r.update_attempt: 1\n", stats, StringComparison.Ordinal);
        Assert.Contains("http.h.vhds.r.update_success: 1\n", stats, StringComparison.Ordinal);
        Assert.Contains("http.h.vhds.r.update_rejected: 1\n", stats, StringComparison.Ordinal);
        Assert.Contains("http.h.vhds.r.update_empty: 0\n", stats, StringComparison.Ordinal);
    });

    [Fact]
    public void Host_OnDemand_IsAskedForByNameAndAnsweredByAlias() => LoopRunner.Run(async loop =>
    {
        using var scene = new DemandScene(loop, Rds);
        await BeginAsync(scene, "{ads: {}}", scene.Ads);
        await scene.PushAsync(scene.Ads, ResourceType.VirtualHost, "1", []);
        await scene.UntilAsync(() => scene.IsServing);

        TestClient first = await scene.GetAsync("a.com");
        TestClient second = await scene.GetAsync("A.com");
        DeltaDiscoveryRequest asked = await scene.AskedForAsync(scene.Ads, ResourceType.VirtualHost, "r/a.com");
        Assert.Equal((["r/a.com"], 0, ""), (asked.ResourceNamesSubscribe, asked.InitialResourceVersions.Count, asked.ResponseNonce));
        await scene.PushAsync(scene.Ads, ResourceType.VirtualHost, "2", [Resource(Host("r/one", "a.com, one", "a"), "r/a.com")]);
        Assert.Equal(("a", "a"), (await DemandScene.ReadAsync(first), await DemandScene.ReadAsync(second)));
        Assert.Equal("a", await scene.AskAsync("one"));

        TestClient nobody = await scene.GetAsync("nobody.com");
        await scene.AskedForAsync(scene.Ads, ResourceType.VirtualHost, "r/nobody.com");
        await scene.PushAsync(scene.Ads, ResourceType.VirtualHost, "3", [Nothing("r/nobody.com", "r/nobody.com")]);
        Assert.Equal("404", await DemandScene.ReadAsync(nobody));

        TestClient removed = await scene.GetAsync("removed.com");
        await scene.AskedForAsync(scene.Ads, ResourceType.VirtualHost, "r/removed.com");
        await scene.PushAsync(scene.Ads, ResourceType.VirtualHost, "4", [], "r/removed.com");
        Assert.Equal("404", await DemandScene.ReadAsync(removed));
        Assert.Single(scene.Ads.Requests, static request => request.ResourceNamesSubscribe.Contains("r/a.com"));
    });

    [Fact]
    public void Stream_ThatEndsInTheWait_AsksAgainForEverything_AndTheRequestIsServed() => LoopRunner.Run(async loop =>
    {
        using var scene = new DemandScene(loop, Rds);
        await BeginAsync(scene, "{ads: {}}", scene.Ads);
        await scene.PushAsync(scene.Ads, ResourceType.VirtualHost, "1", [Resource(Host("r/b.com", "b.com", "b"))]);
        await scene.UntilAsync(() => scene.IsServing);
        TestClient client = await scene.GetAsync("a.com");
        await scene.AskedForAsync(scene.Ads, ResourceType.VirtualHost, "r/a.com");
        scene.Ads.Requests.Clear();
        scene.Ads.EndStream();

        DeltaDiscoveryRequest again = await scene.AskedForAsync(scene.Ads, ResourceType.VirtualHost, "r/a.com");
        Assert.Equal(["*", "r/a.com"], again.ResourceNamesSubscribe);
        Assert.Equal([("r/b.com", "1")], again.InitialResourceVersions.Select(static one => (one.Key, one.Value)));
        await scene.PushAsync(scene.Ads, ResourceType.VirtualHost, "2", [Resource(Host("r/a.com", "a.com", "a"))]);
        Assert.Equal(("a", "b"), (await DemandScene.ReadAsync(client), await scene.AskAsync("b.com")));
    });

    [Fact]
    public void Hosts_ByAStreamOfTheirOwn_AreAskedForAtTheirService() => LoopRunner.Run(async loop =>
    {
        using var scene = new DemandScene(loop, Rds);
        DeltaDiscoveryRequest asked = await BeginAsync(scene, DemandScene.Own, scene.OwnPlane);
        Assert.Equal(["/envoy.service.route.v3.VirtualHostDiscoveryService/DeltaVirtualHosts"], scene.OwnPlane.Paths);
        Assert.Equal((0, "n"), (asked.ResourceNamesSubscribe.Count, asked.Node.Id));
        await scene.PushAsync(scene.OwnPlane, ResourceType.VirtualHost, "1", [Resource(Host("r/a.com", "a.com", "a"))]);
        await scene.UntilAsync(() => scene.IsServing);
        TestClient client = await scene.GetAsync("b.com");
        await scene.AskedForAsync(scene.OwnPlane, ResourceType.VirtualHost, "r/b.com");
        await scene.PushAsync(scene.OwnPlane, ResourceType.VirtualHost, "2", [Resource(Host("r/b.com", "b.com", "b"))]);
        Assert.Equal(("a", "b"), (await scene.AskAsync("a.com"), await DemandScene.ReadAsync(client)));
        Assert.DoesNotContain(scene.Ads.Requests, static request => request.TypeUrl == ResourceType.VirtualHost.TypeUrl);
    });

    [Fact]
    public void Source_ThatChanges_TakesOver_AndFormerHostsServeOn() => LoopRunner.Run(async loop =>
    {
        using var scene = new DemandScene(loop, Rds);
        await BeginAsync(scene, "{ads: {}}", scene.Ads);
        await scene.PushAsync(scene.Ads, ResourceType.VirtualHost, "1", [Resource(Host("r/a.com", "a.com", "by ADS"))]);
        await scene.UntilAsync(() => scene.IsServing);
        TestClient waits = await scene.GetAsync("b.com");
        await scene.AskedForAsync(scene.Ads, ResourceType.VirtualHost, "r/b.com");

        Assert.Null((await PushRoutesAsync(scene, "2", DemandScene.Own)).ErrorDetail);
        await scene.AskedForAsync(scene.OwnPlane, ResourceType.VirtualHost, "r/b.com");
        Assert.Equal("by ADS", await scene.AskAsync("a.com"));
        await scene.AskedAsync(scene.Ads, ResourceType.VirtualHost, static request => request.ResourceNamesUnsubscribe.Contains("r/b.com"));
        await scene.PushAsync(
            scene.OwnPlane, ResourceType.VirtualHost, "1", [Resource(Host("r/a.com", "a.com", "own")), Resource(Host("r/b.com", "b.com", "b"))]);
        Assert.Equal(("own", "b"), (await scene.AskAsync("a.com"), await DemandScene.ReadAsync(waits)));
    });

    [Theory]
    [InlineData("{api_config_source: {api_type: GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: own}}]}}")]
    [InlineData("{api_config_source: {api_type: REST, transport_api_version: V3, cluster_names: [own]}}")]
    [InlineData("{self: {}}")]
    [InlineData("{path: /nowhere}")]
    public void Source_ThatIsNotIncremental_IsRefused(string source) => LoopRunner.Run(async loop =>
    {
        using var scene = new DemandScene(loop, Rds);
        await scene.AskedAsync(scene.Ads, ResourceType.Route);
        Assert.Equal(
            "RDS resource 'r': vhds.config_source: only 'DELTA_GRPC' or 'ADS' (which uses Delta xDS) is supported as a config source",
            (await PushRoutesAsync(scene, "1", source)).ErrorDetail.Message);
    });

    [Fact]
    public void Cluster_ThatIsUnknown_IsRefused() => LoopRunner.Run(async loop =>
    {
        using var scene = new DemandScene(loop, Rds);
        await scene.AskedAsync(scene.Ads, ResourceType.Route);
        Assert.Equal(
            "RDS resource 'r': vhds.config_source.api_config_source: VHDS is asked for from the unknown cluster 'nowhere'",
            (await PushRoutesAsync(scene, "1", DemandScene.Own.Replace("own", "nowhere", StringComparison.Ordinal))).ErrorDetail.Message);
    });

    [Fact]
    public void Ads_OfTheOtherDialect_IsRefused() => LoopRunner.Run(loop =>
    {
        BootstrapRejectedException e = Assert.Throws<BootstrapRejectedException>(
            () => new DemandScene(loop, "route_config: {name: r, vhds: {config_source: {ads: {}}}}", api: "GRPC"));
        Assert.Contains(
            "route_config.vhds.config_source.ads: ADS must use DELTA_GRPC api_type when used as VHDS config source", Assert.Single(e.Problems), StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Fact]
    public void InlineRoutes_OfAStaticListener_FollowVhds() => LoopRunner.Run(async loop =>
    {
        using var scene = new DemandScene(loop, $"route_config: {{name: r, virtual_hosts: [{HostYaml("own", "own.com", "own")}], vhds: {{config_source: {{ads: {{}}}}}}}}");
        Assert.Empty((await scene.AskedAsync(scene.Ads, ResourceType.VirtualHost)).ResourceNamesSubscribe);
        Assert.False(scene.IsServing);
        await scene.PushAsync(scene.Ads, ResourceType.VirtualHost, "1", [Resource(Host("r/a.com", "a.com", "a"))]);
        await scene.UntilAsync(() => scene.IsServing);
        Assert.Equal(("own", "a"), (await scene.AskAsync("own.com"), await scene.AskAsync("a.com")));
    });

    [Fact]
    public void FirstHosts_ThatNeverCome_AreWaitedFor_ForTheFetchTimeout()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var scene = new DemandScene(loop, Rds);
            await BeginAsync(scene, "{ads: {}, initial_fetch_timeout: 40s}", scene.Ads);
            clock.AdvanceMilliseconds(39_000);
            await loop.YieldAsync();
            Assert.False(scene.IsServing);
            await scene.UntilAsync(() =>
            {
                clock.AdvanceMilliseconds(100);
                return scene.IsServing;
            });
            Assert.Equal("own", await scene.AskAsync("own.com"));
            Assert.Contains("http.h.vhds.r.init_fetch_timeout: 1\n", await scene.AdminAsync("/stats?filter=vhds"), StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Scope_WhoseRoutesHaveVhds_AsksForBothOnDemand() => LoopRunner.Run(async loop =>
    {
        using var scene = new DemandScene(loop, """
            scoped_routes:
                        name: byname
                        scope_key_builder: {fragments: [{header_value_extractor: {name: x-scope, index: 0}}]}
                        rds_config_source: {ads: {}}
                        scoped_route_configurations_list: {scoped_route_configurations: [{name: s, on_demand: true, route_configuration_name: r, key: {fragments: [{string_key: one}]}}]}
            """);
        await scene.UntilAsync(() => scene.IsServing);
        TestClient client = await scene.GetAsync("a.com", "x-scope: one\r\n");
        await scene.AskedAsync(scene.Ads, ResourceType.Route);
        await PushRoutesAsync(scene, "1", "{ads: {}}");
        await scene.PushAsync(scene.Ads, ResourceType.VirtualHost, "1", []);
        await scene.AskedForAsync(scene.Ads, ResourceType.VirtualHost, "r/a.com");
        await scene.PushAsync(scene.Ads, ResourceType.VirtualHost, "2", [Resource(Host("r/a.com", "a.com", "a"))]);
        Assert.Equal("a", await DemandScene.ReadAsync(client));
        Assert.Equal("own", await scene.AskAsync("own.com", "x-scope: one\r\n"));
    });

    [Fact]
    public void InlineScope_WithVhds_IsRefused() => LoopRunner.Run(loop =>
    {
        BootstrapRejectedException e = Assert.Throws<BootstrapRejectedException>(() => new DemandScene(loop, """
            scoped_routes:
                        name: byname
                        scope_key_builder: {fragments: [{header_value_extractor: {name: x-scope, index: 0}}]}
                        scoped_route_configurations_list: {scoped_route_configurations: [{name: s, route_configuration: {name: r, vhds: {config_source: {ads: {}}}}, key: {fragments: [{string_key: one}]}}]}
            """));
        Assert.Contains("route_configuration.vhds: virtual hosts are discovered for", Assert.Single(e.Problems), StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    // Routes with a host of their own; the first request for their hosts.
    private static async Task<DeltaDiscoveryRequest> BeginAsync(DemandScene scene, string source, WireControlPlane hosts)
    {
        await scene.AskedAsync(scene.Ads, ResourceType.Route);
        Assert.Null((await PushRoutesAsync(scene, "1", source)).ErrorDetail);
        return await scene.AskedAsync(hosts, ResourceType.VirtualHost);
    }

    private static Task<DeltaDiscoveryRequest> PushRoutesAsync(DemandScene scene, string version, string source) => scene.PushAsync(
        scene.Ads, ResourceType.Route, $"r{version}",
        [("r", Messages.Parse<RouteConfiguration>($"{{name: r, virtual_hosts: [{HostYaml("own", "own.com", "own")}], vhds: {{config_source: {source}}}}}"), [])]);
}
