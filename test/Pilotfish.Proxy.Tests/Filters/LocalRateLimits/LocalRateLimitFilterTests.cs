using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Common.Ratelimit.V3;
using Envoy.Extensions.Filters.Http.LocalRatelimit.V3;
using Envoy.Type.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Testing;
using static Pilotfish.Proxy.Tests.Filters.LocalRateLimits.LocalLimitBench;
using TokenBucketMessage = Envoy.Type.V3.TokenBucket;

namespace Pilotfish.Proxy.Tests.Filters.LocalRateLimits;

public sealed class LocalRateLimitFilterTests
{
    [Fact]
    public void Requests_BeyondTheBucket_AreRefusedUntilItFills() => Run(async (loop, clock) =>
    {
        LocalRateLimit limit = Limit(2);
        limit.ResponseHeadersToAdd.Add(new HeaderValueOption { Header = new HeaderValue { Key = "x-limited", Value = "%REQ(:path)%" } });
        ProxyBench bench = Serve(loop, limit);
        TestClient client = bench.Connect();
        Assert.Equal("204", await StatusAsync(client));
        Assert.Equal("204", await StatusAsync(client));
        await client.SendAsync(Get);
        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 429 Too Many Requests\r\n", head);
        Assert.Contains("x-limited: /\r\n", head);
        Assert.DoesNotContain("x-ratelimit", head);
        Assert.Equal("local_rate_limited", await client.ReadBytesAsync(18));
        Assert.Equal(("local_rate_limited", "RL"), (bench.Recorded[2].Details, bench.Recorded[2].Flags));
        clock.AdvanceMilliseconds(500);
        await loop.YieldAsync();
        Assert.Equal("204", await StatusAsync(client));
        Assert.Equal("429", await StatusAsync(client));
        const string Stats = "limit.http_local_rate_limit.";
        Assert.Equal(
            (5L, 3L, 2L, 2L),
            (bench.Counter(Stats + "enabled"), bench.Counter(Stats + "ok"), bench.Counter(Stats + "rate_limited"), bench.Counter(Stats + "enforced")));
    });

    /// <summary>Shares for which it is enabled and enforced (null: not set), and what a request beyond the bucket finds.</summary>
    [Theory]
    [InlineData(null, 100u, "204", 0, 0)]
    [InlineData(0u, 100u, "204", 0, 0)]
    [InlineData(100u, null, "204", 1, 0)]
    [InlineData(100u, 0u, "204", 1, 0)]
    [InlineData(100u, 100u, "429", 1, 1)]
    public void Shares_AreNothingUnlessSet(uint? enabled, uint? enforced, string status, int limited, int refused) => Run(async (loop, _) =>
    {
        LocalRateLimit limit = Limit(1);
        limit.FilterEnabled = enabled is { } share ? Share(share) : null;
        limit.FilterEnforced = enforced is { } other ? Share(other) : null;
        ProxyBench bench = Serve(loop, limit);
        TestClient client = bench.Connect();
        Assert.Equal("204", await StatusAsync(client));
        Assert.Equal(status, await StatusAsync(client));
        Assert.Equal(limited, bench.Counter("limit.http_local_rate_limit.rate_limited"));
        Assert.Equal(refused, bench.Counter("limit.http_local_rate_limit.enforced"));
    });

    [Fact]
    public void Request_ThatIsNotRefused_IsMarkedForTheUpstream() => Run(async (loop, _) =>
    {
        using var upstream = new TestUpstream(loop);
        LocalRateLimit limit = Limit(1, enforced: 0);
        limit.RequestHeadersToAddWhenNotEnforced.Add(new HeaderValueOption { Header = new HeaderValue { Key = "x-over", Value = "yes" } });
        ProxyBench bench = Serve(loop, limit, null, upstream);
        TestClient client = bench.Connect();
        TestClient? server = null;
        foreach (bool over in (bool[])[false, true])
        {
            await client.SendAsync(Get);
            server ??= await upstream.AcceptAsync();
            Assert.Equal(over, (await server.ReadHeadAsync()).Contains("x-over: yes\r\n", StringComparison.Ordinal));
            await server.SendAsync("HTTP/1.1 204 None\r\n\r\n");
            await client.ReadHeadAsync();
        }
    });

    [Theory]
    [InlineData(StatusCode.ServiceUnavailable, "503")]
    [InlineData(StatusCode.Ok, "429")]
    [InlineData(StatusCode.Empty, "429")]
    public void Status_IsTheConfigs_IfItIsAnError(StatusCode code, string status) => Run(async (loop, _) =>
    {
        LocalRateLimit limit = Limit(1);
        limit.Status = new HttpStatus { Code = code };
        TestClient client = Serve(loop, limit).Connect();
        Assert.Equal("204", await StatusAsync(client));
        Assert.Equal(status, await StatusAsync(client));
    });

    [Theory]
    [InlineData(false, 14)]
    [InlineData(true, 8)]
    public void GrpcCall_IsRefusedByItsStatus(bool exhausted, int status) => Run(async (loop, _) =>
    {
        LocalRateLimit limit = Limit(1);
        limit.RateLimitedAsResourceExhausted = exhausted;
        TestClient client = Serve(loop, limit).Connect();
        const string Call = "POST /s/m HTTP/1.1\r\nHost: h\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\n\r\n";
        await HeadAsync(client, Call);
        string head = await HeadAsync(client, Call);
        Assert.StartsWith("HTTP/1.1 200 ", head);
        Assert.Contains($"grpc-status: {status}\r\n", head);
        Assert.Contains("grpc-message: local_rate_limited\r\n", head);
    });

    [Fact]
    public void Responses_TellOfTheBucket_WhereTheyShall() => Run(async (loop, clock) =>
    {
        LocalRateLimit limit = Limit(2, fillMilliseconds: 10_000);
        limit.EnableXRatelimitHeaders = XRateLimitHeadersRFCVersion.DraftVersion03;
        TestClient client = Serve(loop, limit).Connect();
        foreach ((string status, int remaining, int reset) in ((string, int, int)[])[("204", 1, 0), ("204", 0, 5), ("429", 0, 5)])
        {
            string head = await HeadAsync(client);
            Assert.StartsWith($"HTTP/1.1 {status} ", head);
            Assert.Contains($"x-ratelimit-limit: 2\r\nx-ratelimit-remaining: {remaining}\r\nx-ratelimit-reset: {reset}\r\n", head);
        }

        clock.AdvanceMilliseconds(2000);
        await loop.YieldAsync();
        Assert.Contains("x-ratelimit-reset: 3\r\n", await HeadAsync(client));
    });

    [Theory]
    [InlineData(false, "429")]
    [InlineData(true, "204")]
    public void Bucket_IsTheProcess_OrEachConnections(bool each, string status) => Run(async (loop, _) =>
    {
        LocalRateLimit limit = Limit(1);
        limit.LocalRateLimitPerDownstreamConnection = each;
        ProxyBench bench = Serve(loop, limit);
        TestClient first = bench.Connect();
        Assert.Equal("204", await StatusAsync(first));
        Assert.Equal("429", await StatusAsync(first));
        Assert.Equal(status, await StatusAsync(bench.Connect()));
        Assert.Equal("429", await StatusAsync(first));
    });

    // The chain's filter without a bucket limits nothing; a route's bucket is its own, even where another route says the very same.
    [Fact]
    public void Route_HasABucketOfItsOwn() => Run(async (loop, _) =>
    {
        LocalRateLimit own = Limit(1);
        LocalRateLimit chain = Limit(1);
        chain.TokenBucket = null;
        TestClient client = Serve(loop, chain, routes =>
        {
            for (int i = 0; i < 2; i++)
            {
                routes.VirtualHosts.Add(new VirtualHost
                {
                    Name = $"host {i}",
                    Domains = { $"h{i}" },
                    Routes =
                    {
                        new Route
                        {
                            Match = new RouteMatch { Prefix = "/" },
                            DirectResponse = new DirectResponseAction { Status = 204 },
                            TypedPerFilterConfig = { ["limit"] = Any.Pack(own) },
                        },
                    },
                });
                routes.VirtualHosts.Add(new VirtualHost
                {
                    Name = $"whole host {i}",
                    Domains = { $"w{i}" },
                    TypedPerFilterConfig = { ["limit"] = Any.Pack(new FilterConfig { Config = Any.Pack(own) }) },
                    Routes = { new Route { Match = new RouteMatch { Prefix = "/" }, DirectResponse = new DirectResponseAction { Status = 204 } } },
                });
            }
        }).Connect();
        foreach (string host in (string[])["h0", "h1", "w0", "w1"])
        {
            string request = $"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n";
            Assert.Equal((host, "204"), (host, await StatusAsync(client, request)));
            Assert.Equal((host, "429"), (host, await StatusAsync(client, request)));
        }

        for (int i = 0; i < 5; i++)
        {
            Assert.Equal("204", await StatusAsync(client));
        }
    });

    public static TheoryData<string, Action<LocalRateLimit>> Refusals => new()
    {
        { "stat_prefix", static limit => limit.StatPrefix = "" },
        { "token_bucket.max_tokens", static limit => limit.TokenBucket.MaxTokens = 0 },
        { "token_bucket.tokens_per_fill", static limit => limit.TokenBucket.TokensPerFill = 0 },
        { "token_bucket.fill_interval", static limit => limit.TokenBucket.FillInterval = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(49)) },
        { "local_cluster_rate_limit", static limit => limit.LocalClusterRateLimit = new LocalClusterRateLimit() },
        { "descriptors[0]", static limit => limit.Descriptors.Add(new LocalRateLimitDescriptor { TokenBucket = Bucket(1) }) },
        { "descriptors[0].entries[0].key", static limit => limit.Descriptors.Add(Descriptor("", 1000)) },
        { "descriptors[1].entries", static limit => limit.Descriptors.Add([Descriptor("a", 1000), Descriptor("a", 2000)]) },
        { "descriptors[0].token_bucket.fill_interval", static limit => limit.Descriptors.Add(Descriptor("a", 1500)) },
        { "rate_limits[0].actions", static limit => limit.RateLimits.Add(new RateLimit()) },
        { "rate_limits[0].stage", static limit => limit.RateLimits.Add(new RateLimit { Stage = 11 }) },
        { "rate_limits[0].actions[0]", static limit => limit.RateLimits.Add(new RateLimit { Actions = { new RateLimit.Types.Action() } }) },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void Config_ThatCannotBe_IsRefusedByField(string field, Action<LocalRateLimit> spoil) => LoopRunner.Run(loop =>
    {
        LocalRateLimit limit = Limit(1);
        spoil(limit);
        ConfigRejectedException rejected = Assert.Throws<ConfigRejectedException>(() => Serve(loop, limit));
        Assert.Equal($"http_filters[1].typed_config.{field}", rejected.Field);
        return Task.CompletedTask;
    });

    [Fact]
    public void RouteConfig_WithoutABucket_IsRefused() => LoopRunner.Run(loop =>
    {
        LocalRateLimit limit = Limit(1);
        limit.TokenBucket = null;
        ConfigRejectedException rejected = Assert.Throws<ConfigRejectedException>(() =>
            Serve(loop, Limit(1), routes => routes.TypedPerFilterConfig.Add("limit", Any.Pack(limit))));
        Assert.Equal("route_config.typed_per_filter_config['limit'].token_bucket", rejected.Field);
        return Task.CompletedTask;
    });

    private static LocalRateLimitDescriptor Descriptor(string key, int fillMilliseconds) => new()
    {
        Entries = { new RateLimitDescriptor.Types.Entry { Key = key, Value = "v" } },
        TokenBucket = Bucket(1, fillMilliseconds),
    };
}
