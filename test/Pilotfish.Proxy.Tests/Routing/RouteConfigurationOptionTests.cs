using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Routing;

public sealed class RouteConfigurationOptionTests
{
    [Theory]
    [InlineData("exact", true, "/a;v=1", "exact")]
    [InlineData("exact, with a query", true, "/a;v=1?x=2", "exact")]
    [InlineData("prefix", true, "/b;v=1/c", "prefix")]
    [InlineData("a prefix beyond the parameter", true, "/b;v/c/d", "prefix")]
    [InlineData("off", false, "/a;v=1", "rest")]
    public void Parameters_AreNoPartOfThePath(string label, bool ignored, string path, string route) => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(new RouteConfiguration
        {
            Name = "routes",
            IgnorePathParametersInPathMatching = ignored,
            VirtualHosts =
            {
                new VirtualHost
                {
                    Name = "all", Domains = { "*" },
                    Routes =
                    {
                        Answer("exact", new RouteMatch { Path = "/a" }), Answer("regex", new RouteMatch { Prefix = "/b;v/c" }),
                        Answer("prefix", new RouteMatch { Prefix = "/b" }), Answer("rest", new RouteMatch { Prefix = "/" }),
                    },
                },
            },
        });
        TestClient client = bench.Connect();
        await client.SendAsync($"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");

        string head = await client.ReadHeadAsync();
        Assert.True(head.Contains($"\r\nx-route: {route}\r\n", StringComparison.Ordinal), $"{label}: {head}");
    });

    [Theory]
    [InlineData(null, "gone", null)]
    [InlineData(false, "gone", null)]
    [InlineData(true, "backend", null)]
    [InlineData(true, "gone", "route_config.virtual_hosts[0].routes[0].route.cluster")]
    public void MissingCluster_IsRefusedIfValidated(bool? validates, string cluster, string? field) => Check(validates, new RouteAction { Cluster = cluster }, field);

    [Fact]
    public void MissingWeightedCluster_IsRefusedIfValidated() => Check(true, new RouteAction
    {
        WeightedClusters = new WeightedCluster
        {
            Clusters =
            {
                new WeightedCluster.Types.ClusterWeight { Name = "backend", Weight = 1 },
                new WeightedCluster.Types.ClusterWeight { Name = "gone", Weight = 1 },
            },
        },
    }, "route_config.virtual_hosts[0].routes[0].route.weighted_clusters.clusters[1].name");

    private static void Check(bool? validates, RouteAction action, string? field) => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend");
        string? refused = null;
        try
        {
            bench.Serve(new RouteConfiguration
            {
                Name = "routes",
                ValidateClusters = validates,
                VirtualHosts =
                {
                    new VirtualHost { Name = "all", Domains = { "*" }, Routes = { new Route { Match = new RouteMatch { Prefix = "/" }, Route_ = action } } },
                },
            });
        }
        catch (ConfigRejectedException rejected)
        {
            refused = rejected.Field;
        }

        Assert.Equal(field, refused);
        return Task.CompletedTask;
    });

    private static Route Answer(string name, RouteMatch match) => new()
    {
        Match = match,
        DirectResponse = new DirectResponseAction { Status = 200 },
        ResponseHeadersToAdd = { new Envoy.Config.Core.V3.HeaderValueOption { Header = new() { Key = "x-route", Value = name } } },
    };
}
