using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.Upstreams.Http.V3;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using HttpProtocolOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;
using Locality = Pilotfish.Proxy.Clusters.Locality;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>preconnect_policy: connections are opened before requests need them.</summary>
public sealed class PreconnectTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1.5, 2)]
    [InlineData(2, 2)]
    [InlineData(3, 3)]
    public void PerUpstream_Http1_FirstRequestOpensForThoseThatFollow(double ratio, int connections) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, new PreconnectPolicy(ratio, 1), null, upstream.Address);
        await bench.Connect().SendAsync(Get);
        var accepted = new List<TestClient>();
        for (int i = 0; i < connections; i++)
        {
            accepted.Add(await upstream.AcceptAsync());
        }

        await TurnsAsync(loop);
        Assert.Equal(connections, bench.Counter("cluster.backend.upstream_cx_total"));
        Assert.Equal(connections, Gauge(bench, "upstream_cx_active"));
        Assert.Equal(1, bench.Counter("cluster.backend.upstream_rq_total"));
    });

    [Fact]
    public void PerUpstream_Http1_LaterRequestTakesTheConnectionThatWaits() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, new PreconnectPolicy(1.5, 1), null, upstream.Address);
        await bench.Connect().SendAsync(Get);
        TestClient first = await upstream.AcceptAsync();
        await first.ReadHeadAsync();
        TestClient second = await upstream.AcceptAsync();
        await TurnsAsync(loop);

        // Two under way: three are to be ready.
        await bench.Connect().SendAsync(Get);
        await second.ReadHeadAsync();
        await upstream.AcceptAsync();
        await TurnsAsync(loop);
        Assert.Equal(3, bench.Counter("cluster.backend.upstream_cx_total"));
        Assert.Equal(0, Gauge(bench, "upstream_rq_pending_active"));
    });

    [Fact]
    public void PerUpstream_StaysWithinMaxConnections() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(
            loop, new PreconnectPolicy(3, 1), settings => settings with { CircuitBreakers = [new() { ConnectionsMax = 2 }, new()] }, upstream.Address);
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        TestClient first = await upstream.AcceptAsync();
        await upstream.AcceptAsync();
        await first.ReadHeadAsync();
        await first.SendAsync(Ok);
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
        Assert.Equal(2, bench.Counter("cluster.backend.upstream_cx_total"));
        Assert.Equal(1, bench.Counter("cluster.backend.upstream_cx_overflow"));
    });

    [Theory]
    [InlineData(1024, 1)]
    [InlineData(1, 2)]
    public void PerUpstream_Http2_CountsTheStreamsOfAConnection(uint streams, int connections) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var options = new HttpProtocolOptions
        {
            ExplicitHttpConfig = new HttpProtocolOptions.Types.ExplicitHttpConfig
            {
                Http2ProtocolOptions = new Http2ProtocolOptions { MaxConcurrentStreams = streams },
            },
        };
        ProxyBench bench = Serve(
            loop, new PreconnectPolicy(2, 1), settings => settings with { Http = UpstreamHttpOptions.Compile(options, "") }, upstream.Address);
        await bench.Connect().SendAsync(Get);
        for (int i = 0; i < connections; i++)
        {
            await upstream.AcceptAsync();
        }

        await TurnsAsync(loop);
        Assert.Equal(connections, bench.Counter("cluster.backend.upstream_cx_total"));
    });

    [Fact]
    public void PerUpstream_HostThatIsNotHealthy_GetsNothingAhead() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        ClusterState cluster = bench.AddClusterWith(
            "backend", static settings => settings with { Preconnect = new PreconnectPolicy(3, 3) }, upstream.Address);
        var host = new Host(new HostConfig(upstream.Address, "") { EdsHealth = HostHealth.DegradedEdsHealth }, 1, 0);
        cluster.Publish(new HostSetBuilder(cluster.Config.LoadBalancing, Locality.None, 1).Build([host]));
        bench.Serve();
        await bench.Connect().SendAsync(Get);
        await upstream.AcceptAsync();
        await TurnsAsync(loop);
        Assert.Equal(1, bench.Counter("cluster.backend.upstream_cx_total"));
    });

    [Fact]
    public void Predictive_NextHostsConnectionIsReadyBeforeItsRequest() => LoopRunner.Run(async loop =>
    {
        using var one = new TestUpstream(loop);
        using var two = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, new PreconnectPolicy(1, 2), null, one.Address, two.Address);
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        TestClient atOne = await one.AcceptAsync();
        TestClient atTwo = await two.AcceptAsync();
        await TurnsAsync(loop);
        Assert.Equal(2, bench.Counter("cluster.backend.upstream_cx_total"));
        Task<string> oneAsked = atOne.ReadHeadAsync();
        Task<string> twoAsked = atTwo.ReadHeadAsync();
        await Task.WhenAny(oneAsked, twoAsked);
        await (oneAsked.IsCompleted ? atOne : atTwo).SendAsync(Ok);
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
        await client.SendAsync(Get);
        await oneAsked;
        await twoAsked;
        await TurnsAsync(loop);

        // Both connections exist, one is idle: what two streams for one that comes would need.
        Assert.Equal(2, bench.Counter("cluster.backend.upstream_cx_total"));
    });

    [Fact]
    public void Predictive_OnePerHostThatCanBeForeseen() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, new PreconnectPolicy(1, 3), null, upstream.Address);
        await bench.Connect().SendAsync(Get);
        await upstream.AcceptAsync();
        await TurnsAsync(loop);
        Assert.Equal(1, bench.Counter("cluster.backend.upstream_cx_total"));
    });

    [Fact]
    public void ConnectionOpenedAhead_Refused_FailsNobodyLater() => LoopRunner.Run(async loop =>
    {
        var upstream = new TestUpstream(loop);
        using var working = new TestUpstream(loop);
        NetAddress gone = upstream.Address;
        upstream.Dispose();
        ProxyBench bench = Serve(loop, new PreconnectPolicy(1, 2), null, working.Address, gone);
        _ = AnswerAllAsync(working);
        TestClient client = bench.Connect();
        var answers = new List<string>();
        for (int i = 0; i < 6; i++)
        {
            await client.SendAsync(Get);
            answers.Add((await client.ReadHeadAsync())[..12]);
            if (answers[^1] != "HTTP/1.1 200")
            {
                await client.ReadUntilAsync("Connection refused");
            }
        }

        // Half of them had no luck with their own connection; none with one that was opened for another.
        Assert.Equal(3, answers.Count(static answer => answer == "HTTP/1.1 200"));
        Assert.Equal(3, answers.Count(static answer => answer == "HTTP/1.1 503"));
    });

    [Theory]
    [InlineData(0.99, null, "per_upstream_preconnect_ratio: 0.99 is not between 1 and 3")]
    [InlineData(null, 3.01, "predictive_preconnect_ratio: 3.01 is not between 1 and 3")]
    [InlineData(double.NaN, null, "per_upstream_preconnect_ratio: NaN is not between 1 and 3")]
    public void Ratio_OutOfRange_IsRefusedByField(double? perUpstream, double? predictive, string reason) => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        Cluster cluster = TransportFixture.StaticCluster("c", NetAddress.Loopback(1));
        cluster.PreconnectPolicy = new Cluster.Types.PreconnectPolicy
        {
            PerUpstreamPreconnectRatio = perUpstream,
            PredictivePreconnectRatio = predictive,
        };
        RejectedResource rejected = Assert.Single(fixture.Apply(cluster));
        Assert.Contains("preconnect_policy." + reason, rejected.Reason, StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    private static ProxyBench Serve(
        EventLoop loop, PreconnectPolicy policy, Func<ClusterSettings, ClusterSettings>? more, params NetAddress[] hosts)
    {
        var bench = new ProxyBench(loop);
        bench.AddClusterWith("backend", settings => (more?.Invoke(settings) ?? settings) with { Preconnect = policy }, hosts);
        bench.Serve();
        return bench;
    }

    private static async Task AnswerAllAsync(TestUpstream upstream)
    {
        while (true)
        {
            _ = AnswerAsync(await upstream.AcceptAsync());
        }
    }

    private static async Task AnswerAsync(TestClient server)
    {
        while (true)
        {
            await server.ReadHeadAsync();
            await server.SendAsync(Ok);
        }
    }

    private static long Gauge(ProxyBench bench, string name) =>
        bench.Stats.Value(bench.Stats.Scope("cluster.backend").Gauge(name));

    private static async Task TurnsAsync(EventLoop loop)
    {
        for (int turns = 0; turns < 50; turns++)
        {
            await loop.YieldAsync();
        }
    }
}
