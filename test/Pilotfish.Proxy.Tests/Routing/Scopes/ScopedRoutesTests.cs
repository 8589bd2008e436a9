using System.Text;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Filters.OnDemand;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing.Scopes;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.Xds;
using Pilotfish.Testing;
using Builder = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.ScopedRoutes.Types.ScopeKeyBuilder;
using HeaderMap = Pilotfish.Proxy.Http.HeaderMap;

namespace Pilotfish.Proxy.Tests.Routing.Scopes;

/// <summary>scoped_routes of one connection manager: keys, inline scopes, scopes over SRDS and RDS, on demand.</summary>
public sealed class ScopedRoutesTests
{
    private const string Elements = "{name: X-Addr, element_separator: ';', element: {separator: '=', key: vip}}";

    [Theory]
    [InlineData("{name: X-Addr, index: 0}", "a;b", "a;b")]
    [InlineData("{name: X-Addr, element_separator: ';', index: 0}", "a;b", "a")]
    [InlineData("{name: X-Addr, element_separator: ';', index: 1}", "a;b", "b")]
    [InlineData("{name: X-Addr, element_separator: ';', index: 2}", "a;b", null)]
    [InlineData("{name: X-Addr, element_separator: ';', index: 1}", "a;", "")]
    [InlineData("{name: X-Addr, element_separator: ', ', index: 1}", "a, b, c", "b")]
    [InlineData(Elements, "x=1;vip=2;vip=3", "2")]
    [InlineData(Elements, "vip=a=b", "a=b")]
    [InlineData(Elements, "vip", "")]
    [InlineData(Elements, "vips=1; vip=2", null)]
    [InlineData("{name: X-Addr, index: 0}", null, null)]
    public void Key_IsBuiltOfAHeader(string extractor, string? header, string? expected)
    {
        ScopeKeyBuilder builder = ScopeKeyBuilder.Compile(KeyOf(extractor), "k");
        var headers = new HeaderMap();
        if (header is not null)
        {
            headers.Add("x-addr"u8, Encoding.ASCII.GetBytes(header));
        }

        Span<byte> key = stackalloc byte[ScopeKey.BytesMax];
        Assert.Equal(expected is not null, builder.TryBuild(headers, key, out int length));
        if (expected is not null)
        {
            Assert.Equal(Compiled(expected), Convert.ToHexString(key[..length]));
        }
    }

    [Fact]
    public void Key_OfAnyLengthAndWithAnySplit_IsNoOther()
    {
        ScopeKeyBuilder builder = ScopeKeyBuilder.Compile(KeyOf("{name: X-Addr, index: 0}", "{name: X-Vip, index: 0}"), "k");
        var headers = new HeaderMap();
        headers.Add("x-addr"u8, "ab"u8);
        headers.Add("x-vip"u8, "c"u8);
        Span<byte> key = stackalloc byte[ScopeKey.BytesMax];
        Assert.True(builder.TryBuild(headers, key, out int length));
        Assert.Equal(Compiled("ab", "c"), Convert.ToHexString(key[..length]));
        Assert.NotEqual(Compiled("a", "bc"), Convert.ToHexString(key[..length]));
        headers.Set("x-vip"u8, new byte[5000]);
        Assert.False(builder.TryBuild(headers, key, out _));
    }

    [Theory]
    [InlineData("{name: s}", "scoped_routes.scope_key_builder.fragments: it names no fragment to build the key of")]
    [InlineData("{scope_key_builder: {fragments: [{header_value_extractor: {name: a, index: 0}}]}}", "scoped_routes.name: the scoped routes have no name")]
    [InlineData("{name: s, scope_key_builder: {fragments: [{}]}}", "scoped_routes.scope_key_builder.fragments[0].header_value_extractor: it is not set")]
    [InlineData("{name: s, scope_key_builder: {fragments: [{header_value_extractor: {name: a}}]}}", "fragments[0].header_value_extractor: neither index nor element is set")]
    [InlineData("{name: s, scope_key_builder: {fragments: [{header_value_extractor: {name: a, index: 2}}]}}", "index: 2 must be 0 without an element_separator")]
    [InlineData("{name: s, KEY}", "scoped_routes.config_specifier: the scopes come from nowhere")]
    [InlineData("{name: s, KEY, scoped_rds: {}}", "scoped_routes.scoped_rds.scoped_rds_config_source: the scopes come from nowhere")]
    [InlineData("{name: s, KEY, scoped_route_configurations_list: {}}", "scoped_route_configurations: it has no scope")]
    [InlineData("{name: s, KEY, scoped_route_configurations_list: {scoped_route_configurations: [{name: a, route_configuration_name: r}]}}", "scoped_route_configurations[0].key.fragments: the scope has no key fragment")]
    [InlineData("{name: s, KEY, scoped_route_configurations_list: {scoped_route_configurations: [{name: a, key: {fragments: [{string_key: x}]}}]}}", "scoped_route_configurations[0].route_configuration_name: a scope has either")]
    [InlineData("{name: s, KEY, scoped_route_configurations_list: {scoped_route_configurations: [{name: a, route_configuration_name: r, key: {fragments: [{string_key: x}]}}, {name: b, route_configuration_name: r, key: {fragments: [{string_key: x}]}}]}}", "scoped_route_configurations[1].key: scope key conflict found, first scope is 'a', second scope is 'b'")]
    [InlineData("{name: s, KEY, scoped_route_configurations_list: {scoped_route_configurations: [{name: a, route_configuration: {virtual_hosts: [{domains: ['*']}]}, key: {fragments: [{string_key: x}]}}]}}", "scoped_route_configurations[0].route_configuration.virtual_hosts[0].name: the virtual host has no name")]
    public void Config_ThatIsWrong_IsRefusedByItsField(string yaml, string problem) => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        ScopedRoutes config = Messages.Parse<ScopedRoutes>(
            yaml.Replace("KEY", "scope_key_builder: {fragments: [{header_value_extractor: {name: a, index: 0}}]}", StringComparison.Ordinal));
        ConfigRejectedException e = Assert.Throws<ConfigRejectedException>(() => bench.Serve(hcm => hcm.ScopedRoutes = config));
        Assert.Contains(problem, e.Message, StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Fact]
    public void InlineScopes_GiveEachRequestItsRoutes() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(hcm => hcm.ScopedRoutes = Routes(Scope("a", "one", inline: "first"), Scope("b", "two", inline: "second")));
        Assert.True(bench.Warming.IsReady);
        TestClient client = bench.Connect();
        Assert.Equal("first", await AskAsync(client, "X-Addr: vip=one"));
        Assert.Equal("second", await AskAsync(client, "X-Addr: vip=two"));
        Assert.Equal("404", await AskAsync(client, "X-Addr: vip=three"));
        Assert.Equal("404", await AskAsync(client, "X-Other: vip=one"));
        Assert.Equal(2, bench.Stats.Value(bench.Stats.Scope("http.test.scoped_rds.s").Gauge("active_scopes")));
        ScopedRoutesSlot slot = Assert.Single(bench.Context.ScopedRoutes.Slots);
        Assert.Equal((true, 2), (slot.IsInline, slot.Inline.Count));
    });

    [Fact]
    public void Choice_OfAScope_AllocatesNothing() => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(hcm => hcm.ScopedRoutes = Routes(Scope("a", "one", inline: "first"), Scope("b", "two", inline: "second")));
        ScopedRoutesSlot slot = bench.Context.ScopedRoutes.Slots[0];
        var headers = new HeaderMap();
        headers.Add("x-addr"u8, "x=y;vip=two"u8);
        Assert.NotNull(slot.Find(headers));
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            slot.Find(headers);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        return Task.CompletedTask;
    });

    [Fact]
    public void Scopes_ByRouteName_WarmUntilTheirRoutesAreHere_AndFollowThem() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(hcm => hcm.ScopedRoutes = Routes(Scope("a", "one", "r1"), Scope("b", "two", "r1"), Scope("c", "three", "r2")));
        Assert.False(bench.Warming.IsReady);
        Assert.Equal(["r1", "r2"], bench.Subscriptions.Subscribers.Select(s => s.Name).Order());
        bench.Subscriptions.Push("r1", Table("r1", "from r1"));
        Assert.False(bench.Warming.IsReady);
        bench.Subscriptions.Push("r2", Table("r2", "from r2"));
        Assert.True(bench.Warming.IsReady);
        TestClient client = bench.Connect();
        Assert.Equal("from r1", await AskAsync(client, "X-Addr: vip=two"));
        bench.Subscriptions.Push("r1", Table("r1", "changed"));
        Assert.Equal("changed", await AskAsync(client, "X-Addr: vip=one"));
        Assert.Equal("from r2", await AskAsync(client, "X-Addr: vip=three"));
    });

    [Fact]
    public void DiscoveredScopes_AreAddedMovedAndRemoved_WithoutAGap() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(hcm => hcm.ScopedRoutes = Discovered());
        (ResourceType type, IResourceCollection scopes, Action known) = Assert.Single(bench.Subscriptions.Collections);
        Assert.Equal("SRDS", type.ShortName);
        Assert.Empty(Apply(scopes, [Scope("a", "one", "r1"), Scope("b", "two", inline: "second")]));
        known();
        Assert.False(bench.Warming.IsReady);
        bench.Subscriptions.Push("r1", Table("r1", "from r1"));
        Assert.True(bench.Warming.IsReady);
        TestClient client = bench.Connect();
        Assert.Equal("from r1", await AskAsync(client, "X-Addr: vip=one"));

        // The routes of the new name are not here yet: the old ones serve on.
        Assert.Empty(Apply(scopes, [Scope("a", "one", "r2")]));
        Assert.Equal("from r1", await AskAsync(client, "X-Addr: vip=one"));
        Assert.Empty(Apply(scopes, [Scope("a", "one", "r3")]));
        Assert.Equal("from r1", await AskAsync(client, "X-Addr: vip=one"));
        Assert.DoesNotContain(bench.Subscriptions.Subscribers, s => s.Name == "r2");
        bench.Subscriptions.Push("r3", Table("r3", "from r3"));
        Assert.Equal("from r3", await AskAsync(client, "X-Addr: vip=one"));
        Assert.Equal(["r3"], bench.Subscriptions.Subscribers.Select(s => s.Name));

        // Keys change hands within one response; afterwards one of the two goes.
        Assert.Empty(Apply(scopes, [Scope("a", "two", "r3"), Scope("b", "one", inline: "second")]));
        Assert.Equal(("second", "from r3"), (await AskAsync(client, "X-Addr: vip=one"), await AskAsync(client, "X-Addr: vip=two")));
        Assert.Empty(Apply(scopes, [], "a"));
        Assert.Equal(("second", "404"), (await AskAsync(client, "X-Addr: vip=one"), await AskAsync(client, "X-Addr: vip=two")));
        Assert.Empty(bench.Subscriptions.Subscribers);
        Assert.Equal(1, bench.Stats.Value(bench.Stats.Scope("http.test.scoped_rds.s").Gauge("all_scopes")));
    });

    [Fact]
    public void DiscoveredScopes_ThatAreWrong_AreRefusedByName_AndTheOthersApply() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(hcm => hcm.ScopedRoutes = Discovered());
        IResourceCollection scopes = bench.Subscriptions.Collections[0].Collection;
        Apply(scopes, [Scope("a", "one", inline: "first")]);
        ScopedRouteConfiguration keyless = Scope("k", "x", "r");
        keyless.Key = null;

        List<RejectedResource> rejected = Apply(
            scopes, [Scope("thief", "one", inline: "stolen"), keyless, Scope("b", "two", inline: "second"), Scope("c", "two", inline: "third")]);

        Assert.Equal(
            [
                ("k", "key.fragments: the scope has no key fragment"),
                ("thief", "key: scope key conflict found, first scope is 'a', second scope is 'thief'"),
                ("c", "key: scope key conflict found, first scope is 'b', second scope is 'c'"),
            ],
            rejected.Select(r => (r.Name, r.Reason)));
        TestClient client = bench.Connect();
        Assert.Equal(("first", "second"), (await AskAsync(client, "X-Addr: vip=one"), await AskAsync(client, "X-Addr: vip=two")));
    });

    [Fact]
    public void SecondConnectionManager_SharesTheScopes() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(hcm => hcm.ScopedRoutes = Discovered());
        Apply(bench.Subscriptions.Collections[0].Collection, [Scope("a", "one", inline: "first")]);
        bench.Subscriptions.Collections[0].Known();
        bench.Serve(hcm => hcm.ScopedRoutes = Discovered());
        Assert.Single(bench.Subscriptions.Collections);
        Assert.True(bench.Warming.IsReady);
        Assert.Equal("first", await AskAsync(bench.Connect(), "X-Addr: vip=one"));
    });

    [Theory]
    [InlineData("{api_config_source: {api_type: GRPC, cluster_names: [a]}}", "{api_config_source: {api_type: GRPC, cluster_names: [b]}}", 2)]
    [InlineData("{api_config_source: {api_type: GRPC, cluster_names: [a]}}", "{api_config_source: {api_type: DELTA_GRPC, cluster_names: [a]}}", 2)]
    [InlineData("{api_config_source: {api_type: GRPC, cluster_names: [a]}}", "{api_config_source: {api_type: AGGREGATED_GRPC, cluster_names: [a]}}", 1)]
    [InlineData("{api_config_source: {api_type: GRPC, cluster_names: [a]}}", "{ads: {}}", 2)]
    [InlineData("{ads: {}}", "{self: {}}", 1)]
    [InlineData("{path: /one}", "{path_config_source: {path: /one}}", 1)]
    [InlineData("{path: /one}", "{path: /two}", 2)]
    public void ConnectionManagers_ShareTheScopes_OfOnePlaceOnly(string first, string second, int places) => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(hcm => hcm.ScopedRoutes = Discovered(first));
        bench.Serve(hcm => hcm.ScopedRoutes = Discovered(second));
        Assert.Equal(places, bench.Subscriptions.Collections.Count);
        return Task.CompletedTask;
    });

    [Fact]
    public void LastConnectionManager_ThatGoes_EndsTheSubscription_AndTheNextBeginsOne() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(hcm => hcm.ScopedRoutes = Discovered());
        bench.Serve(hcm => hcm.ScopedRoutes = Discovered());
        (ScopedRoutesSlot first, ScopedRoutesSlot second) = (bench.Context.ScopedRoutes.Slots[0], bench.Context.ScopedRoutes.Slots[1]);
        first.Dispose();
        first.Dispose();
        Assert.Equal((0, 1), (bench.Subscriptions.Ended, bench.Context.ScopedRoutes.Count));
        second.Dispose();
        Assert.Equal((1, 0), (bench.Subscriptions.Ended, bench.Context.ScopedRoutes.Count));

        bench.Serve(hcm => hcm.ScopedRoutes = Discovered());
        second.Dispose();
        Assert.Equal((1, 1), (bench.Subscriptions.Ended, bench.Context.ScopedRoutes.Count));
        Apply(bench.Subscriptions.Collections[1].Collection, [Scope("a", "one", inline: "anew")]);
        Assert.Equal("anew", await AskAsync(bench.Connect(), "X-Addr: vip=one"));
    });

    [Fact]
    public void Subscription_CountsForEachConnectionManagerThatIsThere() => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(hcm => (hcm.StatPrefix, hcm.ScopedRoutes) = ("one", Discovered()));
        bench.Serve(hcm => (hcm.StatPrefix, hcm.ScopedRoutes) = ("two", Discovered()));
        var stats = Assert.IsType<ISubscriptionStats>(bench.Subscriptions.Collections[0].Collection, exactMatch: false);
        stats.Rejected();
        bench.Context.ScopedRoutes.Slots[0].Dispose();
        stats.Rejected();
        Assert.Equal(
            (1, 2), (bench.Counter("http.one.scoped_rds.s.update_rejected"), bench.Counter("http.two.scoped_rds.s.update_rejected")));
        return Task.CompletedTask;
    });

    [Fact]
    public void ScopeOnDemand_IsAskedForWithTheFirstRequest_WhichWaits() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Context.Extensions.Register<IHttpFilterFactory>(new OnDemandFilterFactory());
        ScopedRouteConfiguration lazy = Scope("a", "one", "r1");
        lazy.OnDemand = true;
        bench.Serve(hcm =>
        {
            hcm.ScopedRoutes = Routes(lazy);
            hcm.HttpFilters.Insert(0, ProxyBench.Filter("envoy.filters.http.on_demand", new Envoy.Extensions.Filters.Http.OnDemand.V3.OnDemand()));
        });
        Assert.True(bench.Warming.IsReady);
        Assert.Empty(bench.Subscriptions.Subscribers);
        TestClient client = bench.Connect();
        TestClient other = bench.Connect();
        TestClient gone = bench.Connect();
        Task<string> first = AskAsync(client, "X-Addr: vip=one");
        Task<string> second = AskAsync(other, "X-Addr: vip=one");
        await gone.SendAsync("GET / HTTP/1.1\r\nhost: a\r\nX-Addr: vip=one\r\n\r\n");
        await Transport.TestPeers.UntilAsync(loop, () => bench.Subscriptions.Subscribers.Count == 1);
        gone.Stream.Close();
        await Transport.TestPeers.UntilAsync(loop, () => bench.Logged.Count == 1);
        Assert.False(first.IsCompleted);
        bench.Subscriptions.Push("r1", Table("r1", "at last"));
        Assert.Equal(("at last", "at last"), (await first, await second));
        Assert.Equal("at last", await AskAsync(client, "X-Addr: vip=one"));
        Assert.Equal("404", await AskAsync(client, "X-Addr: vip=two"));
    });

    private static Builder KeyOf(params string[] extractors)
    {
        string fragments = string.Join(", ", extractors.Select(e => $"{{header_value_extractor: {e}}}"));
        return Messages.Parse<Builder>($"{{fragments: [{fragments}]}}");
    }

    private static string Compiled(params string[] fragments) => Convert.ToHexString(ScopeKey.Compile(Key(fragments), "key").Bytes);

    private static ScopedRouteConfiguration.Types.Key Key(params string[] fragments)
    {
        var key = new ScopedRouteConfiguration.Types.Key();
        foreach (string fragment in fragments)
        {
            key.Fragments.Add(new ScopedRouteConfiguration.Types.Key.Types.Fragment { StringKey = fragment });
        }

        return key;
    }

    private static ScopedRouteConfiguration Scope(string name, string key, string routes = "", string? inline = null) => new()
    {
        Name = name, Key = Key(key), RouteConfigurationName = routes, RouteConfiguration = inline is null ? null : Table("", inline),
    };

    private static ScopedRoutes Routes(params ScopedRouteConfiguration[] scopes)
    {
        var list = new ScopedRouteConfigurationsList();
        list.ScopedRouteConfigurations.AddRange(scopes);
        return new ScopedRoutes { Name = "s", ScopeKeyBuilder = KeyOf(Elements), ScopedRouteConfigurationsList = list };
    }

    private static ScopedRoutes Discovered(string source = "{ads: {}}") => new()
    {
        Name = "s",
        ScopeKeyBuilder = KeyOf(Elements),
        ScopedRds = new ScopedRds { ScopedRdsConfigSource = Messages.Parse<ConfigSource>(source) },
    };

    private static RouteConfiguration Table(string name, string body) => new()
    {
        Name = name,
        VirtualHosts =
        {
            new VirtualHost
            {
                Name = "v",
                Domains = { "*" },
                Routes =
                {
                    new Route
                    {
                        Match = new RouteMatch { Prefix = "/" },
                        DirectResponse = new DirectResponseAction { Status = 200, Body = new DataSource { InlineString = body } },
                    },
                },
            },
        },
    };

    private static List<RejectedResource> Apply(IResourceCollection scopes, ScopedRouteConfiguration[] added, params string[] removed)
    {
        List<RejectedResource> rejected = [];
        scopes.Apply(Array.ConvertAll(added, s => new ResourceUpdate(s.Name, s.ToByteArray(), "1")), removed, rejected);
        return rejected;
    }

    private static async Task<string> AskAsync(TestClient client, string header)
    {
        await client.SendAsync($"GET / HTTP/1.1\r\nhost: a\r\n{header}\r\n\r\n");
        string head = await client.ReadHeadAsync();
        string length = head.Split('\n').First(line => line.StartsWith("content-length:", StringComparison.OrdinalIgnoreCase))[15..].Trim();
        string body = await client.ReadBytesAsync(int.Parse(length, System.Globalization.CultureInfo.InvariantCulture));
        return head.StartsWith("HTTP/1.1 200", StringComparison.Ordinal) ? body : head[9..12];
    }
}
