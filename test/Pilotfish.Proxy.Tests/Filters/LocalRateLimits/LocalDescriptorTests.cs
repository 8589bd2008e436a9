using Envoy.Config.Route.V3;
using Envoy.Extensions.Common.Ratelimit.V3;
using Envoy.Extensions.Filters.Http.LocalRatelimit.V3;
using Envoy.Type.Matcher.V3;
using Envoy.Type.Metadata.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Testing;
using static Pilotfish.Proxy.Tests.Filters.LocalRateLimits.LocalLimitBench;
using Action = Envoy.Config.Route.V3.RateLimit.Types.Action;

namespace Pilotfish.Proxy.Tests.Filters.LocalRateLimits;

/// <summary>How requests are described, and whose bucket a description takes from.</summary>
public sealed class LocalDescriptorTests
{
    private const uint Many = 1000;

    /// <summary>The action of a rule, a request, and the entry that it makes of it; null for no descriptor.</summary>
    public static TheoryData<string, Action, string, string?> Actions => new()
    {
        { "source_cluster", new Action { SourceCluster = new() }, "", "source_cluster=test" },
        { "destination_cluster", new Action { DestinationCluster = new() }, "", "destination_cluster=backend" },
        { "remote_address", new Action { RemoteAddress = new() }, "", "remote_address=10.0.0.9" },
        { "remote_address behind a proxy", new Action { RemoteAddress = new() }, "X-Forwarded-For: 192.0.2.7", "remote_address=192.0.2.7" },
        { "masked_remote_address", Masked(24, 64), "X-Forwarded-For: 192.0.2.7", "masked_remote_address=192.0.2.0/24" },
        { "masked_remote_address, IPv6", Masked(24, 64), "X-Forwarded-For: 2001:db8:0:1::7", "masked_remote_address=2001:db8:0:1::/64" },
        { "masked_remote_address, whole", new Action { MaskedRemoteAddress = new() }, "X-Forwarded-For: 192.0.2.7", "masked_remote_address=192.0.2.7/32" },
        { "generic_key", new Action { GenericKey = new() { DescriptorValue = "%REQ(x)%" } }, "", "generic_key=%REQ(x)%" },
        { "generic_key with a key", new Action { GenericKey = new() { DescriptorValue = "v", DescriptorKey = "k" } }, "", "k=v" },
        { "request_headers", Header(false), "X-User: a", "user=a" },
        { "request_headers, several values", Header(false), "X-User: a\r\nx-user: b", "user=a,b" },
        { "request_headers, absent", Header(false), "X-Other: a", null },
        { "query_parameters", Query(false), "?u=1&u=2", "user=1" },
        { "query_parameters, absent", Query(false), "?uu=1", null },
        { "header_value_match", HeaderValue(null), "X-User: a", "header_match=v" },
        { "header_value_match, other value", HeaderValue(null), "X-User: b", null },
        { "header_value_match, not expected", HeaderValue(false), "X-User: a", null },
        { "header_value_match, none expected", HeaderValue(false), "X-User: b", "header_match=v" },
        { "query_parameter_value_match", QueryValue(null), "?u=a", "query_match=v" },
        { "query_parameter_value_match, none expected", QueryValue(false), "?u=b", "query_match=v" },
        { "metadata of the route", Metadata(true, ""), "", "meta=text" },
        { "dynamic metadata, absent", Metadata(false, ""), "", null },
        { "dynamic metadata, default", Metadata(false, "d"), "", "meta=d" },
        {
            "dynamic_metadata, the older action",
            new Action { DynamicMetadata = new() { DescriptorKey = "meta", MetadataKey = Key(), DefaultValue = "d" } }, "", "meta=d"
        },
    };

    [Theory]
    [MemberData(nameof(Actions))]
    public void Action_MakesItsEntry(string label, Action action, string request, string? entry) => Run(async (loop, _) =>
    {
        using var upstream = new TestUpstream(loop);

        // Whoever has the entry takes from a bucket of one; all others have plenty.
        LocalRateLimit limit = Limit(Many);
        string[] parts = (entry ?? "never=").Split('=', 2);
        limit.Descriptors.Add(Descriptor(1, (parts[0], parts[1])));
        ProxyBench bench = Serve(loop, limit, routes =>
        {
            Route route = routes.VirtualHosts[0].Routes[0];
            route.Route_.RateLimits.Add(new RateLimit { Actions = { action } });
            route.Metadata = new() { FilterMetadata = { ["ns"] = new Struct { Fields = { ["key"] = Value.ForString("text") } } } };
        }, upstream);
        Answer(upstream);
        TestClient client = bench.Connect();
        string text = request.StartsWith('?')
            ? $"GET /{request} HTTP/1.1\r\nHost: h\r\n\r\n"
            : $"GET / HTTP/1.1\r\nHost: h\r\n{(request.Length > 0 ? request + "\r\n" : "")}\r\n";
        Assert.Equal("204", await StatusAsync(client, text));
        Assert.True((entry is null ? "204" : "429") == await StatusAsync(client, text), label);
    });

    [Theory]
    [InlineData("with both", "X-User: a\r\nX-Tier: b\r\n", "429")]
    [InlineData("without what may be absent", "X-User: a\r\n", "204")]
    [InlineData("without what must be there", "X-Tier: b\r\n", "204")]
    public void Entries_MustAllBeTheDescriptors_InTheirOrder(string label, string headers, string status) => Run(async (loop, _) =>
    {
        using var upstream = new TestUpstream(loop);
        LocalRateLimit limit = Limit(Many);
        limit.Descriptors.Add(Descriptor(1, ("user", "a"), ("tier", "b")));
        limit.Descriptors.Add(Descriptor(Many, ("tier", "b"), ("user", "a")));
        limit.RateLimits.Add(new RateLimit
        {
            Actions = { Header(false), new Action { RequestHeaders = new() { HeaderName = "x-tier", DescriptorKey = "tier", SkipIfAbsent = true } } },
        });
        ProxyBench bench = Serve(loop, limit, null, upstream);
        Answer(upstream);
        TestClient client = bench.Connect();
        string request = $"GET / HTTP/1.1\r\nHost: h\r\n{headers}\r\n";
        Assert.Equal("204", await StatusAsync(client, request));
        Assert.True(status == await StatusAsync(client, request), label);
    });

    /// <summary>Rules of the route and the host, what is said of the latter, and whether a request is described by host, route or both.</summary>
    [Theory]
    [InlineData(true, VhRateLimitsOptions.Override, null, "route")]
    [InlineData(false, VhRateLimitsOptions.Override, null, "host")]
    [InlineData(true, VhRateLimitsOptions.Include, null, "route host")]
    [InlineData(false, VhRateLimitsOptions.Ignore, null, "")]
    [InlineData(true, VhRateLimitsOptions.Ignore, true, "route host")]
    [InlineData(true, VhRateLimitsOptions.Override, false, "route")]
    public void Rules_OfTheHost_CountAsTheFilterAndTheRouteSay(bool ofRoute, VhRateLimitsOptions option, bool? includes, string described) => Run(async (loop, _) =>
    {
        foreach (string of in (string[])["route", "host"])
        {
            using var upstream = new TestUpstream(loop);
            LocalRateLimit limit = Limit(Many);
            limit.VhRateLimits = option;
            limit.Stage = 3;
            limit.Descriptors.Add(Descriptor(1, ("generic_key", of)));
            ProxyBench bench = Serve(loop, limit, routes =>
            {
                VirtualHost host = routes.VirtualHosts[0];
                host.RateLimits.Add(Generic("host", stage: 3));
                host.Routes[0].Route_.IncludeVhRateLimits = includes;
                if (ofRoute)
                {
                    host.Routes[0].Route_.RateLimits.Add(Generic("route", stage: 3));
                }
            }, upstream);
            Answer(upstream);
            TestClient client = bench.Connect();
            Assert.Equal("204", await StatusAsync(client));
            Assert.Equal(described.Contains(of, StringComparison.Ordinal) ? "429" : "204", await StatusAsync(client));
        }
    });

    [Theory]
    [InlineData("of another stage", 1u, "", false)]
    [InlineData("with a key to disable it", 0u, "off", false)]
    [InlineData("for the stream's end", 0u, "", true)]
    public void Rule_ThatDoesNotApply_DescribesNothing(string label, uint stage, string disableKey, bool atEnd) => Run(async (loop, _) =>
    {
        using var upstream = new TestUpstream(loop);
        LocalRateLimit limit = Limit(Many);
        limit.Descriptors.Add(Descriptor(1, ("generic_key", "route")));
        RateLimit rule = Generic("route", stage);
        rule.DisableKey = disableKey;
        rule.ApplyOnStreamDone = atEnd;
        ProxyBench bench = Serve(loop, limit, routes => routes.VirtualHosts[0].Routes[0].Route_.RateLimits.Add(rule), upstream);
        Answer(upstream);
        TestClient client = bench.Connect();
        Assert.Equal("204", await StatusAsync(client));
        Assert.True(await StatusAsync(client) == "204", label);
    });

    // A described request takes from its own bucket, and from the common one unless that is for others alone.
    [Theory]
    [InlineData(null, "429")]
    [InlineData(true, "429")]
    [InlineData(false, "204")]
    public void CommonBucket_IsTakenFromUnlessItIsForOthers(bool? always, string status) => Run(async (loop, _) =>
    {
        using var upstream = new TestUpstream(loop);
        LocalRateLimit limit = Limit(1);
        limit.AlwaysConsumeDefaultTokenBucket = always;
        limit.Descriptors.Add(Descriptor(Many, ("generic_key", "route")));
        limit.RateLimits.Add(Generic("route", 0));
        ProxyBench bench = Serve(loop, limit, null, upstream);
        Answer(upstream);
        TestClient client = bench.Connect();
        Assert.Equal("204", await StatusAsync(client));
        Assert.Equal(status, await StatusAsync(client));
    });

    [Fact]
    public void Hits_AndShadowsAndHeaders_AreTheRules() => Run(async (loop, _) =>
    {
        using var upstream = new TestUpstream(loop);
        LocalRateLimit limit = Limit(Many);
        limit.Descriptors.Add(Descriptor(4, ("generic_key", "route")));
        limit.Descriptors.Add(Descriptor(1, ("generic_key", "shadow")));
        limit.Descriptors[1].ShadowMode = true;
        RateLimit rule = Generic("route", 0);
        rule.HitsAddend = new RateLimit.Types.HitsAddend { Format = "%REQ(x-cost)%" };
        rule.XRatelimitOption = RateLimit.Types.XRateLimitOption.DraftVersion03;
        limit.RateLimits.Add(rule);
        limit.RateLimits.Add(Generic("shadow", 0));
        ProxyBench bench = Serve(loop, limit, null, upstream);
        Answer(upstream);
        TestClient client = bench.Connect();

        // The shadow's bucket is the slowest, so that it is the first that the request counts in; it never refuses, and tells nothing.
        string head = await HeadAsync(client, "GET / HTTP/1.1\r\nHost: h\r\nx-cost: 3\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 204 ", head);
        Assert.DoesNotContain("x-ratelimit", head);
        head = await HeadAsync(client, "GET / HTTP/1.1\r\nHost: h\r\nx-cost: 2\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 429 ", head);
        Assert.Contains("x-ratelimit-limit: 4\r\nx-ratelimit-remaining: 1\r\n", head);
        Assert.Equal("204", await StatusAsync(client, "GET / HTTP/1.1\r\nHost: h\r\nx-cost: much\r\n\r\n"));
        Assert.Equal("429", await StatusAsync(client));
    });

    // Each value has a bucket; a client that brings ever new ones pushes out who was longest not seen.
    [Fact]
    public void DescriptorWithoutAValue_HasABucketForEachOfTheLatestValues() => Run(async (loop, clock) =>
    {
        using var upstream = new TestUpstream(loop);
        LocalRateLimit limit = Limit(Many, fillMilliseconds: 100_000);
        limit.MaxDynamicDescriptors = 2;
        limit.Descriptors.Add(Descriptor(1, ("user", "")));
        limit.Descriptors[0].TokenBucket = Bucket(1, 100_000);
        limit.RateLimits.Add(new RateLimit { Actions = { Header(false) } });
        ProxyBench bench = Serve(loop, limit, null, upstream);
        Answer(upstream);
        TestClient client = bench.Connect();
        foreach ((string user, string status) in ((string, string)[])[("a", "204"), ("a", "429"), ("b", "204"), ("a", "429"), ("c", "204"), ("a", "429"), ("b", "204"), ("b", "429")])
        {
            clock.AdvanceMilliseconds(1);
            await loop.YieldAsync();
            Assert.Equal((user, status), (user, await StatusAsync(client, $"GET / HTTP/1.1\r\nHost: h\r\nx-user: {user}\r\n\r\n")));
        }
    });

    [Fact]
    public void Extension_IsRefusedByName() => LoopRunner.Run(loop =>
    {
        LocalRateLimit limit = Limit(1);
        limit.RateLimits.Add(new RateLimit { Actions = { new Action { Extension = new() { Name = "own" } } } });
        ConfigRejectedException rejected = Assert.Throws<ConfigRejectedException>(() => Serve(loop, limit));
        Assert.Equal("http_filters[1].typed_config.rate_limits[0].actions[0].extension", rejected.Field);
        return Task.CompletedTask;
    });

    private static LocalRateLimitDescriptor Descriptor(uint tokens, params (string Key, string Value)[] entries)
    {
        var descriptor = new LocalRateLimitDescriptor { TokenBucket = Bucket(tokens, 1000) };
        foreach ((string key, string value) in entries)
        {
            descriptor.Entries.Add(new RateLimitDescriptor.Types.Entry { Key = key, Value = value });
        }

        return descriptor;
    }

    private static RateLimit Generic(string value, uint stage) => new() { Stage = stage, Actions = { new Action { GenericKey = new() { DescriptorValue = value } } } };

    private static Action Header(bool skips) => new() { RequestHeaders = new() { HeaderName = "X-User", DescriptorKey = "user", SkipIfAbsent = skips } };

    private static Action Query(bool skips) => new() { QueryParameters = new() { QueryParameterName = "u", DescriptorKey = "user", SkipIfAbsent = skips } };

    private static Action Masked(uint bits4, uint bits6) => new() { MaskedRemoteAddress = new() { V4PrefixMaskLen = bits4, V6PrefixMaskLen = bits6 } };

    private static Action HeaderValue(bool? expected) => new()
    {
        HeaderValueMatch = new()
        {
            DescriptorValue = "v",
            ExpectMatch = expected,
            Headers = { new HeaderMatcher { Name = "x-user", StringMatch = new StringMatcher { Exact = "a" } } },
        },
    };

    private static Action QueryValue(bool? expected) => new()
    {
        QueryParameterValueMatch = new()
        {
            DescriptorValue = "v",
            ExpectMatch = expected,
            QueryParameters = { new QueryParameterMatcher { Name = "u", StringMatch = new StringMatcher { Exact = "a" } } },
        },
    };

    private static Action Metadata(bool ofRoute, string fallback) => new()
    {
        Metadata = new()
        {
            DescriptorKey = "meta",
            MetadataKey = Key(),
            DefaultValue = fallback,
            Source = ofRoute ? Action.Types.MetaData.Types.Source.RouteEntry : Action.Types.MetaData.Types.Source.Dynamic,
        },
    };

    private static MetadataKey Key() => new() { Key = "ns", Path = { new MetadataKey.Types.PathSegment { Key = "key" } } };

    private static async void Answer(TestUpstream upstream)
    {
        try
        {
            TestClient server = await upstream.AcceptAsync();
            while (true)
            {
                await server.ReadHeadAsync();
                await server.SendAsync("HTTP/1.1 204 None\r\n\r\n");
            }
        }
        catch (Exception exception) when (exception is EndOfStreamException or NullReferenceException)
        {
            // The test is over, or nobody ever called.
        }
    }
}
