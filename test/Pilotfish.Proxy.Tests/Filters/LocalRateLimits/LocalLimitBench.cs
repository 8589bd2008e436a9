using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.LocalRatelimit.V3;
using Envoy.Type.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Filters.LocalRateLimits;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using TokenBucketMessage = Envoy.Type.V3.TokenBucket;

namespace Pilotfish.Proxy.Tests.Filters.LocalRateLimits;

/// <summary>A proxy with a local rate limit before a route that answers 204 by itself, on a clock that stands.</summary>
internal static class LocalLimitBench
{
    public const string Get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

    public static void Run(Func<EventLoop, ManualLoopClock, Task> test)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, loop => test(loop, clock));
    }

    public static LocalRateLimit Limit(uint tokens, int fillMilliseconds = 1000, uint enabled = 100, uint enforced = 100) => new()
    {
        StatPrefix = "limit",
        TokenBucket = Bucket(tokens, fillMilliseconds),
        FilterEnabled = Share(enabled),
        FilterEnforced = Share(enforced),
    };

    public static TokenBucketMessage Bucket(uint tokens, int fillMilliseconds = 1000) => new()
    {
        MaxTokens = tokens,
        TokensPerFill = tokens,
        FillInterval = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(fillMilliseconds)),
    };

    public static RuntimeFractionalPercent Share(uint percent) => new() { DefaultValue = new FractionalPercent { Numerator = percent } };

    public static ProxyBench Serve(EventLoop loop, LocalRateLimit limit, Action<RouteConfiguration>? configure = null, TestUpstream? upstream = null)
    {
        var bench = new ProxyBench(loop);
        var factory = new LocalRateLimitFilterFactory();
        bench.Context.Extensions.Register<IHttpFilterFactory>(factory);
        bench.Context.Extensions.Register<IHttpFilterRouteConfigFactory>(factory);
        var route = new Route { Match = new RouteMatch { Prefix = "/" } };
        if (upstream is null)
        {
            route.DirectResponse = new DirectResponseAction { Status = 204 };
        }
        else
        {
            bench.AddCluster("backend", upstream.Address);
            route.Route_ = new RouteAction { Cluster = "backend", Timeout = new Duration() };
        }

        var routes = new RouteConfiguration { Name = "r", VirtualHosts = { new VirtualHost { Name = "all", Domains = { "*" }, Routes = { route } } } };
        configure?.Invoke(routes);
        bench.Serve(routes, hcm => hcm.HttpFilters.Insert(1, ProxyBench.Filter("limit", limit)));
        return bench;
    }

    /// <summary>The status of one more request.</summary>
    public static async Task<string> StatusAsync(TestClient client, string request = Get) => (await HeadAsync(client, request)).Split(' ')[1];

    public static async Task<string> HeadAsync(TestClient client, string request = Get)
    {
        await client.SendAsync(request);
        string head = await client.ReadHeadAsync();
        int at = head.IndexOf("content-length: ", StringComparison.Ordinal);
        if (at >= 0)
        {
            await client.ReadBytesAsync(int.Parse(head[(at + 16)..].Split('\r')[0], System.Globalization.CultureInfo.InvariantCulture));
        }

        return head;
    }
}
