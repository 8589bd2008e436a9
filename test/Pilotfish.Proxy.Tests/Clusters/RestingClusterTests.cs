using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Clusters;

/// <summary>Clusters from EDS whose statistics nobody sees: they have no state until somebody looks at them.</summary>
public sealed class RestingClusterTests
{
    private static readonly NetAddress s_first = NetAddress.Parse("10.1.0.1:80");
    private static readonly NetAddress s_second = NetAddress.Parse("10.1.0.2:80");

    [Fact]
    public void Cluster_NobodyLooked_RestsAndReportsWakeNothing() => Run((fixture, _) =>
    {
        ClusterReference reference = Push(fixture, "c", s_first);
        Assert.True(reference.Exists);
        Assert.False(IsAwake(fixture));
        Assert.Equal(s_first, Assert.Single(Assert.Single(fixture.Clusters.Active).Hosts.All).Address);
        Assert.False(IsAwake(fixture));
    });

    [Fact]
    public void Reference_LookedAt_WakesOnceWithTheNewestAssignment() => Run((fixture, _) =>
    {
        ClusterReference reference = Push(fixture, "c", s_first);
        fixture.Subscriptions.Push("c", TransportFixture.Assignment("c", s_second, s_second));
        ClusterState state = reference.Current!;
        Assert.Equal(s_second, Assert.Single(state.Hosts.All).Address);
        Assert.Equal(1, state.Hosts.HealthyCount);
        Assert.Same(state, reference.Current);
        Assert.True(IsAwake(fixture));
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Assignment_AfterWaking_ChangesTheSameState(bool loopTurnsBetween) => Run((fixture, loop) =>
    {
        ClusterReference reference = Push(fixture, "c", s_first);
        ClusterState state = reference.Current!;
        Host host = state.Hosts.All[0];
        if (loopTurnsBetween)
        {
            loop.RunOnce(0);
        }

        fixture.Subscriptions.Push("c", TransportFixture.Assignment("c", s_first, s_second));
        Assert.Same(state, reference.Current);
        Assert.Equal(2, state.Hosts.All.Length);
        Assert.Same(host, state.Hosts.All[0]);
    });

    [Fact]
    public void Assignment_Bad_IsRejectedByFieldWhileTheClusterRests() => Run((fixture, _) =>
    {
        ClusterReference reference = Push(fixture, "c", s_first);
        var bad = TransportFixture.Assignment("c", s_second);
        bad.Endpoints[0].LbEndpoints[0].Endpoint.Address.SocketAddress.Address = "not-an-ip";
        ConfigRejectedException e = Assert.Throws<ConfigRejectedException>(() => fixture.Subscriptions.Push("c", bad));
        Assert.Contains("endpoints[0].lb_endpoints[0].endpoint.address", e.Field, StringComparison.Ordinal);
        Assert.Equal(s_first, Assert.Single(reference.Current!.Hosts.All).Address);
    });

    [Fact]
    public void Cluster_ChangedAfterUse_RestsAgainAndTheUsedOneIsLetGo() => Run((fixture, loop) =>
    {
        ClusterReference reference = Push(fixture, "c", s_first);
        ClusterState before = reference.Current!;
        Cluster changed = Eds("c");
        changed.ConnectTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(9));
        fixture.Apply(changed);
        Assert.True(before.IsRemoved);
        Assert.NotSame(before, reference.Current);
        Assert.Equal(9000, reference.Current!.Config.ConnectTimeoutMilliseconds);
        Assert.Equal(s_first, Assert.Single(reference.Current.Hosts.All).Address);
        loop.RunOnce(0);
        Assert.NotEqual(before.Index, reference.Current.Index);
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Cluster_Removed_ReferenceIsEmpty(bool used) => Run((fixture, loop) =>
    {
        ClusterReference reference = Push(fixture, "c", s_first);
        ClusterState? state = used ? reference.Current : null;
        fixture.Clusters.Apply([], ["c"], []);
        Assert.False(reference.Exists);
        Assert.Null(reference.Current);
        Assert.Empty(fixture.Subscriptions.Subscribers);
        Assert.Equal(used, state?.IsRemoved ?? false);
        loop.RunOnce(0);
        Assert.Null(reference.Current);
    });

    [Fact]
    public void Cluster_WithOutlierDetection_IsWatchedFromItsFirstUse() => Run((fixture, loop) =>
    {
        Cluster cluster = Eds("c");
        cluster.OutlierDetection = new OutlierDetection { Consecutive5Xx = 2, MaxEjectionPercent = 100 };
        fixture.Apply(cluster);
        fixture.Subscriptions.Push("c", TransportFixture.Assignment("c", s_first, s_second));
        ClusterState state = fixture.Context.Clusters.Reference("c").Current!;
        LoopRunner.Turn(loop, () => state.Outliers is not null);
        state.Hosts.All[0].Monitor.OnStatus(500, 0);
        state.Hosts.All[0].Monitor.OnStatus(500, 0);
        LoopRunner.Turn(loop, () => state.Hosts.All[0].IsUnhealthy);
    });

    [Fact]
    public void Cluster_ThatActsByItselfOrIsSeen_DoesNotRest() => Run((fixture, _) =>
    {
        Cluster aging = Eds("aging");
        aging.RoundRobinLbConfig = new Cluster.Types.RoundRobinLbConfig
        {
            SlowStartConfig = new Cluster.Types.SlowStartConfig { SlowStartWindow = Duration.FromTimeSpan(TimeSpan.FromSeconds(60)) },
        };
        fixture.Apply(aging, Eds("shown"));
        fixture.Subscriptions.Push("aging", TransportFixture.Assignment("aging", s_first));
        fixture.Subscriptions.Push("shown", TransportFixture.Assignment("shown", s_first));
        Assert.True(IsAwake(fixture));
        Assert.Equal(1, fixture.Gauge("cluster.shown.membership_total"));
    });

    [Fact]
    public void Workers_ThatWakeOneClusterAtOnce_GetOneState() => Run((fixture, _) =>
    {
        const int Clusters = 100;
        var references = new ClusterReference[Clusters];
        for (int i = 0; i < Clusters; i++)
        {
            references[i] = Push(fixture, $"c{i}", s_first);
        }

        using var start = new Barrier(4);
        var seen = new ClusterState?[4][];
        var threads = new Thread[4];
        for (int t = 0; t < threads.Length; t++)
        {
            int thread = t;
            threads[t] = new Thread(() =>
            {
                start.SignalAndWait();
                seen[thread] = Array.ConvertAll(references, static r => r.Current);
            });
            threads[t].Start();
        }

        // Pushes go on meanwhile, on the main loop.
        for (int i = 0; i < Clusters; i++)
        {
            fixture.Subscriptions.Push($"c{i}", TransportFixture.Assignment($"c{i}", s_second));
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        for (int i = 0; i < Clusters; i++)
        {
            Assert.All(seen, states => Assert.Same(seen[0][i], states[i]));
            Assert.Equal(s_second, Assert.Single(seen[0][i]!.Hosts.All).Address);
        }

        Assert.Equal(Clusters, seen[0].Select(static s => s!.Index).Distinct().Count());
    });

    private static void Run(Action<TransportFixture, EventLoop> body) => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        fixture.Stats.Configure(
            new StatsMatcher(include: true, [new StatNamePattern(StatNamePattern.PatternKind.Prefix, "cluster.shown.")]), HistogramBucketRules.Default);
        body(fixture, loop);
        return Task.CompletedTask;
    });

    // A report describes a resting cluster by a state of its own each time.
    private static bool IsAwake(TransportFixture fixture) =>
        fixture.Clusters.Active.Zip(fixture.Clusters.Active).All(static pair => ReferenceEquals(pair.First, pair.Second));

    private static ClusterReference Push(TransportFixture fixture, string name, params NetAddress[] hosts)
    {
        Assert.Empty(fixture.Apply(Eds(name)));
        fixture.Subscriptions.Push(name, TransportFixture.Assignment(name, hosts));
        return fixture.Context.Clusters.Own(name);
    }

    private static Cluster Eds(string name) => new()
    {
        Name = name,
        Type = Cluster.Types.DiscoveryType.Eds,
        EdsClusterConfig = new Cluster.Types.EdsClusterConfig { EdsConfig = new ConfigSource { Ads = new AggregatedConfigSource() } },
    };
}
