using Envoy.Config.Route.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Stats;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>Statistics of virtual clusters and of routes with a stat_prefix: which names exist, what counts, when they go.</summary>
public sealed class RequestStatTests
{
    private const string Route = "vhost.all_80.route.reads.";
    private const string Cluster = "vhost.all_80.vcluster.gets.";
    private const string Other = "vhost.all_80.vcluster.other.";

    [Fact]
    public void Request_CountsWhereItBelongs() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(Routes("reads"));
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 204 Fine\r\n\r\n");
        await client.ReadHeadAsync();
        foreach (string prefix in (string[])[Route, Cluster])
        {
            Assert.Equal(
                ["upstream_rq_204=1", "upstream_rq_2xx=1", "upstream_rq_completed=1", "upstream_rq_retry=1", "upstream_rq_retry_success=1", "upstream_rq_total=2"],
                Counted(bench.Stats, prefix));
            Assert.Equal(1, Count(bench.Stats, prefix + "upstream_rq_time"));
        }

        Assert.Empty(Counted(bench.Stats, Other));
        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
        await client.ReadHeadAsync();
        Assert.Equal(
            ["upstream_rq_503=1", "upstream_rq_5xx=1", "upstream_rq_completed=1", "upstream_rq_retry=1", "upstream_rq_retry_limit_exceeded=1", "upstream_rq_total=2"],
            Counted(bench.Stats, Other));
    });

    [Fact]
    public void Timeout_Counts()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            bench.AddCluster("backend", upstream.Address);
            RouteConfiguration routes = Routes("reads");
            routes.VirtualHosts[0].Routes[0].Route_.Timeout = new Google.Protobuf.WellKnownTypes.Duration { Seconds = 1 };
            bench.Serve(routes);
            TestClient client = bench.Connect();
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            await (await upstream.AcceptAsync()).ReadHeadAsync();
            clock.Advance(TimeSpan.FromSeconds(1.1));
            Assert.StartsWith("HTTP/1.1 504 ", await client.ReadHeadAsync());
            Assert.Equal(
                ["upstream_rq_504=1", "upstream_rq_5xx=1", "upstream_rq_completed=1", "upstream_rq_timeout=1", "upstream_rq_total=1"], Counted(bench.Stats, Route));
        });
    }

    [Fact]
    public void Names_ExistOnlyWhereConfigured_AndHaveEnvoysTags() => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve();
        Assert.DoesNotContain(bench.Stats.Entries(), static entry => entry.Name.StartsWith("vhost.", StringComparison.Ordinal));
        bench.Serve(Routes("reads"));
        string[] names = [.. bench.Stats.Entries().Select(static entry => entry.Name).Where(static name => name.StartsWith(Route, StringComparison.Ordinal))];
        Assert.Equal(
            ["upstream_rq_retry", "upstream_rq_retry_limit_exceeded", "upstream_rq_retry_overflow", "upstream_rq_retry_success", "upstream_rq_timeout", "upstream_rq_total"],
            names.Select(static name => name[Route.Length..]).Order(StringComparer.Ordinal));
        var rules = new StatTagRules(StatTagRules.Default);
        List<StatTag> tags = [];
        Assert.Equal("vhost.route.upstream_rq", rules.Extract(Route + "upstream_rq_2xx", tags).Replace("_xx", "", StringComparison.Ordinal));
        Assert.Equal(
            ["envoy.response_code_class=2", "envoy.route=reads", "envoy.virtual_host=all_80"], tags.Select(static tag => $"{tag.Name}={tag.Value}"));
        tags.Clear();
        Assert.Equal("vhost.vcluster.upstream_rq_retry", rules.Extract(Cluster + "upstream_rq_retry", tags));
        Assert.Equal(["envoy.virtual_cluster=gets", "envoy.virtual_host=all_80"], tags.Select(static tag => $"{tag.Name}={tag.Value}"));
        return Task.CompletedTask;
    });

    [Fact]
    public void Push_KeepsCountsOfNamesThatStay_AndDropsTheOthers() => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        RouteConfigSlot slot = RouteConfigSlot.Subscribe("routes", bench.Context, null);
        bench.Context.Clusters.Reference("backend");
        slot.OnResource("routes", Routes("reads").ToByteArray(), "1");
        RequestStats stats = slot.Current!.VirtualHosts[0].Routes[0].Stats!;
        bench.Stats.Main.Add(stats.Total, 3);
        slot.OnResource("routes", Routes("reads").ToByteArray(), "2");
        Assert.Equal(["upstream_rq_total=3"], Counted(bench.Stats, Route));
        Assert.Throws<ConfigRejectedException>(() => slot.OnResource("routes", Broken().ToByteArray(), "3"));
        Assert.Equal(["upstream_rq_total=3"], Counted(bench.Stats, Route));
        slot.OnResource("routes", Routes("writes").ToByteArray(), "4");
        Assert.DoesNotContain(bench.Stats.Entries(), static entry => entry.Name.StartsWith(Route, StringComparison.Ordinal));
        slot.Dispose();
        Assert.DoesNotContain(bench.Stats.Entries(), static entry => entry.Name.StartsWith("vhost.", StringComparison.Ordinal));
        return Task.CompletedTask;
    });

    private static RouteConfiguration Broken()
    {
        RouteConfiguration routes = Routes("more");
        routes.VirtualHosts.Add(new VirtualHost { Name = "", Domains = { "b" } });
        return routes;
    }

    private static IEnumerable<string> Counted(StatsStore stats, string prefix) => stats.Entries()
        .Where(entry => entry.Kind == StatKind.Counter && entry.Name.StartsWith(prefix, StringComparison.Ordinal) && stats.Value(entry) > 0)
        .Select(entry => $"{entry.Name[prefix.Length..]}={stats.Value(entry)}").Order(StringComparer.Ordinal);

    private static long Count(StatsStore stats, string name) => stats.TryFind(name, out StatEntry? entry) ? stats.Snapshot(entry).Total : -1;

    private static RouteConfiguration Routes(string prefix) => new()
    {
        Name = "routes",
        VirtualHosts =
        {
            new VirtualHost
            {
                Name = "all:80",
                Domains = { "*" },
                VirtualClusters =
                {
                    new VirtualCluster { Name = "gets", Headers = { new HeaderMatcher { Name = ":method", StringMatch = new StringMatcher { Exact = "GET" } } } },
                },
                Routes =
                {
                    new Envoy.Config.Route.V3.Route
                    {
                        Match = new RouteMatch { Prefix = "/" },
                        StatPrefix = prefix,
                        Route_ = new RouteAction { Cluster = "backend", RetryPolicy = new RetryPolicy { RetryOn = "5xx" } },
                    },
                },
            },
        },
    };
}
