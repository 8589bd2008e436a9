using Envoy.Config.Cluster.V3;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Clusters;

/// <summary>per_endpoint_stats and max_host_weight.</summary>
public sealed class EndpointStatTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Endpoints_AreShownWhereAsked_AndGoWithTheirHosts(bool asked) => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        var cluster = new Cluster
        {
            Name = "c",
            Type = Cluster.Types.DiscoveryType.Eds,
            EdsClusterConfig = new Cluster.Types.EdsClusterConfig(),
            TrackClusterStats = new TrackClusterStats { PerEndpointStats = asked },
        };
        Assert.Empty(fixture.Apply(cluster));
        fixture.Subscriptions.Push("c", TransportFixture.Assignment("c", NetAddress.Parse("10.0.0.1:80"), NetAddress.Parse("[fd00::2]:80")));
        ClusterState state = fixture.Context.Clusters.Reference("c").Current!;
        string[] names = Names(fixture);
        Assert.Equal(asked ? 18 : 0, names.Length);
        if (asked)
        {
            Host host = state.Hosts.All[0];
            host.RequestStarted();
            host.Monitor.OnStatus(200, 0);
            host.Monitor.OnStatus(500, 0);
            Assert.Equal(
                [0, 0, 0, 1, 1, 1, 1, 0, 1],
                new[] { "cx_active", "cx_connect_fail", "cx_total", "healthy", "rq_active", "rq_error", "rq_success", "rq_timeout", "rq_total" }
                    .Select(leaf => Value(fixture, $"cluster.c.endpoint.10.0.0.1_80.{leaf}")));
            fixture.Context.Stats.ResetCounters();
            Assert.Equal(1, Value(fixture, "cluster.c.endpoint.10.0.0.1_80.rq_total"));
            host.SetHealth(HostHealth.FailedOutlierCheck, on: true);
            Assert.Equal(0, Value(fixture, "cluster.c.endpoint.10.0.0.1_80.healthy"));
        }

        fixture.Subscriptions.Push("c", TransportFixture.Assignment("c", NetAddress.Parse("10.0.0.1:80")));
        Assert.Equal(asked ? 9 : 0, Names(fixture).Length);
        fixture.Clusters.Apply([], ["c"], []);
        return Task.CompletedTask;
    });

    [Fact]
    public void Names_HaveTheEndpointAsTag_AndClustersOfTheWordDoNot()
    {
        var rules = new StatTagRules(StatTagRules.Default);
        List<StatTag> tags = [];
        Assert.Equal("cluster.endpoint.rq_total", rules.Extract("cluster.c.endpoint.10.0.0.1_80.rq_total", tags));
        Assert.Equal(["envoy.endpoint_address=10.0.0.1_80", "envoy.cluster_name=c"], tags.Select(static tag => $"{tag.Name}={tag.Value}"));
        tags.Clear();
        rules.Extract("cluster.outbound|80||a.endpoint.svc.upstream_rq_total", tags);
        Assert.DoesNotContain(tags, static tag => tag.Name == "envoy.endpoint_address");
    }

    [Fact]
    public void MaxHostWeight_FollowsTheMembership() => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        Cluster cluster = TransportFixture.StaticCluster("c", NetAddress.Parse("10.0.0.1:80"), NetAddress.Parse("10.0.0.2:80"));
        cluster.LoadAssignment.Endpoints[0].LbEndpoints[1].LoadBalancingWeight = 7;
        Assert.Empty(fixture.Apply(cluster));
        Assert.Equal(7, fixture.Gauge("cluster.c.max_host_weight"));
        return Task.CompletedTask;
    });

    [Fact]
    public void RemovedCluster_TakesAllItsStatisticsAlong()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var fixture = new TransportFixture(loop);
            Cluster cluster = TransportFixture.StaticCluster("c", NetAddress.Parse("10.0.0.1:80"));
            cluster.OutlierDetection = new OutlierDetection();
            cluster.TrackClusterStats = new TrackClusterStats { PerEndpointStats = true };
            Assert.Empty(fixture.Apply(cluster));
            ClusterState state = fixture.Context.Clusters.Reference("c").Current!;
            Pilotfish.Proxy.Http1.ClusterHttp http = Pilotfish.Proxy.Http1.ClusterHttp.Of(state);
            _ = http.Http2Stats;
            _ = http.MetadataDropped;
            _ = http.MetadataDropped;
            Assert.Contains(fixture.Context.Stats.Entries(), static entry => entry.Name.StartsWith("cluster.c.outlier_detection.", StringComparison.Ordinal));
            fixture.Clusters.Apply([], ["c"], []);
            clock.Advance(TimeSpan.FromSeconds(7));
            await TestPeers.UntilAsync(
                loop, () => !fixture.Context.Stats.Entries().Exists(static entry => entry.Name.StartsWith("cluster.c.", StringComparison.Ordinal)));
        });
    }

    private static string[] Names(TransportFixture fixture) => [.. fixture.Context.Stats.Entries()
        .Select(static entry => entry.Name).Where(static name => name.StartsWith("cluster.c.endpoint.", StringComparison.Ordinal))];

    private static long Value(TransportFixture fixture, string name) =>
        fixture.Context.Stats.TryFind(name, out StatEntry? entry) ? fixture.Context.Stats.Value(entry) : -1;
}
