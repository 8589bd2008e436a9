using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Serving;

/// <summary>tcp_proxy's on_demand: connections whose cluster is not there yet.</summary>
public sealed class TcpOnDemandTests
{
    private const string Routes = "route_config: {}";

    [Theory]
    [InlineData("cluster: late")]
    [InlineData("weighted_clusters: {clusters: [{name: late, weight: 1}]}")]
    public void Connection_WaitsForItsCluster_AndIsCarried(string specifier) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        using var scene = new DemandScene(loop, Routes, tcp: $"{specifier}, on_demand: {{odcds_config: {{ads: {{}}}}}}");
        await scene.UntilAsync(() => scene.IsServing);
        TestClient client = await scene.ConnectAsync();
        await client.SendAsync("hello");
        await scene.AskedForAsync(scene.Ads, ResourceType.Cluster, "late");
        await scene.PushAsync(scene.Ads, ResourceType.Cluster, "1", [("late", TransportFixture.StaticCluster("late", upstream.Address), [])]);
        TestClient server = await upstream.AcceptAsync();
        Assert.Equal("hello", await server.ReadBytesAsync(5));
        await server.SendAsync("world");
        Assert.Equal("world", await client.ReadBytesAsync(5));
        Assert.Equal((1, 1, 0), (Count(scene, "attempt"), Count(scene, "success"), scene.Counter("tcp.t", "downstream_cx_no_route")));

        // The next one finds it.
        TestClient next = await scene.ConnectAsync();
        await next.SendAsync("again");
        Assert.Equal("again", await (await upstream.AcceptAsync()).ReadBytesAsync(5));
        Assert.Equal(1, Count(scene, "attempt"));
    });

    [Fact]
    public void Cluster_ThatIsNotThere_EndsTheConnection() => LoopRunner.Run(async loop =>
    {
        using var scene = new DemandScene(loop, Routes, tcp: $"cluster: late, on_demand: {{odcds_config: {DemandScene.Own}}}");
        await scene.UntilAsync(() => scene.IsServing);
        TestClient client = await scene.ConnectAsync();
        await scene.AskedForAsync(scene.OwnPlane, ResourceType.Cluster, "late");
        await scene.PushAsync(scene.OwnPlane, ResourceType.Cluster, "1", [], "late");
        Assert.Equal("", await client.ReadToEndAsync());
        Assert.Equal((1, 0, 1), (Count(scene, "missing"), Count(scene, "success"), scene.Counter("tcp.t", "downstream_cx_no_route")));
    });

    [Theory]
    [InlineData("", 60_000)]
    [InlineData(", timeout: 2s", 2_000)]
    public void Cluster_ThatNeverComes_EndsTheConnection_AfterTheTimeout(string timeout, int milliseconds)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var scene = new DemandScene(loop, Routes, tcp: $"cluster: late, on_demand: {{odcds_config: {{ads: {{}}}}{timeout}}}");
            await scene.UntilAsync(() => scene.IsServing);
            TestClient client = await scene.ConnectAsync();
            Task<string> end = client.ReadToEndAsync();
            await scene.AskedForAsync(scene.Ads, ResourceType.Cluster, "late");
            clock.AdvanceMilliseconds(milliseconds - 100);
            await loop.YieldAsync();
            Assert.False(end.IsCompleted);
            await scene.UntilAsync(() =>
            {
                clock.AdvanceMilliseconds(50);
                return end.IsCompleted;
            });
            Assert.Equal((1, 0), (Count(scene, "timeout"), Count(scene, "missing")));
        });
    }

    [Fact]
    public void Client_ThatResetsInTheWait_EndsIt() => LoopRunner.Run(async loop =>
    {
        using var scene = new DemandScene(loop, Routes, tcp: "cluster: late, on_demand: {odcds_config: {ads: {}}}");
        await scene.UntilAsync(() => scene.IsServing);
        TestClient client = await scene.ConnectAsync();
        await scene.AskedForAsync(scene.Ads, ResourceType.Cluster, "late");
        Assert.Equal(1, Active(scene));
        client.Stream.Reset();
        await scene.UntilAsync(() => Active(scene) == 0);
        await scene.PushAsync(scene.Ads, ResourceType.Cluster, "1", [], "late");
        Assert.Equal((1, 0, 0, 0), (Count(scene, "attempt"), Count(scene, "success"), Count(scene, "missing"), Count(scene, "timeout")));
    });

    [Fact]
    public void IdleTimeout_CountsInTheWait()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var scene = new DemandScene(loop, Routes, tcp: "cluster: late, idle_timeout: 3s, on_demand: {odcds_config: {ads: {}}}");
            await scene.UntilAsync(() => scene.IsServing);
            TestClient client = await scene.ConnectAsync();
            Task<string> end = client.ReadToEndAsync();
            await scene.AskedForAsync(scene.Ads, ResourceType.Cluster, "late");
            await scene.UntilAsync(() =>
            {
                clock.AdvanceMilliseconds(50);
                return end.IsCompleted;
            });
            Assert.Equal(1, scene.Counter("tcp.t", "idle_timeout"));
            await scene.PushAsync(scene.Ads, ResourceType.Cluster, "1", [], "late");
            Assert.Equal(0, Count(scene, "missing"));
        });
    }

    [Fact]
    public void OnDemand_WithoutASource_IsOff() => LoopRunner.Run(async loop =>
    {
        using var scene = new DemandScene(loop, Routes, tcp: "cluster: late, on_demand: {}");
        await scene.UntilAsync(() => scene.IsServing);
        Assert.Equal("", await (await scene.ConnectAsync()).ReadToEndAsync());
        Assert.Equal(1, scene.Counter("tcp.t", "downstream_cx_no_route"));
    });

    [Theory]
    [InlineData("{resources_locator: 'xdstp://a'}", "on_demand.resources_locator: xdstp names are not available in Pilotfish")]
    [InlineData("{odcds_config: {path: /x}}", "on_demand.odcds_config: only 'DELTA_GRPC' or 'ADS' (which uses Delta xDS) is supported as a config source")]
    public void Config_ThatIsWrong_IsRefusedByField(string onDemand, string problem) => LoopRunner.Run(loop =>
    {
        BootstrapRejectedException e = Assert.Throws<BootstrapRejectedException>(
            () => new DemandScene(loop, Routes, tcp: $"cluster: late, on_demand: {onDemand}"));
        Assert.Contains(problem, Assert.Single(e.Problems), StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    private static long Active(DemandScene scene) => scene.App.Stats.Value(scene.App.Stats.Scope("listener.front").Gauge("downstream_cx_active"));

    private static long Count(DemandScene scene, string name) => scene.Counter("tcp.t", $"on_demand_cluster_{name}");
}
