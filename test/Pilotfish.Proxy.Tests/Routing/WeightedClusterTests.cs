using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using Xunit;
using HashPolicy = Envoy.Config.Route.V3.RouteAction.Types.HashPolicy;
using Weight = Envoy.Config.Route.V3.WeightedCluster.Types.ClusterWeight;

namespace Pilotfish.Proxy.Tests.Routing;

/// <summary>Which cluster of a split serves a request, and what its entry changes. The shares of chance itself are in RuntimeTrafficTests.</summary>
public sealed class WeightedClusterTests
{
    /// <summary>Of clusters a, b and c with the weights 10, 0 and 30: the header's values and the cluster; null where chance decides.</summary>
    [Theory]
    [InlineData("x-pick: 0", "a")]
    [InlineData("x-pick: 9", "a")]
    [InlineData("x-pick: 10", "c")]
    [InlineData("x-pick: 39", "c")]
    [InlineData("x-pick: 40", "a")]
    [InlineData("x-pick: 18446744073709551615", "c")]
    [InlineData("x-pick: 0\r\nx-pick: 0", null)]
    [InlineData("x-pick: no", null)]
    [InlineData("x-other: 0", null)]
    public void Header_DecidesByItsNumber(string header, string? cluster) => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = Serve(loop, static weighted => weighted.HeaderName = "X-Pick", out List<TestUpstream> upstreams);
        TestClient client = bench.Connect();
        var seen = new HashSet<string>();
        for (int i = 0; i < 100; i++)
        {
            await client.SendAsync($"GET / HTTP/1.1\r\nHost: h\r\n{header}\r\n\r\n");
            seen.Add(ClusterOf(await client.ReadHeadAsync()));
        }

        // A hundred requests of which each quarter or three go elsewhere: chance always reaches both, never the one without weight.
        Assert.Equal(cluster is null ? ["a", "c"] : [cluster], seen.Order());
        upstreams.ForEach(static upstream => upstream.Dispose());
    });

    [Fact]
    public void HashPolicy_DecidesAlikeForEqualRequests_AndChanceWithoutAHash() => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = Serve(loop, static weighted => weighted.UseHashPolicy = true, out List<TestUpstream> upstreams,
            static action => action.HashPolicy.Add(new HashPolicy { Header = new HashPolicy.Types.Header { HeaderName = "x-user" } }));
        TestClient client = bench.Connect();
        var all = new HashSet<string>();
        for (int user = 0; user < 60; user++)
        {
            var own = new HashSet<string>();
            for (int i = 0; i < 3; i++)
            {
                await client.SendAsync($"GET / HTTP/1.1\r\nHost: h\r\nx-user: {user}\r\n\r\n");
                own.Add(ClusterOf(await client.ReadHeadAsync()));
            }

            all.Add(Assert.Single(own));
        }

        Assert.Equal(["a", "c"], all.Order());
        all.Clear();
        for (int i = 0; i < 100; i++)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            all.Add(ClusterOf(await client.ReadHeadAsync()));
        }

        Assert.Equal(["a", "c"], all.Order());
        upstreams.ForEach(static upstream => upstream.Dispose());
    });

    [Fact]
    public void Entry_HasItsOwnHeadersAndHost() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("named", upstream.Address);
        bench.Serve(configureRoute: static route => route.Route_ = new RouteAction
        {
            WeightedClusters = new WeightedCluster
            {
                Clusters =
                {
                    new Weight
                    {
                        ClusterHeader = "X-To",
                        Weight = 1,
                        HostRewriteLiteral = "of.the.entry",
                        RequestHeadersToAdd = { Header("x-entry", "%REQ(x-to)%") },
                        RequestHeadersToRemove = { "x-gone" },
                        ResponseHeadersToAdd = { Header("x-from", "entry") },
                        ResponseHeadersToRemove = { "x-gone" },
                    },
                },
            },
        });
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\nx-to: named\r\nx-gone: 1\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        string head = await server.ReadHeadAsync();
        Assert.Contains("host: of.the.entry\r\n", head);
        Assert.Contains("x-entry: named\r\n", head);
        Assert.DoesNotContain("x-gone", head);
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nx-gone: 1\r\n\r\n");
        string answer = await client.ReadHeadAsync();
        Assert.Contains("x-from: entry\r\n", answer);
        Assert.DoesNotContain("x-gone", answer);

        // Nothing names a cluster: none is found.
        await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 503 ", await client.ReadHeadAsync());
        Assert.Equal("NC", bench.Recorded[^1].Flags);
    });

    private static ProxyBench Serve(
        EventLoop loop, Action<WeightedCluster> configure, out List<TestUpstream> upstreams, Action<RouteAction>? configureAction = null)
    {
        var bench = new ProxyBench(loop);
        upstreams = [];
        var weighted = new WeightedCluster();
        foreach ((string name, uint weight) in (ReadOnlySpan<(string, uint)>)[("a", 10), ("b", 0), ("c", 30)])
        {
            var upstream = new TestUpstream(loop);
            upstreams.Add(upstream);
            Answer(upstream);
            bench.AddCluster(name, upstream.Address);
            weighted.Clusters.Add(new Weight { Name = name, Weight = weight, ResponseHeadersToAdd = { Header("x-cluster", name) } });
        }

        configure(weighted);
        bench.Serve(configureRoute: route =>
        {
            route.Route_ = new RouteAction { WeightedClusters = weighted };
            configureAction?.Invoke(route.Route_);
        });
        return bench;
    }

    private static string ClusterOf(string head) => head[(head.IndexOf("x-cluster: ", StringComparison.Ordinal) + 11)..].Split('\r')[0];

    private static async void Answer(TestUpstream upstream)
    {
        try
        {
            TestClient server = await upstream.AcceptAsync();
            while (true)
            {
                await server.ReadHeadAsync();
                await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
        }
        catch (Exception exception) when (exception is EndOfStreamException or NullReferenceException)
        {
            // The test is over, or nobody ever called.
        }
    }

    private static HeaderValueOption Header(string name, string value) => new() { Header = new HeaderValue { Key = name, Value = value } };
}
