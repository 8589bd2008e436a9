using Envoy.Config.Accesslog.V3;
using Envoy.Config.Route.V3;
using Envoy.Type.Matcher.V3;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Reasons;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>virtual_clusters of a virtual host: names of kinds of requests, for the access log.</summary>
public sealed class VirtualClusterTests
{
    [Theory]
    [InlineData("POST", "/rides/12", "update_ride")]
    [InlineData("POST", "/rides", "create_ride")]
    [InlineData("GET", "/rides", "other")]
    public void Request_IsNamedByTheFirstThatMatches(string method, string path, string name) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        List<string> records = [];
        bench.Context.Extensions.Register<IAccessLoggerFactory>(new FormatRecordFactory(records));
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(
            Routes(Cluster("update_ride", "/rides/"), Cluster("create_ride", "/rides")),
            static hcm => hcm.AccessLog.Add(new AccessLog { Name = "record", TypedConfig = CauseBench.Packed("%VIRTUAL_CLUSTER_NAME%") }));
        TestClient client = bench.Connect();
        await client.SendAsync($"{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        await client.ReadHeadAsync();
        Assert.Equal([name], records);
    });

    [Fact]
    public void Cluster_WithoutName_IsRefusedByField() => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        Assert.EndsWith(
            "virtual_hosts[0].virtual_clusters[1].name",
            Assert.Throws<ConfigRejectedException>(() => bench.Serve(Routes(Cluster("one", "/"), Cluster("", "/")))).Field);
        return Task.CompletedTask;
    });

    private static VirtualCluster Cluster(string name, string prefix) => new()
    {
        Name = name,
        Headers =
        {
            new HeaderMatcher { Name = ":method", StringMatch = new StringMatcher { Exact = "POST" } },
            new HeaderMatcher { Name = ":path", StringMatch = new StringMatcher { Prefix = prefix } },
        },
    };

    private static RouteConfiguration Routes(params VirtualCluster[] clusters) => new()
    {
        Name = "routes",
        VirtualHosts =
        {
            new VirtualHost
            {
                Name = "all",
                Domains = { "*" },
                VirtualClusters = { clusters },
                Routes = { new Route { Match = new RouteMatch { Prefix = "/" }, Route_ = new RouteAction { Cluster = "backend" } } },
            },
        },
    };
}
