using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Routing;

/// <summary>A push of a new cluster and of routes to it, in the order of xDS: nothing is served by neither.</summary>
public sealed class RoutesOfArrivingClusterTests
{
    private static readonly NetAddress s_host = NetAddress.Parse("10.1.0.1:80");

    private readonly ManualLoopClock _clock = new();

    [Fact]
    public void Routes_NamingAClusterThatWarms_TakeEffectWhenItServes() => Run((fixture, slot) =>
    {
        fixture.Apply(Eds("new"));
        fixture.Subscriptions.Push("routes", To("new", "later"));
        Assert.Equal("old", ClusterOf(slot));

        fixture.Subscriptions.Push("new", TransportFixture.Assignment("new", s_host));
        Assert.Equal("new", ClusterOf(slot));
        return Task.CompletedTask;
    });

    [Fact]
    public void Routes_NamingAClusterThatNobodyHasHeardOf_TakeEffectAtOnce() => Run((fixture, slot) =>
    {
        fixture.Subscriptions.Push("routes", To("unknown"));
        Assert.Equal("unknown", ClusterOf(slot));
        return Task.CompletedTask;
    });

    [Fact]
    public void Routes_ReplacedWhileTheyWait_AreNeverUsed() => Run((fixture, slot) =>
    {
        fixture.Apply(Eds("new"));
        fixture.Subscriptions.Push("routes", To("new"));
        fixture.Subscriptions.Push("routes", To("unknown"));
        fixture.Subscriptions.Push("new", TransportFixture.Assignment("new", s_host));
        Assert.Equal("unknown", ClusterOf(slot));
        return Task.CompletedTask;
    });

    [Fact]
    public void Routes_WhoseClusterIsRemovedAgain_TakeEffectThen() => Run((fixture, slot) =>
    {
        fixture.Apply(Eds("new"));
        fixture.Subscriptions.Push("routes", To("new"));
        fixture.Clusters.Apply([], ["new"], []);
        Assert.Equal("new", ClusterOf(slot));
        return Task.CompletedTask;
    });

    [Fact]
    public void Routes_WhoseClusterNeverWarms_TakeEffectAfterAWhile() => Run(async (fixture, slot) =>
    {
        fixture.Apply(Eds("new"));
        fixture.Subscriptions.Push("routes", To("new"));
        await PassAsync(fixture, RouteConfigSlot.PatienceMilliseconds - 100);
        Assert.Equal("old", ClusterOf(slot));
        await PassAsync(fixture, 200);
        Assert.Equal("new", ClusterOf(slot));
    });

    [Fact]
    public void Cluster_RemovedBeforeTheRoutesToIt_ServesUntilItsGraceEnds() => Run(async (fixture, slot) =>
    {
        ClusterReference old = fixture.Context.Clusters.Reference("old");
        fixture.Clusters.Apply([], ["old"], []);
        Assert.NotNull(old.Current);
        Assert.Equal("old", ClusterOf(slot));
        await PassAsync(fixture, ClusterDirectory.RemovalGraceMilliseconds + 100);
        Assert.Null(old.Current);
    });

    [Fact]
    public void Cluster_ThatComesBackInItsGrace_IsNotTakenAwayAtItsEnd() => Run(async (fixture, _) =>
    {
        ClusterReference old = fixture.Context.Clusters.Reference("old");
        ClusterState before = old.Current!;
        fixture.Clusters.Apply([], ["old"], []);
        fixture.Apply(TransportFixture.StaticCluster("old", s_host));
        Assert.NotSame(before, old.Current);
        await PassAsync(fixture, ClusterDirectory.RemovalGraceMilliseconds + 100);
        Assert.NotNull(old.Current);
        Assert.True(before.IsRemoved);
    });

    private async Task PassAsync(TransportFixture fixture, int milliseconds)
    {
        EventLoop loop = fixture.Workers.MainLoop;
        _clock.Advance(TimeSpan.FromMilliseconds(milliseconds));
        await loop.YieldAsync();
        await loop.YieldAsync();
    }

    private void Run(Func<TransportFixture, RouteConfigSlot, Task> body) => LoopRunner.Run(_clock, async loop =>
    {
        var fixture = new TransportFixture(loop);
        fixture.Apply(TransportFixture.StaticCluster("old", s_host));
        RouteConfigSlot slot = RouteConfigSlot.Subscribe("routes", fixture.Context, null);
        fixture.Subscriptions.Push("routes", To("old"));
        await body(fixture, slot);
    });

    private static string ClusterOf(RouteConfigSlot slot) =>
        slot.Current!.VirtualHosts[0].Routes[0].Forward!.Cluster!.Name;

    private static RouteConfiguration To(params string[] clusters)
    {
        var host = new VirtualHost { Name = "all", Domains = { "*" } };
        foreach (string cluster in clusters)
        {
            host.Routes.Add(new Route { Match = new RouteMatch { Prefix = "/" }, Route_ = new RouteAction { Cluster = cluster } });
        }

        return new RouteConfiguration { Name = "routes", VirtualHosts = { host } };
    }

    private static Cluster Eds(string name) => new()
    {
        Name = name,
        Type = Cluster.Types.DiscoveryType.Eds,
        EdsClusterConfig = new Cluster.Types.EdsClusterConfig { EdsConfig = new ConfigSource { Ads = new AggregatedConfigSource() } },
    };
}
