using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using Xunit;
using RetryPolicy = Envoy.Config.Route.V3.RetryPolicy;
using Action = Envoy.Config.Core.V3.HeaderValueOption.Types.HeaderAppendAction;

namespace Pilotfish.Proxy.Tests.Routing;

/// <summary>
/// Custom headers beside the headers that the router writes itself: its own come first (router.cc), so that the route's rules can remove and
/// replace them; and what the rules say to the router, it heeds.
/// </summary>
public sealed class RouterHeaderTests
{
    private const string Answer = "HTTP/1.1 200 OK\r\nX-Was: here\r\nContent-Length: 0\r\n\r\n";

    [Theory]
    [InlineData("x-envoy-upstream-service-time")]
    [InlineData("x-envoy-attempt-count")]
    [InlineData("set-cookie")]
    public void ResponseHeadersToRemove_RemoveTheRoutersOwn(string name) => LoopRunner.Run(async loop =>
    {
        string with = await ClientHeadAsync(loop, Speaking);
        string without = await ClientHeadAsync(loop, route =>
        {
            Speaking(route);
            route.ResponseHeadersToRemove.Add(name);
        });
        Assert.Contains($"\r\n{name}: ", with, StringComparison.Ordinal);
        Assert.DoesNotContain(name, without, StringComparison.Ordinal);
    });

    [Fact]
    public void ResponseHeadersToAdd_KnowTheResponse() => LoopRunner.Run(async loop =>
    {
        string head = await ClientHeadAsync(loop, static route =>
        {
            Speaking(route);
            route.ResponseHeadersToAdd.Add(Header("x-told", "%RESPONSE_CODE% %RESP(x-was)% %RESP(x-envoy-attempt-count)% %RESPONSE_CODE_DETAILS%"));
            route.ResponseHeadersToAdd.Add(Header("x-envoy-attempt-count", "none", Action.OverwriteIfExists));
        });
        Assert.Contains("\r\nx-told: 200 here 1 via_upstream\r\n", head, StringComparison.Ordinal);
        Assert.Contains("\r\nx-envoy-attempt-count: none\r\n", head, StringComparison.Ordinal);
    });

    [Theory]
    [InlineData("x-envoy-expected-rq-timeout-ms")]
    [InlineData("x-envoy-attempt-count")]
    public void RequestHeadersToRemove_RemoveTheRoutersOwn(string name) => LoopRunner.Run(async loop =>
    {
        string with = await UpstreamHeadAsync(loop, static _ => { });
        string without = await UpstreamHeadAsync(loop, route => route.RequestHeadersToRemove.Add(name));
        Assert.Contains($"\r\n{name}: ", with, StringComparison.Ordinal);
        Assert.DoesNotContain(name, without, StringComparison.Ordinal);
    });

    /// <summary>The rules apply once; a retry counts anew.</summary>
    [Fact]
    public void RequestHeadersToRemove_OfTheAttemptCount_HoldForTheFirstAttempt() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream, static route =>
        {
            route.RequestHeadersToRemove.Add("x-envoy-attempt-count");
            route.Route_.RetryPolicy = new RetryPolicy { RetryOn = "5xx", NumRetries = 1 };
        });
        await bench.Connect().SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient first = await upstream.AcceptAsync();
        Assert.DoesNotContain("x-envoy-attempt-count", await first.ReadHeadAsync(), StringComparison.Ordinal);
        await first.SendAsync("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        Assert.Contains("\r\nx-envoy-attempt-count: 2\r\n", await (await upstream.AcceptAsync()).ReadHeadAsync(), StringComparison.Ordinal);
    });

    [Fact]
    public void RequestHeadersToAdd_OfRetries_AreHeeded_AndStayHere() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream, static route =>
        {
            route.RequestHeadersToAdd.Add(Header("x-envoy-retry-on", "5xx"));
            route.RequestHeadersToAdd.Add(Header("x-envoy-max-retries", "1"));
        });
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient first = await upstream.AcceptAsync();
        Assert.DoesNotContain("retr", await first.ReadHeadAsync(), StringComparison.Ordinal);
        await first.SendAsync("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        TestClient second = await upstream.AcceptAsync();
        await second.ReadHeadAsync();
        await second.SendAsync(Answer);
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync(), StringComparison.Ordinal);
    });

    /// <summary>The router's own answers tell how often it tried, once it has.</summary>
    [Theory]
    [InlineData("no host", "503", null)]
    [InlineData("refused", "503", "1")]
    [InlineData("refused twice", "503", "2")]
    [InlineData("closed", "503", "1")]
    [InlineData("not asked", "503", null)]
    public void AttemptCount_IsInLocalReplies(string what, string status, string? count) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", what == "no host" ? [] : [upstream.Address]);
        bench.Serve(Table(new Route
        {
            Match = new RouteMatch { Prefix = "/" },
            Route_ = new RouteAction
            {
                Cluster = "backend", Timeout = new Duration(),
                RetryPolicy = what == "refused twice" ? new RetryPolicy { RetryOn = "connect-failure", NumRetries = 1 } : null,
            },
        }, counts: what != "not asked"));
        if (what.StartsWith("refused", StringComparison.Ordinal))
        {
            upstream.Dispose();
        }

        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        if (what is "closed" or "not asked")
        {
            TestClient server = await upstream.AcceptAsync();
            await server.ReadHeadAsync();
            server.Stream.Close();
        }

        string head = await client.ReadHeadAsync();
        Assert.StartsWith($"HTTP/1.1 {status} ", head, StringComparison.Ordinal);
        Assert.Equal(count is not null, head.Contains("x-envoy-attempt-count", StringComparison.Ordinal));
        Assert.Contains(count is null ? "\r\n" : $"\r\nx-envoy-attempt-count: {count}\r\n", head, StringComparison.Ordinal);
    });

    [Fact]
    public void AttemptCount_IsInTimeouts()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            ProxyBench bench = Serve(loop, upstream, static route => route.Route_.Timeout = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(50)));
            TestClient client = bench.Connect();
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            await (await upstream.AcceptAsync()).ReadHeadAsync();
            clock.Advance(TimeSpan.FromMilliseconds(51));
            string head = await client.ReadHeadAsync();
            Assert.StartsWith("HTTP/1.1 504 ", head, StringComparison.Ordinal);
            Assert.Contains("\r\nx-envoy-attempt-count: 1\r\n", head, StringComparison.Ordinal);
        });
    }

    private static void Speaking(Route route) => route.Route_.HashPolicy.Add(new RouteAction.Types.HashPolicy
    {
        Cookie = new RouteAction.Types.HashPolicy.Types.Cookie { Name = "sticky", Ttl = Duration.FromTimeSpan(TimeSpan.FromMinutes(1)) },
    });

    private static HeaderValueOption Header(string name, string value, Action action = Action.AppendIfExistsOrAdd) => new()
    {
        Header = new HeaderValue { Key = name, Value = value }, AppendAction = action,
    };

    private static RouteConfiguration Table(Route route, bool counts = true) => new()
    {
        Name = "routes",
        VirtualHosts =
        {
            new VirtualHost
            {
                Name = "all", Domains = { "*" }, Routes = { route }, IncludeRequestAttemptCount = counts, IncludeAttemptCountInResponse = counts,
            },
        },
    };

    private static ProxyBench Serve(EventLoop loop, TestUpstream upstream, Action<Route> configure)
    {
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        var route = new Route
        {
            Match = new RouteMatch { Prefix = "/" },
            Route_ = new RouteAction { Cluster = "backend", Timeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(60)) },
        };
        configure(route);
        bench.Serve(Table(route));
        return bench;
    }

    private static async Task<string> UpstreamHeadAsync(EventLoop loop, Action<Route> configure)
    {
        using var upstream = new TestUpstream(loop);
        await Serve(loop, upstream, configure).Connect().SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        return await (await upstream.AcceptAsync()).ReadHeadAsync();
    }

    private static async Task<string> ClientHeadAsync(EventLoop loop, Action<Route> configure)
    {
        using var upstream = new TestUpstream(loop);
        TestClient client = Serve(loop, upstream, configure).Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync(Answer);
        return await client.ReadHeadAsync();
    }
}
