using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Testing;
using HttpProtocolOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;
using RetryPolicy = Envoy.Config.Route.V3.RetryPolicy;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>What a cluster's HttpProtocolOptions say instead of the route, and about responses.</summary>
public sealed class ClusterHttpOptionTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n";

    [Theory]
    [InlineData("5xx", "", true)]
    [InlineData("5xx", "reset", true)]
    [InlineData("reset", "5xx", false)]
    [InlineData("", "5xx", true)]
    public void RetryPolicy_OfTheCluster_CountsInPlaceOfTheRoutes(string cluster, string route, bool retried) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddHttpCluster("backend", new HttpProtocolOptions
        {
            RetryPolicy = cluster.Length == 0 ? null : new RetryPolicy { RetryOn = cluster },
        }, upstream.Address);
        bench.Serve(configureRoute: r => r.Route_.RetryPolicy = route.Length == 0 ? null : new RetryPolicy { RetryOn = route });
        TestClient client = bench.Connect();
        await client.SendAsync(Get + "\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
        if (retried)
        {
            await server.ReadHeadAsync();
            await server.SendAsync("HTTP/1.1 204 None\r\n\r\n");
        }

        Assert.StartsWith(retried ? "HTTP/1.1 204 " : "HTTP/1.1 503 ", await client.ReadHeadAsync());
    });

    [Fact]
    public void HashPolicy_OfTheCluster_ChoosesTheHost() => LoopRunner.Run(async loop =>
    {
        using var one = new TestUpstream(loop);
        using var two = new TestUpstream(loop);
        var options = new HttpProtocolOptions
        {
            HashPolicy = { new RouteAction.Types.HashPolicy { Header = new RouteAction.Types.HashPolicy.Types.Header { HeaderName = "x-user" } } },
        };
        var bench = new ProxyBench(loop);
        bench.AddClusterWith("backend", settings => settings with
        {
            LoadBalancing = new LoadBalancingPolicyModel(LoadBalancingAlgorithm.Maglev),
            Http = UpstreamHttpOptions.Compile(options, ""),
        }, one.Address, two.Address);
        bench.Serve();
        _ = AnswerAsync(one, "one");
        _ = AnswerAsync(two, "two");
        var hosts = new HashSet<string>();
        var users = new HashSet<string>();
        for (int user = 0; user < 16; user++)
        {
            string first = await AskAsync(bench, user);
            users.Add(first);
            for (int i = 0; i < 3; i++)
            {
                hosts.Add($"{user} {first}");
                hosts.Add($"{user} {await AskAsync(bench, user)}");
            }
        }

        Assert.Equal(16, hosts.Count);
        Assert.Equal(2, users.Count);
    });

    [Theory]
    [InlineData(900, 0, "200")]
    [InlineData(1100, 0, "502")]
    [InlineData(0, 5, "200")]
    [InlineData(0, 6, "502")]
    public void ResponseHead_BeyondTheClustersLimits_Is502(int bytes, int headers, string status) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddHttpCluster("backend", new HttpProtocolOptions
        {
            CommonHttpProtocolOptions = new Envoy.Config.Core.V3.HttpProtocolOptions { MaxResponseHeadersKb = 1, MaxHeadersCount = 6 },
        }, upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync(Get + "\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        string more = bytes > 0 ? $"x: {new string('x', bytes)}\r\n" : "";
        for (int i = 0; i < headers; i++)
        {
            more += $"x{i}: 1\r\n";
        }

        await server.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{more}\r\n");
        Assert.StartsWith($"HTTP/1.1 {status} ", await client.ReadHeadAsync());
        Assert.Equal(status == "200" ? "-" : "UPE", bench.Recorded[0].Flags);
    });

    [Theory]
    [InlineData(0)]
    [InlineData(8193)]
    public void MaxResponseHeadersKb_OutOfRange_IsRefusedByField(uint kilobytes)
    {
        ConfigRejectedException refused = Assert.Throws<ConfigRejectedException>(() => UpstreamHttpOptions.Compile(new HttpProtocolOptions
        {
            CommonHttpProtocolOptions = new Envoy.Config.Core.V3.HttpProtocolOptions { MaxResponseHeadersKb = kilobytes },
        }, "o"));
        Assert.Equal($"o.common_http_protocol_options.max_response_headers_kb: {kilobytes} is not between 1 and 8192", refused.Message);
    }

    [Theory]
    [InlineData(false, "GET /p?q HTTP/1.1\r\nhost: a:8080\r\n")]
    [InlineData(true, "GET http://a:8080/p?q HTTP/1.1\r\nhost: a:8080\r\n")]
    public void SendFullyQualifiedUrl_IsTheFormThatProxiesWant(bool whole, string expected) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddHttpCluster("backend", new HttpProtocolOptions
        {
            ExplicitHttpConfig = new() { HttpProtocolOptions = new() { SendFullyQualifiedUrl = whole } },
        }, upstream.Address);
        bench.Serve();
        await bench.Connect().SendAsync("GET /p?q HTTP/1.1\r\nHost: a:8080\r\n\r\n");
        Assert.StartsWith(expected, await (await upstream.AcceptAsync()).ReadHeadAsync());
    });

    private static async Task<string> AskAsync(ProxyBench bench, int user)
    {
        TestClient client = bench.Connect();
        await client.SendAsync($"{Get}x-user: {user}\r\n\r\n");
        await client.ReadHeadAsync();
        return await client.ReadBytesAsync(3);
    }

    private static async Task AnswerAsync(TestUpstream upstream, string body)
    {
        while (true)
        {
            _ = ServeAsync(await upstream.AcceptAsync(), body);
        }
    }

    private static async Task ServeAsync(TestClient server, string body)
    {
        while (true)
        {
            await server.ReadHeadAsync();
            await server.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n\r\n{body}");
        }
    }
}
