using Envoy.Config.Cluster.V3;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using ProtoPriority = Envoy.Config.Core.V3.RoutingPriority;
using RoutingPriority = Pilotfish.Proxy.Clusters.RoutingPriority;
using Thresholds = Envoy.Config.Cluster.V3.CircuitBreakers.Types.Thresholds;

namespace Pilotfish.Proxy.Tests.Clusters;

/// <summary>`circuit_breakers.PRIORITY.*`: which gauges there are, and that they follow the breakers.</summary>
public sealed class BreakerGaugeTests
{
    private static readonly string[] s_remaining = ["remaining_cx", "remaining_pending", "remaining_rq", "remaining_retries", "remaining_cx_pools"];
    private static readonly string[] s_open = ["cx_open", "rq_pending_open", "rq_open", "rq_retry_open", "cx_pool_open"];

    [Fact]
    public void TrackRemaining_Set_GaugesFollowEachBreaker() => Run(fixture =>
    {
        CircuitBreaker breaker = Use(fixture, Limits(ProtoPriority.Default, 5)).Breaker(RoutingPriority.Default);
        Assert.Equal([5, 6, 7, 8, 9], s_remaining.Select(name => Value(fixture, "default." + name)));
        Assert.All(s_open, name => Assert.Equal(0, Value(fixture, "default." + name)));
        breaker.Connections.Acquire();
        Take(breaker.PendingRequests, 6);
        Take(breaker.Requests, 3);
        Assert.True(breaker.TryAcquireRetry());
        Assert.Equal([4, 0, 4, 7, 9], s_remaining.Select(name => Value(fixture, "default." + name)));
        Assert.Equal([0, 1, 0, 0, 0], s_open.Select(name => Value(fixture, "default." + name)));

        // A pool's first connection passes the limit: there is no room left, not less than none.
        Take(breaker.Connections, 6);
        breaker.PendingRequests.Release();
        Assert.Equal([0, 1, 4, 7, 9], s_remaining.Select(name => Value(fixture, "default." + name)));
        Assert.Equal([1, 0, 0, 0, 0], s_open.Select(name => Value(fixture, "default." + name)));
    });

    [Fact]
    public void TrackRemaining_OfOnePriority_ShowsNoRoomOfTheOther() => Run(fixture =>
    {
        Use(fixture, Limits(ProtoPriority.High, 5));
        Assert.Equal(5, Value(fixture, "high.remaining_cx"));
        Assert.All(s_remaining, name => Assert.Null(Value(fixture, "default." + name)));
        Assert.All(s_open, name => Assert.Equal(0, Value(fixture, "default." + name)));
    });

    [Fact]
    public void RetryBudget_LeavesNoRemainingRetries() => Run(fixture =>
    {
        Thresholds limits = Limits(ProtoPriority.Default, 5);
        limits.RetryBudget = new Thresholds.Types.RetryBudget();
        Use(fixture, limits);
        Assert.Equal(0, Value(fixture, "default.remaining_retries"));
    });

    [Fact]
    public void ChangedConfig_GaugesShowTheNewBreakers_OrGo() => Run(fixture =>
    {
        ClusterState former = Use(fixture, Limits(ProtoPriority.Default, 5));
        fixture.Apply(Cluster(Limits(ProtoPriority.Default, 50)));
        former.Breaker(RoutingPriority.Default).Connections.Acquire();
        Assert.Equal(50, Value(fixture, "default.remaining_cx"));
        Thresholds untracked = Limits(ProtoPriority.Default, 7);
        untracked.TrackRemaining = false;
        fixture.Apply(Cluster(untracked));
        Assert.Null(Value(fixture, "default.remaining_cx"));
        Assert.Equal(0, Value(fixture, "default.cx_open"));
    });

    [Fact]
    public void StatsMatcher_ThatExcludesThem_MakesNone() => Run(fixture =>
    {
        fixture.Stats.Configure(StatsMatcher.None, HistogramBucketRules.Default);
        Use(fixture, Limits(ProtoPriority.Default, 5));
        Assert.Null(Value(fixture, "default.remaining_cx"));
    });

    private static ClusterState Use(TransportFixture fixture, Thresholds limits)
    {
        Assert.Empty(fixture.Apply(Cluster(limits)));
        ClusterState state = fixture.Context.Clusters.Reference("c").Current!;
        Assert.NotNull(state.Stats);
        return state;
    }

    private static Cluster Cluster(Thresholds limits)
    {
        Cluster cluster = TransportFixture.StaticCluster("c", NetAddress.Parse("10.1.0.1:80"));
        cluster.CircuitBreakers = new CircuitBreakers { Thresholds = { limits } };
        return cluster;
    }

    private static Thresholds Limits(ProtoPriority priority, uint least) => new()
    {
        Priority = priority,
        MaxConnections = least,
        MaxPendingRequests = least + 1,
        MaxRequests = least + 2,
        MaxRetries = least + 3,
        MaxConnectionPools = least + 4,
        TrackRemaining = true,
    };

    private static void Take(Breaker breaker, int count)
    {
        for (int i = 0; i < count; i++)
        {
            breaker.Acquire();
        }
    }

    private static long? Value(TransportFixture fixture, string name) =>
        fixture.Stats.TryFind("cluster.c.circuit_breakers." + name, out StatEntry? entry) ? fixture.Stats.Value(entry) : null;

    private static void Run(Action<TransportFixture> body) => LoopRunner.Run(loop =>
    {
        body(new TransportFixture(loop));
        return Task.CompletedTask;
    });
}
