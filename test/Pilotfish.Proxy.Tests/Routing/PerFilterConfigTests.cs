using Envoy.Config.Route.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Routing;

/// <summary>typed_per_filter_config: which level's word counts for a filter, and what FilterConfig says of it.</summary>
public sealed class PerFilterConfigTests
{
    private const string Own = "own";
    private const string Off = "off";
    private const string On = "on";

    /// <summary>
    /// The words of weighted cluster, route, virtual host and route config, from left to right: a text is config, `on` and `off` are
    /// FilterConfig, `-` is nothing. Then whether the filter is on in the chain, and what it answers; null for no filter.
    /// </summary>
    [Theory]
    [InlineData("- - - -", true, Own)]
    [InlineData("- - - d", true, "d")]
    [InlineData("- - c d", true, "c")]
    [InlineData("- b c d", true, "b")]
    [InlineData("a b c d", true, "a")]
    [InlineData("off b c d", true, null)]
    [InlineData("- off c d", true, null)]
    [InlineData("- - off d", true, null)]
    [InlineData("- - - off", true, null)]
    [InlineData("a off off off", true, "a")]
    [InlineData("- b off -", true, "b")]
    [InlineData("- on off -", true, Own)]
    [InlineData("on - c d", true, "c")]
    [InlineData("on off - d", true, "d")]
    [InlineData("- - - -", false, null)]
    [InlineData("- on - -", false, Own)]
    [InlineData("- b - -", false, "b")]
    [InlineData("on - off d", false, "d")]
    public void Level_MostSpecificWord_Counts(string words, bool enabled, string? expected) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        string[] levels = words.Split(' ');
        RouteConfiguration routes = Routes();
        VirtualHost host = routes.VirtualHosts[0];
        Say(host.Routes[0].Route_.WeightedClusters.Clusters[0].TypedPerFilterConfig, levels[0]);
        Say(host.Routes[0].TypedPerFilterConfig, levels[1]);
        Say(host.TypedPerFilterConfig, levels[2]);
        Say(routes.TypedPerFilterConfig, levels[3]);
        ProxyBench bench = Bench(loop, upstream, routes, enabled);
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        string head = await client.ReadHeadAsync();
        Assert.Equal(expected is not null, head.Contains("x-said: ", StringComparison.Ordinal));
        Assert.True(expected is null || head.Contains($"x-said: {expected}\r\n", StringComparison.Ordinal), head);
    });

    // What is switched off is not looked at, and what is optional may be unknown; then a filter is on as if nothing else were said.
    [Theory]
    [InlineData("unknown, optional", true, false, true)]
    [InlineData("unknown, off", false, true, false)]
    public void UnknownConfig_ThatNobodyNeeds_IsPassedOver(string label, bool optional, bool disabled, bool takesPart) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        RouteConfiguration routes = Routes();
        routes.VirtualHosts[0].TypedPerFilterConfig.Add("says", Any.Pack(new FilterConfig { Disabled = true }));
        routes.VirtualHosts[0].Routes[0].TypedPerFilterConfig.Add("says", Any.Pack(new FilterConfig
        {
            Config = Any.Pack(new Timestamp()),
            IsOptional = optional,
            Disabled = disabled,
        }));
        ProxyBench bench = Bench(loop, upstream, routes, enabled: true);
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        string head = await client.ReadHeadAsync();
        Assert.True(takesPart == head.Contains("x-said: own\r\n", StringComparison.Ordinal), $"{label}: {head}");
    });

    public static TheoryData<string, IMessage, string> Refusals => new()
    {
        { "unknown", new Timestamp(), "typed_per_filter_config['says']" },
        { "unknown, wrapped", new FilterConfig { Config = Any.Pack(new Timestamp()) }, "typed_per_filter_config['says']" },
        { "neither config nor off", new FilterConfig(), "typed_per_filter_config['says'].config" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void Config_ThatCannotBe_IsRefusedByField(string label, IMessage config, string field) => LoopRunner.Run(loop =>
    {
        using var upstream = new TestUpstream(loop);
        RouteConfiguration routes = Routes();
        routes.VirtualHosts[0].TypedPerFilterConfig.Add("says", Any.Pack(config));
        ConfigRejectedException rejected = Assert.Throws<ConfigRejectedException>(() => Bench(loop, upstream, routes, enabled: true));
        Assert.True(rejected.Field == $"route_config.virtual_hosts[0].{field}", $"{label}: {rejected.Message}");
        return Task.CompletedTask;
    });

    private static void Say(Google.Protobuf.Collections.MapField<string, Any> configs, string word)
    {
        if (word != "-")
        {
            configs.Add("says", word switch
            {
                Off => Any.Pack(new FilterConfig { Disabled = true }),
                On => Any.Pack(new FilterConfig { Config = new Any() }),
                _ => Any.Pack(new StringValue { Value = word }),
            });
        }
    }

    private static RouteConfiguration Routes() => new()
    {
        VirtualHosts =
        {
            new VirtualHost
            {
                Name = "all",
                Domains = { "*" },
                Routes =
                {
                    new Route
                    {
                        Match = new RouteMatch { Prefix = "/" },
                        Route_ = new RouteAction
                        {
                            WeightedClusters = new WeightedCluster { Clusters = { new WeightedCluster.Types.ClusterWeight { Name = "backend", Weight = 1 } } },
                        },
                    },
                },
            },
        },
    };

    private static ProxyBench Bench(Runtime.Loops.EventLoop loop, TestUpstream upstream, RouteConfiguration routes, bool enabled)
    {
        var bench = new ProxyBench(loop);
        var says = new SayingFilterFactory();
        bench.Context.Extensions.Register<IHttpFilterFactory>(says);
        bench.Context.Extensions.Register<IHttpFilterRouteConfigFactory>(says);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(routes, hcm =>
        {
            Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpFilter filter = ProxyBench.Filter("says", new StringValue { Value = Own });
            filter.Disabled = !enabled;
            hcm.HttpFilters.Insert(0, filter);
        });
        return bench;
    }

    /// <summary>A filter that says on responses which config it has.</summary>
    private sealed class SayingFilterFactory : IHttpFilterFactory, IHttpFilterRouteConfigFactory
    {
        public IReadOnlyList<string> MessageNames { get; } = ["google.protobuf.StringValue"];

        public HttpFilterModel Compile(ExtensionConfig config, HttpFilterContext context) => new Model(config.Parse(StringValue.Parser).Value);

        public object CompileRouteConfig(ExtensionConfig config, CompileContext context) => config.Parse(StringValue.Parser).Value;

        private sealed class Model(string own) : HttpFilterModel
        {
            public override HttpFilter Create(HttpStream stream, string name) => new Sayer(stream.RouteConfigOf<string>(name) ?? own);
        }

        private sealed class Sayer(string text) : HttpFilter
        {
            public override FilterVerdict OnResponseHeaders(HeaderMap headers, bool end)
            {
                headers.Set("x-said"u8, System.Text.Encoding.ASCII.GetBytes(text));
                return FilterVerdict.Continue;
            }
        }
    }
}
