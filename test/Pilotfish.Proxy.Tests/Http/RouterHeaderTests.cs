using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using Xunit;
using HashPolicy = Envoy.Config.Route.V3.RouteAction.Types.HashPolicy;
using RetryPolicy = Envoy.Config.Route.V3.RetryPolicy;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>The order in which the router's own headers and those of route rules come about, on requests, responses and its own replies.</summary>
public sealed class RouterHeaderTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    private const string Get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

    // The router's own headers of a response are there before the rules, which may remove and read them.
    [Fact]
    public void ResponseRules_SeeWhatTheRouterAdds() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        TestClient client = Serve(loop, [upstream], static host =>
        {
            host.IncludeAttemptCountInResponse = true;
            host.ResponseHeadersToRemove.Add("x-envoy-upstream-service-time");
            host.ResponseHeadersToRemove.Add("x-envoy-attempt-count");
            host.ResponseHeadersToRemove.Add("set-cookie");
            host.Routes[0].ResponseHeadersToAdd.Add(Header("x-count", "%RESP(x-envoy-attempt-count)%"));
            host.Routes[0].Route_.HashPolicy.Add(new HashPolicy { Cookie = new HashPolicy.Types.Cookie { Name = "pin", Ttl = new() } });
        }).Connect();
        await client.SendAsync(Get);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync(Ok);
        string head = await client.ReadHeadAsync();
        Assert.DoesNotContain("x-envoy-upstream-service-time", head);
        Assert.DoesNotContain("x-envoy-attempt-count", head);
        Assert.DoesNotContain("set-cookie", head);
        Assert.Contains("x-count: 1\r\n", head);
    });

    [Fact]
    public void RequestRules_SeeTheAttemptCount() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        TestClient client = Serve(loop, [upstream], static host =>
        {
            host.IncludeRequestAttemptCount = true;
            host.RequestHeadersToAdd.Add(Header("x-count", "%REQ(x-envoy-attempt-count)%"));
        }).Connect();
        await client.SendAsync(Get);
        string head = await (await upstream.AcceptAsync()).ReadHeadAsync();
        Assert.Contains("x-envoy-attempt-count: 1\r\n", head);
        Assert.Contains("x-count: 1\r\n", head);
    });

    // A rule of the route can ask for retries in the name of clients that may not; the upstream never hears of it.
    [Fact]
    public void RequestRules_MayAskForRetries() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, [upstream], static host =>
        {
            host.IncludeRequestAttemptCount = true;
            host.IncludeAttemptCountInResponse = true;
            host.IncludeIsTimeoutRetryHeader = true;
            host.Routes[0].RequestHeadersToAdd.Add(Header("x-envoy-retry-on", "5xx"));
            host.Routes[0].RequestHeadersToAdd.Add(Header("x-envoy-max-retries", "2"));
        });
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        TestClient server = await upstream.AcceptAsync();
        for (int attempt = 1; attempt <= 3; attempt++)
        {
            string head = await server.ReadHeadAsync();
            Assert.DoesNotContain("x-envoy-retry-on", head);
            Assert.DoesNotContain("x-envoy-max-retries", head);
            Assert.Contains($"x-envoy-attempt-count: {attempt}\r\n", head);
            Assert.Equal(attempt > 1, head.Contains("x-envoy-is-timeout-retry: false\r\n", StringComparison.Ordinal));
            await server.SendAsync("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
        }

        Assert.Contains("x-envoy-attempt-count: 3\r\n", await client.ReadHeadAsync());
        Assert.Equal("URX", bench.Recorded[0].Flags);
    });

    [Theory]
    [InlineData("no host at once", 0, null)]
    [InlineData("connection refused, after a retry", 1, "2")]
    [InlineData("connection refused", 0, "1")]
    public void OwnReplies_TellTheAttemptCount(string label, int retries, string? count) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, label == "no host at once" ? [] : [upstream], host =>
        {
            host.IncludeAttemptCountInResponse = true;
            host.RetryPolicy = new RetryPolicy { RetryOn = "5xx", NumRetries = (uint)retries };
        });
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        if (count is not null)
        {
            for (int i = 0; i <= retries; i++)
            {
                TestClient server = await upstream.AcceptAsync();
                await server.ReadHeadAsync();
                server.Stream.Close();
            }
        }

        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 503 ", head);
        Assert.True(count is null
            ? !head.Contains("x-envoy-attempt-count", StringComparison.Ordinal)
            : head.Contains($"x-envoy-attempt-count: {count}\r\n", StringComparison.Ordinal), $"{label}: {head}");
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Overflow_IsToldUnlessEnvoyHeadersAreSuppressed(bool suppressed) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", new CircuitBreakerConfig { PendingRequestsMax = 0 }, upstream.Address);
        bench.Serve(hcm => hcm.HttpFilters[^1] = ProxyBench.Filter(
            "router", new Envoy.Extensions.Filters.Http.Router.V3.Router { SuppressEnvoyHeaders = suppressed }));
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 503 ", head);
        Assert.Equal(!suppressed, head.Contains("x-envoy-overloaded: true\r\n", StringComparison.Ordinal));
    });

    // A host is chosen by what the client sent, not by what the route makes of it.
    [Theory]
    [InlineData("a header that is removed")]
    [InlineData("a host that is rewritten")]
    [InlineData("a query that is rewritten")]
    public void Hash_IsOfTheClientsRequest(string label) => LoopRunner.Run(async loop =>
    {
        using var first = new TestUpstream(loop);
        using var second = new TestUpstream(loop);
        var hosts = new HashSet<string>();
        ProxyBench bench = Serve(loop, [], host =>
        {
            RouteAction action = host.Routes[0].Route_;
            action.Cluster = "ring";
            host.ResponseHeadersToAdd.Add(Header("x-host", "%UPSTREAM_REMOTE_ADDRESS%"));
            switch (label)
            {
                case "a header that is removed":
                    host.RequestHeadersToRemove.Add("x-user");
                    action.HashPolicy.Add(new HashPolicy { Header = new HashPolicy.Types.Header { HeaderName = "x-user" } });
                    break;
                case "a host that is rewritten":
                    action.HostRewriteLiteral = "same";
                    action.HashPolicy.Add(new HashPolicy { Header = new HashPolicy.Types.Header { HeaderName = "host" } });
                    break;
                default:
                    action.RegexRewrite = new() { Pattern = new() { Regex = ".*" }, Substitution = "/same" };
                    action.HashPolicy.Add(new HashPolicy { Header = new HashPolicy.Types.Header { HeaderName = ":path" } });
                    break;
            }
        });
        bench.AddClusterWith("ring", static settings => settings with
        {
            LoadBalancing = new LoadBalancingPolicyModel(LoadBalancingAlgorithm.RingHash),
        }, first.Address, second.Address);
        Answer(first);
        Answer(second);
        TestClient client = bench.Connect();

        // So many that all of them on one of two hosts would be no chance.
        for (int user = 0; user < 50; user++)
        {
            await client.SendAsync($"GET /{user} HTTP/1.1\r\nHost: h{user}\r\nx-user: {user}\r\n\r\n");
            string head = await client.ReadHeadAsync();
            hosts.Add(head[head.IndexOf("x-host: ", StringComparison.Ordinal)..].Split('\r')[0]);
        }

        Assert.True(hosts.Count == 2, label);
    });

    private static async void Answer(TestUpstream upstream)
    {
        TestClient server = await upstream.AcceptAsync();
        try
        {
            while (true)
            {
                await server.ReadHeadAsync();
                await server.SendAsync(Ok);
            }
        }
        catch (EndOfStreamException)
        {
            // The test is over.
        }
    }

    private static ProxyBench Serve(EventLoop loop, TestUpstream[] upstreams, Action<VirtualHost> configure)
    {
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", Array.ConvertAll(upstreams, static upstream => upstream.Address));
        var host = new VirtualHost
        {
            Name = "all",
            Domains = { "*" },
            Routes = { new Route { Match = new RouteMatch { Prefix = "/" }, Route_ = new RouteAction { Cluster = "backend", Timeout = new() } } },
        };
        configure(host);
        bench.Serve(new RouteConfiguration { Name = "r", VirtualHosts = { host } });
        return bench;
    }

    private static HeaderValueOption Header(string name, string value) => new() { Header = new HeaderValue { Key = name, Value = value } };
}
