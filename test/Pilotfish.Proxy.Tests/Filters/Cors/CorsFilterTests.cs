using Envoy.Extensions.Filters.Http.Cors.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Filters.Cors;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using OldPolicy = Envoy.Config.Route.V3.CorsPolicy;

namespace Pilotfish.Proxy.Tests.Filters.Cors;

public sealed class CorsFilterTests
{
    private const string Preflight =
        "OPTIONS / HTTP/1.1\r\nHost: a\r\nOrigin: https://ORIGIN\r\nAccess-Control-Request-Method: PUT\r\n\r\n";

    [Fact]
    public void Preflight_OriginAllowed_AnsweredHere() => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = Bench(loop, Policy());
        TestClient client = bench.Connect();
        await client.SendAsync(Preflight.Replace("ORIGIN", "shop.example"));
        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", head);
        Assert.Contains("access-control-allow-origin: https://shop.example\r\n", head);
        Assert.Contains("access-control-allow-methods: PUT,GET\r\n", head);
        Assert.Contains("access-control-max-age: 600\r\n", head);
        Assert.Contains("access-control-allow-credentials: true\r\n", head);
        Assert.Equal("cors_response", Assert.Single(bench.Recorded).Details);
        Assert.Equal(1, bench.Counter("http.test.cors.origin_valid"));
    });

    [Fact]
    public void Preflight_OriginNotAllowedAndNotForwarded_AnsweredWithoutTheOrigin() => LoopRunner.Run(async loop =>
    {
        CorsPolicy policy = Policy();
        policy.ForwardNotMatchingPreflights = false;
        ProxyBench bench = Bench(loop, policy);
        TestClient client = bench.Connect();
        await client.SendAsync(Preflight.Replace("ORIGIN", "evil.example"));
        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", head);
        Assert.DoesNotContain("access-control-allow-origin", head);
        Assert.Contains("access-control-allow-methods: PUT,GET\r\n", head);
        Assert.Equal(1, bench.Counter("http.test.cors.origin_invalid"));
    });

    [Fact]
    public void Request_OriginAllowed_ResponseGetsHeaders() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, Policy(), upstream);
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nOrigin: https://shop.example\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        string head = await client.ReadHeadAsync();
        Assert.Contains("access-control-allow-origin: https://shop.example\r\n", head);
        Assert.Contains("access-control-expose-headers: x-id\r\n", head);
    });

    [Fact]
    public void Preflight_PolicyAllowsAll_AnswersWhatItAsksFor() => LoopRunner.Run(async loop =>
    {
        CorsPolicy policy = Policy();
        policy.AllowOriginStringMatch[0].Exact = "*";
        policy.AllowMethods = "*";
        policy.AllowHeaders = "*";
        ProxyBench bench = Bench(loop, policy);
        TestClient client = bench.Connect();
        await client.SendAsync(Preflight.Replace("ORIGIN", "any.example").Replace("\r\n\r\n", "\r\nAccess-Control-Request-Headers: x-a, x-b\r\n\r\n"));
        string head = await client.ReadHeadAsync();
        Assert.Contains("access-control-allow-origin: https://any.example\r\n", head);
        Assert.Contains("access-control-allow-methods: PUT\r\n", head);
        Assert.Contains("access-control-allow-headers: x-a, x-b\r\n", head);
    });

    [Fact]
    public void Policies_OfSeveralLevels_SpecificOneFirst() => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = Bench(loop, new CorsPolicy { MaxAge = "7" }, host: host =>
            host.TypedPerFilterConfig.Add("envoy.filters.http.cors", Any.Pack(Policy())));
        TestClient client = bench.Connect();
        await client.SendAsync(Preflight.Replace("ORIGIN", "shop.example"));
        string head = await client.ReadHeadAsync();
        Assert.Contains("access-control-allow-origin: https://shop.example\r\n", head);
        Assert.Contains("access-control-allow-methods: PUT,GET\r\n", head);
        Assert.Contains("access-control-max-age: 7\r\n", head);
    });

    [Theory]
    [InlineData(false, "9", "GET")]
    [InlineData(true, "600", "PUT,GET")]
    public void OldFields_CountWhereNoPerRouteConfigHasAPolicy(bool hasPerRoute, string age, string methods) => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = Bench(loop, hasPerRoute ? Policy() : null, host: static host =>
        {
            host.Cors = new OldPolicy { MaxAge = "8", AllowMethods = "GET" };
            host.Cors.AllowOriginStringMatch.Add(new StringMatcher { Prefix = "https://shop." });
            host.Routes[0].Route_.Cors = new OldPolicy { MaxAge = "9" };
        });
        TestClient client = bench.Connect();
        await client.SendAsync(Preflight.Replace("ORIGIN", "shop.example"));
        string head = await client.ReadHeadAsync();
        Assert.Contains("access-control-allow-origin: https://shop.example\r\n", head);
        Assert.Contains($"access-control-max-age: {age}\r\n", head);
        Assert.Contains($"access-control-allow-methods: {methods}\r\n", head);
    });

    [Fact]
    public void Redirect_OfARoute_HasNoPart() => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = Bench(loop, Policy(), host: static host => host.Routes[0].Redirect = new Envoy.Config.Route.V3.RedirectAction { PathRedirect = "/b" });
        TestClient client = bench.Connect();
        await client.SendAsync(Preflight.Replace("ORIGIN", "shop.example"));
        Assert.StartsWith("HTTP/1.1 301 ", await client.ReadHeadAsync());
    });

    private static CorsPolicy Policy() => new()
    {
        AllowOriginStringMatch = { new StringMatcher { Exact = "https://shop.example" } },
        AllowMethods = "PUT,GET",
        MaxAge = "600",
        ExposeHeaders = "x-id",
        AllowCredentials = true,
    };

    private static ProxyBench Bench(
        EventLoop loop, CorsPolicy? policy, TestUpstream? upstream = null, Action<Envoy.Config.Route.V3.VirtualHost>? host = null)
    {
        var bench = new ProxyBench(loop);
        var factory = new CorsFilterFactory();
        bench.Context.Extensions.Register<IHttpFilterFactory>(factory);
        bench.Context.Extensions.Register<IHttpFilterRouteConfigFactory>(factory);
        if (upstream is not null)
        {
            bench.AddCluster("backend", upstream.Address);
        }

        bench.Serve(
            hcm =>
            {
                hcm.HttpFilters.Insert(1, ProxyBench.Filter("envoy.filters.http.cors", new Envoy.Extensions.Filters.Http.Cors.V3.Cors()));
                host?.Invoke(hcm.RouteConfig.VirtualHosts[0]);
            },
            route =>
            {
                if (policy is not null)
                {
                    route.TypedPerFilterConfig.Add("envoy.filters.http.cors", Any.Pack(policy));
                }
            });
        return bench;
    }
}
