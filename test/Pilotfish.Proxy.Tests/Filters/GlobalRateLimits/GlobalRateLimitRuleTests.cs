using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Ratelimit.V3;
using Envoy.Service.Ratelimit.V3;
using Envoy.Type.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Http;
using Code = Envoy.Service.Ratelimit.V3.RateLimitResponse.Types.Code;
using HostRules = Envoy.Extensions.Filters.Http.Ratelimit.V3.RateLimitPerRoute.Types.VhRateLimitsOptions;
using Option = Envoy.Extensions.Filters.Http.Ratelimit.V3.RateLimitPerRoute.Types.OverrideOptions;
using Rule = Envoy.Config.Route.V3.RateLimit;

namespace Pilotfish.Proxy.Tests.Filters.GlobalRateLimits;

/// <summary>What the service is asked about a request.</summary>
public sealed class GlobalRateLimitRuleTests
{
    private const string OfRoute = "shop: generic_key=route";
    private const string OfHost = "shop: generic_key=host";
    private const string OfBoth = "shop: generic_key=route; generic_key=host";

    public static TheoryData<string, Action<RouteConfiguration>, string?> Levels => new()
    {
        { "the route's before the host's", static routes => Rules(routes, "route", "host"), OfRoute },
        { "the host's where the route has none", static routes => Rules(routes, null, "host"), OfHost },
        { "none", static routes => Rules(routes, null, null), null },
        { "both, the older way", static routes => Rules(routes, "route", "host").Route_.IncludeVhRateLimits = true, OfBoth },
        { "both", static routes => PerRoute(Rules(routes, "route", "host"), new RateLimitPerRoute { VhRateLimits = HostRules.Include }), OfBoth },
        { "never the host's", static routes => PerRoute(Rules(routes, null, "host"), new RateLimitPerRoute { VhRateLimits = HostRules.Ignore }), null },
        { "both by the other field", static routes => PerRoute(Rules(routes, "route", "host"), new RateLimitPerRoute { OverrideOption = Option.IncludePolicy }), OfBoth },
        { "never by the other field", static routes => PerRoute(Rules(routes, null, "host"), new RateLimitPerRoute { OverrideOption = Option.IgnorePolicy }), null },
        { "instead by the other field", static routes => PerRoute(Rules(routes, "route", "host"), new RateLimitPerRoute { OverrideOption = Option.OverridePolicy, VhRateLimits = HostRules.Include }), OfRoute },
        { "of the per-route config", static routes => PerRoute(Rules(routes, "route", "host"), new RateLimitPerRoute { RateLimits = { RateLimitBench.Named("own") } }), "shop: generic_key=own" },
        { "another domain", static routes => PerRoute(Rules(routes, "route", null), new RateLimitPerRoute { Domain = "other" }), "other: generic_key=route" },
        { "another stage", static routes => Rules(routes, "route", null).Route_.RateLimits[0].Stage = 1, null },
        { "one of two stages", static routes => Rules(routes, "route", null).Route_.RateLimits.Add(Staged("late", 1)), OfRoute },
        { "a route that answers itself", static routes => { Rules(routes, "route", "host").DirectResponse = new DirectResponseAction { Status = 204 }; }, null },
    };

    [Theory]
    [MemberData(nameof(Levels))]
    public void Rules_AreThoseOfTheLevel(string label, Action<RouteConfiguration> configure, string? asked) =>
        Asks(label, null, configure, RateLimitBench.Get, asked);

    [Fact]
    public void FiltersOwnRules_AreInPlaceOfAll_WhateverTheirStage() => Asks(
        "the filter's own", static filter => filter.RateLimits.Add(Staged("own", 3)), static routes => Rules(routes, "route", "host"),
        RateLimitBench.Get, "shop: generic_key=own");

    [Fact]
    public void Stage_OfTheFilter_ChoosesRules() => Asks(
        "stage 2", static filter => filter.Stage = 2, static routes => Rules(routes, "route", null).Route_.RateLimits.Add(Staged("late", 2)),
        RateLimitBench.Get, "shop: generic_key=late");

    [Theory]
    [InlineData("internal", "", null)]
    [InlineData("external", "", OfRoute)]
    [InlineData("both", "", OfRoute)]
    public void Type_OfTheRequest_Decides(string type, string headers, string? asked) => Asks(
        type, filter => filter.RequestType = type, static routes => Rules(routes, "route", null), $"GET / HTTP/1.1\r\nHost: h\r\n{headers}\r\n", asked);

    [Fact]
    public void Rule_WithoutItsHeader_AsksNothing() => Asks(
        "header", null, static routes => Rules(routes, null, null).Route_.RateLimits.Add(new Rule
        {
            Actions = { new Rule.Types.Action { RequestHeaders = new() { HeaderName = "x-user", DescriptorKey = "user" } } },
        }),
        RateLimitBench.Get, null);

    [Fact]
    public void Share_OfRequests_IsAskedAbout() => Asks(
        "0 %", static filter => filter.FilterEnabled = new() { DefaultValue = new FractionalPercent() }, static routes => Rules(routes, "route", null),
        RateLimitBench.Get, null);

    [Theory]
    [InlineData("ratelimit.http_filter_enabled", null)]
    [InlineData("ratelimit.fast.http_filter_enabled", null)]
    [InlineData("ratelimit.slow.http_filter_enabled", OfRoute)]
    public void Runtime_SwitchesItOff(string key, string? asked) => RateLimitBench.Run(async (loop, _) =>
    {
        using var bench = new RateLimitBench(loop, null, static routes => Rules(routes, "route", null).Route_.RateLimits[0].DisableKey = "fast");
        bench.Proxy.Context.Runtime.Replace(new Dictionary<string, string> { [key] = "0" });
        await AssertAskedAsync(bench, key, RateLimitBench.Get, asked);
    });

    [Fact]
    public void Hits_AreTold_WhereTheRuleSaysThem() => RateLimitBench.Run(static async (loop, _) =>
    {
        using var bench = new RateLimitBench(loop, null, static routes =>
        {
            Rule rule = RateLimitBench.Named("many");
            rule.HitsAddend = new() { Number = 5 };
            Rules(routes, "route", null).Route_.RateLimits.Add(rule);
        });
        await bench.SendAsync();
        RateLimitRequest asked = await bench.AskedAsync();
        Assert.Equal([null, 5ul], asked.Descriptors.Select(static one => one.HitsAddend));
        Assert.Equal(0u, asked.HitsAddend);
    });

    // The request does not wait for it, and the response counts.
    [Fact]
    public void RuleOfTheEnd_IsToldThen() => RateLimitBench.Run(static async (loop, _) =>
    {
        using var bench = new RateLimitBench(loop, null, static routes =>
        {
            Rule rule = RateLimitBench.Named("done");
            rule.ApplyOnStreamDone = true;
            rule.HitsAddend = new() { Format = "%RESPONSE_CODE%" };
            Rules(routes, null, null).Route_.RateLimits.Add(rule);
        });
        TestClient client = await bench.SendAsync();
        TestClient server = await bench.PassedAsync();
        await server.ReadHeadAsync();
        Assert.Equal(0, bench.Proxy.Counter("cluster.limits.upstream_rq_total"));
        await server.SendAsync(RateLimitBench.Ok);
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
        RateLimitRequest asked = await bench.AskedAsync();
        Assert.Equal("done", asked.Descriptors[0].Entries[0].Value);
        Assert.Equal(200ul, asked.Descriptors[0].HitsAddend);
        await bench.AnswerAsync(Code.OverLimit);
    });

    [Fact]
    public void RouteConfig_ThatCannotBe_IsRefused() => RateLimitBench.Run(static (loop, _) =>
    {
        foreach (IMessage config in new IMessage[]
        {
            RateLimitBench.Filter(), new RateLimitPerRoute { VhRateLimits = (HostRules)9 }, new RateLimitPerRoute { OverrideOption = (Option)9 },
            new RateLimitPerRoute { RateLimits = { new Rule() } },
        })
        {
            ConfigRejectedException rejected = Assert.Throws<ConfigRejectedException>(
                () => new RateLimitBench(loop, null, routes => PerRoute(Rules(routes, "route", null), config)));
            Assert.Contains("typed_per_filter_config['limit']", rejected.Field);
        }

        return Task.CompletedTask;
    });

    private static void Asks(string label, Action<Envoy.Extensions.Filters.Http.Ratelimit.V3.RateLimit>? filter, Action<RouteConfiguration> routes, string request, string? asked) =>
        RateLimitBench.Run(async (loop, _) =>
        {
            using var bench = new RateLimitBench(loop, filter, routes);
            await AssertAskedAsync(bench, label, request, asked);
        });

    private static async Task AssertAskedAsync(RateLimitBench bench, string label, string request, string? asked)
    {
        TestClient client = await bench.SendAsync(request);
        if (asked is not null)
        {
            string text = await bench.AskedTextAsync();
            Assert.True(text == asked, $"{label}: {text}");
            return;
        }

        if (label != "a route that answers itself")
        {
            TestClient server = await bench.PassedAsync();
            await server.ReadHeadAsync();
            await server.SendAsync(RateLimitBench.Ok);
        }

        Assert.StartsWith("HTTP/1.1 2", await client.ReadHeadAsync());
        Assert.True(bench.Proxy.Counter("cluster.limits.upstream_rq_total") == 0, label);
    }

    private static Route Rules(RouteConfiguration routes, string? ofRoute, string? ofHost)
    {
        Route route = routes.VirtualHosts[0].Routes[0];
        if (ofRoute is not null)
        {
            route.Route_.RateLimits.Add(RateLimitBench.Named(ofRoute));
        }

        if (ofHost is not null)
        {
            routes.VirtualHosts[0].RateLimits.Add(RateLimitBench.Named(ofHost));
        }

        return route;
    }

    private static void PerRoute(Route route, IMessage config) => route.TypedPerFilterConfig.Add("limit", Any.Pack(config));

    private static Rule Staged(string name, uint stage)
    {
        Rule rule = RateLimitBench.Named(name);
        rule.Stage = stage;
        return rule;
    }
}
