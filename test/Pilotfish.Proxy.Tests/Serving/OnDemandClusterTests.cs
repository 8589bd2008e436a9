using Envoy.Config.Cluster.V3;
using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Clusters.OnDemand;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.Tests.Xds;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Serving;

/// <summary>on_demand and odcds: requests whose route leads to a cluster that is not there yet, over gRPC streams.</summary>
public sealed class OnDemandClusterTests
{
    private const string OverAds = "odcds: {source: {ads: {}}}";
    private const string Cds = "cds_config: {ads: {}, resource_api_version: V3}";

    [Theory]
    [InlineData("ads")]
    [InlineData("ads with CDS")]
    [InlineData("own")]
    public void Cluster_ThatIsUnknown_IsAskedFor_AndServesTheRequest(string source) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        string odcds = source == "own" ? $"odcds: {{source: {DemandScene.Own}}}" : OverAds;
        using var scene = new DemandScene(loop, To("late"), odcds, source == "ads with CDS" ? Cds : "");
        WireControlPlane control = source == "own" ? scene.OwnPlane : scene.Ads;
        await BeginAsync(scene, source == "ads with CDS");
        if (source == "own")
        {
            // Nobody is troubled before a request needs a cluster.
            Assert.Empty(control.Paths);
        }

        TestClient first = await scene.GetAsync("a");
        TestClient second = await scene.GetAsync("a");
        DeltaDiscoveryRequest asked = await scene.AskedForAsync(control, ResourceType.Cluster, "late");
        Assert.Equal(["late"], asked.ResourceNamesSubscribe);
        if (source == "own")
        {
            Assert.Equal(["/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters"], control.Paths);
            Assert.Equal("n", asked.Node.Id);
        }

        Assert.Null((await scene.PushAsync(control, ResourceType.Cluster, "1", [Late(upstream)])).ErrorDetail);
        await AnswerAsync(upstream, "one");
        await AnswerAsync(upstream, "two");
        Assert.Equal(["one", "two"], new[] { await DemandScene.ReadAsync(first), await DemandScene.ReadAsync(second) }.Order());
        Task<string> third = scene.AskAsync("a");
        await AnswerAsync(upstream, "three");
        Assert.Equal("three", await third);
        Assert.Single(control.Requests, static request => request.ResourceNamesSubscribe.Contains("late"));
    });

    [Theory]
    [InlineData("removed")]
    [InlineData("empty")]
    [InlineData("refused")]
    public void Cluster_ThatIsNotThere_Is503_AndAskedForAgain(string how) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        using var scene = new DemandScene(loop, To("late"), OverAds);
        await BeginAsync(scene);
        TestClient client = await scene.GetAsync("a");
        await scene.AskedForAsync(scene.Ads, ResourceType.Cluster, "late");
        Cluster bad = TransportFixture.StaticCluster("late", upstream.Address);
        bad.TransportSocket = new() { Name = "odd", TypedConfig = Google.Protobuf.WellKnownTypes.Any.Pack(new Google.Protobuf.WellKnownTypes.Empty()) };
        DeltaDiscoveryRequest answer = how switch
        {
            "removed" => await scene.PushAsync(scene.Ads, ResourceType.Cluster, "1", [], "late"),
            "empty" => await scene.PushAsync(scene.Ads, ResourceType.Cluster, "1", [("late", null, [])]),
            _ => await scene.PushAsync(scene.Ads, ResourceType.Cluster, "1", [("late", bad, [])]),
        };
        Assert.Equal(how == "refused", answer.ErrorDetail is not null);
        Assert.Equal("503", await DemandScene.ReadAsync(client));
        Assert.Empty(await scene.AdminAsync("/stats?filter=cds_rq"));
        Assert.Contains("http.h.no_cluster: 1\n", await scene.AdminAsync("/stats?filter=no_cluster"), StringComparison.Ordinal);

        scene.Ads.Requests.Clear();
        TestClient again = await scene.GetAsync("a");
        await scene.AskedForAsync(scene.Ads, ResourceType.Cluster, "late");
        await scene.PushAsync(scene.Ads, ResourceType.Cluster, "2", [Late(upstream)]);
        await AnswerAsync(upstream, "at last");
        Assert.Equal("at last", await DemandScene.ReadAsync(again));
        Assert.Equal(1, scene.Counter("cluster.late.on_demand", "cds_rq_total"));
        Assert.Contains(
            "envoy_cluster_on_demand_cds_rq_time_count{envoy_cluster_name=\"late\"} 1\n", await scene.AdminAsync("/stats/prometheus"), StringComparison.Ordinal);
    });

    [Fact]
    public void Cluster_ThatNeverComes_Is503_AfterTheTimeout()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            using var scene = new DemandScene(loop, To("late"), "odcds: {source: {ads: {}}, timeout: 3s}");
            await BeginAsync(scene);
            TestClient client = await scene.GetAsync("a");
            await scene.AskedForAsync(scene.Ads, ResourceType.Cluster, "late");
            Task<string> answer = DemandScene.ReadAsync(client);
            clock.AdvanceMilliseconds(2_900);
            await loop.YieldAsync();
            Assert.False(answer.IsCompleted);
            await scene.UntilAsync(() =>
            {
                clock.AdvanceMilliseconds(100);
                return answer.IsCompleted;
            });
            Assert.Equal("503", await answer);

            // One that comes late serves the next request without a question.
            scene.Ads.Requests.Clear();
            await scene.PushAsync(scene.Ads, ResourceType.Cluster, "1", [Late(upstream)]);
            Task<string> next = scene.AskAsync("a");
            await AnswerAsync(upstream, "late");
            Assert.Equal("late", await next);
            Assert.DoesNotContain(scene.Ads.Requests, static request => request.ResourceNamesSubscribe.Count > 0);
        });
    }

    [Fact]
    public void Clusters_NamedByAHeader_AreAskedFor() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        using var scene = new DemandScene(
            loop, "route_config: {virtual_hosts: [{name: v, domains: ['*'], routes: [{match: {prefix: /}, route: {cluster_header: x-cluster}}]}]}", OverAds);
        await BeginAsync(scene);
        TestClient client = await scene.GetAsync("a", "x-cluster: late\r\n");
        TestClient other = await scene.GetAsync("a", "x-cluster: none\r\n");
        await scene.AskedForAsync(scene.Ads, ResourceType.Cluster, "none");
        await scene.PushAsync(scene.Ads, ResourceType.Cluster, "1", [Late(upstream)], "none");
        await AnswerAsync(upstream, "by header");
        Assert.Equal(("by header", "503"), (await DemandScene.ReadAsync(client), await DemandScene.ReadAsync(other)));
        Assert.Equal("503", await scene.AskAsync("a"));
    });

    [Fact]
    public void Route_MaySayOtherwise_ThanTheFilter() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        const string Type = "'@type': type.googleapis.com/envoy.extensions.filters.http.on_demand.v3.PerRouteConfig";
        string host = $"name: on, domains: ['on'], typed_per_filter_config: {{on_demand: {{{Type}, odcds: {{source: {DemandScene.Own}}}}}}}, routes: ";
        using var scene = new DemandScene(
            loop,
            $"route_config: {{virtual_hosts: [{{{host}[{{match: {{prefix: /}}, route: {{cluster: late}}}}]}}, {{name: off, domains: ['off'], routes: [{{match: {{prefix: /}}, "
            + $"typed_per_filter_config: {{on_demand: {{{Type}}}}}, route: {{cluster: late}}}}]}}]}}",
            OverAds);
        await BeginAsync(scene);
        Assert.Equal("503", await scene.AskAsync("off"));
        TestClient client = await scene.GetAsync("on");
        await scene.AskedForAsync(scene.OwnPlane, ResourceType.Cluster, "late");
        await scene.PushAsync(scene.OwnPlane, ResourceType.Cluster, "1", [Late(upstream)]);
        await AnswerAsync(upstream, "on");
        Assert.Equal("on", await DemandScene.ReadAsync(client));
        Assert.DoesNotContain(scene.Ads.Requests, static request => request.TypeUrl == ResourceType.Cluster.TypeUrl);
    });

    [Fact]
    public void Cluster_ThatCdsBringsInTheWait_ServesTheRequest() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        using var scene = new DemandScene(loop, To("late"), $"odcds: {{source: {DemandScene.Own}}}", Cds);
        await BeginAsync(scene, cds: true);
        TestClient client = await scene.GetAsync("a");
        await scene.AskedForAsync(scene.OwnPlane, ResourceType.Cluster, "late");
        await scene.PushAsync(scene.Ads, ResourceType.Cluster, "2", [Late(upstream)]);
        await AnswerAsync(upstream, "by CDS");
        Assert.Equal("by CDS", await DemandScene.ReadAsync(client));
    });

    [Fact]
    public void Client_ThatGoesAwayInTheWait_IsForgotten() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        using var scene = new DemandScene(loop, To("late"), OverAds);
        await BeginAsync(scene);
        TestClient gone = await scene.GetAsync("a");
        await scene.AskedForAsync(scene.Ads, ResourceType.Cluster, "late");
        gone.Stream.Close();
        Pilotfish.Proxy.Stats.StatsStore stats = scene.App.Stats;
        await scene.UntilAsync(() => stats.Value(stats.Scope("http.h").Gauge("downstream_rq_active")) == 0);
        await scene.PushAsync(scene.Ads, ResourceType.Cluster, "1", [Late(upstream)]);
        Task<string> next = scene.AskAsync("a");
        await AnswerAsync(upstream, "next");
        Assert.Equal("next", await next);
    });

    [Fact]
    public void Host_AndItsCluster_AreAskedForOneAfterTheOther() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        using var scene = new DemandScene(loop, "route_config: {name: r, vhds: {config_source: {ads: {}}}}", OverAds);
        await scene.AskedAsync(scene.Ads, ResourceType.VirtualHost);
        await scene.PushAsync(scene.Ads, ResourceType.VirtualHost, "v1", []);
        await scene.UntilAsync(() => scene.IsServing);
        foreach (bool whole in new[] { true, false })
        {
            string name = whole ? "whole" : "part";
            TestClient client = await scene.GetAsync(name, whole ? "" : "content-length: 4\r\n");
            await scene.AskedForAsync(scene.Ads, ResourceType.VirtualHost, $"r/{name}");
            await scene.PushAsync(scene.Ads, ResourceType.VirtualHost, $"v-{name}", [($"r/{name}", Messages.Parse<Envoy.Config.Route.V3.VirtualHost>(
                $"{{name: r/{name}, domains: [{name}], routes: [{{match: {{prefix: /}}, route: {{cluster: {name}}}}}]}}"), [])]);
            await scene.AskedForAsync(scene.Ads, ResourceType.Cluster, name);
            await scene.PushAsync(scene.Ads, ResourceType.Cluster, $"c-{name}", [(name, TransportFixture.StaticCluster(name, upstream.Address), [])]);
            if (!whole)
            {
                await client.SendAsync("body");
            }

            await AnswerAsync(upstream, name);
            Assert.Equal(name, await DemandScene.ReadAsync(client));
        }
    });

    [Theory]
    [InlineData("odcds: {}", "odcds.source: it is not set")]
    [InlineData("odcds: {resources_locator: 'xdstp://a/envoy.config.cluster.v3.Cluster/b'}", "odcds.resources_locator: xdstp names are not available in Pilotfish")]
    [InlineData("odcds: {source: {path: /x}}", "odcds.source: only 'DELTA_GRPC' or 'ADS' (which uses Delta xDS) is supported as a config source")]
    [InlineData("odcds: {source: {api_config_source: {api_type: GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: own}}]}}}", "odcds.source: only 'DELTA_GRPC'")]
    [InlineData("odcds: {source: {api_config_source: {api_type: DELTA_GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: nowhere}}]}}}", "odcds.source.api_config_source: CDS is asked for from the unknown cluster 'nowhere'")]
    public void Config_ThatIsWrong_IsRefusedByField(string filter, string problem) => LoopRunner.Run(loop =>
    {
        BootstrapRejectedException e = Assert.Throws<BootstrapRejectedException>(() => new DemandScene(loop, To("late"), filter));
        Assert.Contains(problem, Assert.Single(e.Problems), StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Fact]
    public void Ads_OfTheOtherDialect_IsRefused() => LoopRunner.Run(loop =>
    {
        BootstrapRejectedException e = Assert.Throws<BootstrapRejectedException>(() => new DemandScene(loop, To("late"), OverAds, api: "GRPC"));
        Assert.Contains("odcds.source.ads: ADS must use DELTA_GRPC api_type when used as CDS config source", Assert.Single(e.Problems), StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Fact]
    public void Names_ThatLeadNowhere_StaySubscribed_UpToABound()
    {
        var names = new ScriptedNames(ResourceType.Cluster, new RecordingOwner(), null);
        var source = new ClusterSource(names);
        for (int i = 0; i <= ClusterSource.AbsentNamesMax; i++)
        {
            source.Ask($"c{i}");
            source.NoteAbsent($"c{i}");
        }

        Assert.Equal(["c0"], names.GivenUp);
        source.NotePresent("c1");
        source.NoteAbsent("more");
        source.NoteAbsent("more");
        Assert.Equal(["c0"], names.GivenUp);
    }

    private static string To(string cluster) =>
        $"route_config: {{virtual_hosts: [{{name: v, domains: ['*'], routes: [{{match: {{prefix: /}}, route: {{cluster: {cluster}}}}}]}}]}}";

    private static (string Name, IMessage? Message, string[] Aliases) Late(TestUpstream upstream) =>
        ("late", TransportFixture.StaticCluster("late", upstream.Address), []);

    private static async Task BeginAsync(DemandScene scene, bool cds = false)
    {
        if (cds)
        {
            Assert.Empty((await scene.AskedAsync(scene.Ads, ResourceType.Cluster)).ResourceNamesSubscribe);
            await scene.PushAsync(scene.Ads, ResourceType.Cluster, "cds", []);
        }

        await scene.UntilAsync(() => scene.IsServing);
    }

    private static async Task AnswerAsync(TestUpstream upstream, string body)
    {
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync($"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {body.Length}\r\n\r\n{body}");
        server.Stream.Close();
    }
}
