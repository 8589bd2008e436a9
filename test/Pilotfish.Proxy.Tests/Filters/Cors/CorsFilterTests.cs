using Envoy.Extensions.Filters.Http.Cors.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Filters.Cors;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

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
    public void Preflight_OriginNotAllowedAndNotForwarded_AnsweredWithoutHeaders() => LoopRunner.Run(async loop =>
    {
        CorsPolicy policy = Policy();
        policy.ForwardNotMatchingPreflights = false;
        ProxyBench bench = Bench(loop, policy);
        TestClient client = bench.Connect();
        await client.SendAsync(Preflight.Replace("ORIGIN", "evil.example"));
        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", head);
        Assert.DoesNotContain("access-control-", head);
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

    private static CorsPolicy Policy() => new()
    {
        AllowOriginStringMatch = { new StringMatcher { Exact = "https://shop.example" } },
        AllowMethods = "PUT,GET",
        MaxAge = "600",
        ExposeHeaders = "x-id",
        AllowCredentials = true,
    };

    private static ProxyBench Bench(EventLoop loop, CorsPolicy policy, TestUpstream? upstream = null)
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
            hcm => hcm.HttpFilters.Insert(1, ProxyBench.Filter("envoy.filters.http.cors", new Envoy.Extensions.Filters.Http.Cors.V3.Cors())),
            route => route.TypedPerFilterConfig.Add("envoy.filters.http.cors", Any.Pack(policy)));
        return bench;
    }
}
