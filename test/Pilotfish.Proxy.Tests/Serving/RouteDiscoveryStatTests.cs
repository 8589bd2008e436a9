using Envoy.Config.Route.V3;
using Envoy.Service.Discovery.V3;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.Xds;
using Pilotfish.Testing;
using static Pilotfish.Proxy.Tests.Routing.Discovery.VhdsScene;

namespace Pilotfish.Proxy.Tests.Serving;

/// <summary>`http.PREFIX.rds.ROUTES.`: what came, was refused and was lost of a route configuration.</summary>
public sealed class RouteDiscoveryStatTests
{
    [Fact]
    public void Updates_AreCounted_AndReloadsOnlyWhenSomethingChanged() => LoopRunner.Run(async loop =>
    {
        using var scene = new DemandScene(loop, "rds: {route_config_name: r, config_source: {ads: {}}}");
        await scene.AskedAsync(scene.Ads, ResourceType.Route);
        Assert.Null((await PushAsync(scene, "1", "a.com", "first")).ErrorDetail);
        await scene.UntilAsync(() => scene.IsServing);
        Assert.Null((await PushAsync(scene, "2", "a.com", "first")).ErrorDetail);
        Assert.NotNull((await PushAsync(scene, "3", "a.com, a.com", "first")).ErrorDetail);
        Assert.Null((await PushAsync(scene, "4", "a.com", "other")).ErrorDetail);
        scene.Ads.Requests.Clear();
        scene.Ads.EndStream();
        await scene.AskedAsync(scene.Ads, ResourceType.Route);

        string stats = await scene.AdminAsync("/stats?filter=rds");
        foreach (string expected in new[]
        {
            "config_reload: 2", "update_success: 3", "update_rejected: 1", "update_failure: 1", "update_attempt: 1", "update_empty: 0",
            "init_fetch_timeout: 0", "version_text: \"4\"",
        })
        {
            Assert.Contains($"http.h.rds.r.{expected}\n", stats, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("http.h.rds.r.config_reload_time_ms: 0\n", stats, StringComparison.Ordinal);
        Assert.Contains(
            "envoy_http_rds_config_reload{envoy_rds_route_config=\"r\",envoy_http_conn_manager_prefix=\"h\"} 2\n", await scene.AdminAsync("/stats/prometheus"), StringComparison.Ordinal);
    });

    [Fact]
    public void Routes_ThatNeverCome_AreCountedAsTimedOut()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var scene = new DemandScene(loop, "rds: {route_config_name: r, config_source: {ads: {}}}");
            await scene.AskedAsync(scene.Ads, ResourceType.Route);
            await scene.UntilAsync(() =>
            {
                clock.AdvanceMilliseconds(100);
                return scene.IsServing;
            });
            Assert.Contains("http.h.rds.r.init_fetch_timeout: 1\n", await scene.AdminAsync("/stats?filter=rds"), StringComparison.Ordinal);
        });
    }

    private static Task<DeltaDiscoveryRequest> PushAsync(DemandScene scene, string version, string domains, string body) => scene.PushAsync(
        scene.Ads, ResourceType.Route, version, [("r", Messages.Parse<RouteConfiguration>($"{{name: r, virtual_hosts: [{HostYaml("v", domains, body)}]}}"), [])]);
}
