using Envoy.Config.Core.V3;
using Envoy.Service.Ratelimit.V3;
using Envoy.Type.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Http;
using Code = Envoy.Service.Ratelimit.V3.RateLimitResponse.Types.Code;
using RateLimitFilter = Envoy.Extensions.Filters.Http.Ratelimit.V3.RateLimit;
using Unit = Envoy.Service.Ratelimit.V3.RateLimitResponse.Types.RateLimit.Types.Unit;

namespace Pilotfish.Proxy.Tests.Filters.GlobalRateLimits;

/// <summary>What becomes of a request by the service's answer, or without one.</summary>
public sealed class GlobalRateLimitFilterTests
{
    [Fact]
    public void Request_WaitsForTheWord_AndGoesOnWithItsHeaders() => RateLimitBench.Run(static async (loop, _) =>
    {
        using var bench = new RateLimitBench(loop);
        TestClient client = await bench.SendAsync("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
        await bench.AcceptAsync();
        var head = (await bench.Service.ReadHeadersAsync()).Fields;
        Assert.Equal("/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit", head[":path"]);
        Assert.Equal("20m", head["grpc-timeout"]);
        Assert.Equal("shop: generic_key=all", await bench.AskedTextAsync());
        await bench.TurnAsync();
        Assert.Equal(0, bench.Counter("upstream_cx_total"));

        await bench.AnswerAsync(new RateLimitResponse
        {
            OverallCode = Code.Ok,
            RequestHeadersToAdd = { Header("X-Left", "3"), Header("bad name", "a"), Header("x-bad", "a\r\nb"), Header("Content-Length", "9"), Header(":path", "/x") },
            ResponseHeadersToAdd = { Header("x-limit", "5") },
            DynamicMetadata = new Struct { Fields = { ["tier"] = Value.ForString("gold") } },
        });
        TestClient server = await bench.PassedAsync();
        string sent = await server.ReadHeadAsync();
        Assert.StartsWith("POST / HTTP/1.1\r\n", sent);
        Assert.Contains("x-left: 3\r\n", sent);
        Assert.Contains("content-length: 4\r\n", sent);
        Assert.DoesNotContain("bad", sent);
        Assert.DoesNotContain("9", sent.Split("content-length: 4")[1].Split("\r\n")[0]);
        Assert.Equal("body", await server.ReadBytesAsync(4));
        await server.SendAsync(RateLimitBench.Ok);
        string answer = await client.ReadHeadAsync();
        Assert.Contains("x-limit: 5\r\n", answer);
        Assert.DoesNotContain("x-envoy-ratelimited", answer);
        Assert.Equal(1, bench.Counter("ratelimit.ok"));
        Assert.Equal(0, bench.Counter("ratelimit.over_limit"));
    });

    [Fact]
    public void OverLimit_IsRefused() => RateLimitBench.Run(static async (loop, _) =>
    {
        using var bench = new RateLimitBench(loop, static filter => filter.ResponseHeadersToAdd.Add(
            new HeaderValueOption { Header = new HeaderValue { Key = "x-mine", Value = "%RESPONSE_CODE_DETAILS%" } }));
        TestClient client = await bench.SendAsync();
        await bench.AskedAsync();
        await bench.AnswerAsync(new RateLimitResponse
        {
            OverallCode = Code.OverLimit,
            ResponseHeadersToAdd = { Header("retry-after", "7"), Header("content-type", "application/json") },
            RawBody = ByteString.CopyFromUtf8("{}"),
        });
        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 429 ", head);
        Assert.Contains("retry-after: 7\r\n", head);
        Assert.Contains("x-envoy-ratelimited: true\r\n", head);
        Assert.Contains("x-mine: request_rate_limited\r\n", head);
        Assert.Contains("content-type: application/json\r\n", head);
        Assert.DoesNotContain("text/plain", head);
        Assert.Equal("{}", await client.ReadBytesAsync(2));
        Assert.Equal("request_rate_limited", bench.Proxy.Recorded[0].Details);
        Assert.Equal("RL", bench.Proxy.Recorded[0].Flags);
        Assert.Equal(1, bench.Counter("ratelimit.over_limit"));
        Assert.Equal(1, bench.Counter("upstream_rq_429"));
        Assert.Equal(0, bench.Counter("upstream_cx_total"));
    });

    [Theory]
    [InlineData(503, 503)]
    [InlineData(302, 429)]
    public void Status_IsAsConfigured_FromFourHundredOn(int configured, int status) => RateLimitBench.Run(async (loop, _) =>
    {
        using var bench = new RateLimitBench(loop, filter =>
        {
            filter.RateLimitedStatus = new HttpStatus { Code = (StatusCode)configured };
            filter.DisableXEnvoyRatelimitedHeader = true;
            filter.StatPrefix = "mine";
        });
        TestClient client = await bench.SendAsync();
        await bench.AskedAsync();
        await bench.AnswerAsync(Code.OverLimit);
        string head = await client.ReadHeadAsync();
        Assert.StartsWith($"HTTP/1.1 {status} ", head);
        Assert.DoesNotContain("x-envoy-ratelimited", head);
        Assert.Equal(1, bench.Counter("ratelimit.mine.over_limit"));
    });

    [Theory]
    [InlineData(false, 14)]
    [InlineData(true, 8)]
    public void GrpcCall_IsRefusedWithAStatusOfGrpc(bool exhausted, int status) => RateLimitBench.Run(async (loop, _) =>
    {
        using var bench = new RateLimitBench(loop, filter => filter.RateLimitedAsResourceExhausted = exhausted);
        TestClient client = await bench.SendAsync("POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\n\r\n");
        await bench.AskedAsync();
        await bench.AnswerAsync(Code.OverLimit);
        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 200 ", head);
        Assert.Contains($"grpc-status: {status}\r\n", head);
    });

    // Counted, told, and let pass.
    [Fact]
    public void OverLimit_ThatIsNotEnforced_Passes() => RateLimitBench.Run(static async (loop, _) =>
    {
        using var bench = new RateLimitBench(loop, static filter => filter.FilterEnforced = Share(0));
        TestClient client = await bench.SendAsync();
        await bench.AskedAsync();
        await bench.AnswerAsync(new RateLimitResponse { OverallCode = Code.OverLimit, RequestHeadersToAdd = { Header("x-over", "1") } });
        TestClient server = await bench.PassedAsync();
        Assert.Contains("x-over: 1\r\n", await server.ReadHeadAsync());
        await server.SendAsync(RateLimitBench.Ok);
        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 200 ", head);
        Assert.Contains("x-envoy-ratelimited: true\r\n", head);
        Assert.Equal(1, bench.Counter("ratelimit.over_limit"));
    });

    [Theory]
    [InlineData("a status", false, false)]
    [InlineData("a status", true, true)]
    [InlineData("no message of it", false, false)]
    [InlineData("no message of it", true, true)]
    [InlineData("a reset", false, false)]
    [InlineData("a reset", true, true)]
    [InlineData("nothing", false, false)]
    [InlineData("nothing", true, true)]
    public void Failure_LetsPass_UnlessDenied(string failure, bool deny, bool refused) => RateLimitBench.Run(async (loop, clock) =>
    {
        using var bench = new RateLimitBench(loop, filter => filter.FailureModeDeny = deny);
        TestClient client = await bench.SendAsync();
        await bench.AskedAsync();
        switch (failure)
        {
            case "a status":
                await bench.FailAsync();
                break;
            case "no message of it":
                await bench.AnswerAsync([0xff]);
                break;
            case "a reset":
                await bench.Service.SendAsync(Proxy.Http2.Frames.FrameType.RST_STREAM, 0, bench.StreamId, 0, 0, 0, 2);
                break;
            default:
                clock.AdvanceMilliseconds(19);
                await bench.TurnAsync();
                Assert.Equal(0, bench.Counter("ratelimit.error"));
                clock.AdvanceMilliseconds(2);
                break;
        }

        await AssertOutcomeAsync(bench, client, refused ? 500 : null);
    });

    [Theory]
    [InlineData(false, 0, null)]
    [InlineData(true, 0, 500)]
    [InlineData(true, 503, 503)]
    public void ServiceThatDoesNotExist_IsAFailureAtOnce(bool deny, int statusOnError, int? refusedWith) => RateLimitBench.Run(async (loop, _) =>
    {
        using var bench = new RateLimitBench(loop, filter =>
        {
            filter.RateLimitService.GrpcService.EnvoyGrpc.ClusterName = "none";
            filter.FailureModeDeny = deny;
            filter.StatusOnError = statusOnError == 0 ? null : new HttpStatus { Code = (StatusCode)statusOnError };
        });
        await AssertOutcomeAsync(bench, await bench.SendAsync(), refusedWith);
    });

    [Theory]
    [InlineData(false, 100u, 500)]
    [InlineData(true, 0u, null)]
    public void ShareOfFailures_IsInPlaceOfTheSwitch(bool deny, uint percent, int? refusedWith) => RateLimitBench.Run(async (loop, _) =>
    {
        using var bench = new RateLimitBench(loop, filter =>
        {
            filter.RateLimitService.GrpcService.EnvoyGrpc.ClusterName = "none";
            filter.FailureModeDeny = deny;
            filter.FailureModeDenyPercent = Share(percent);
        });
        await AssertOutcomeAsync(bench, await bench.SendAsync(), refusedWith);
    });

    [Theory]
    [InlineData(100, 99, 2)]
    [InlineData(0, 200_000, -1)]
    public void Timeout_IsAsConfigured(int timeoutMilliseconds, int stillWaits, int then) => RateLimitBench.Run(async (loop, clock) =>
    {
        using var bench = new RateLimitBench(loop, filter => filter.Timeout = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(timeoutMilliseconds)));
        TestClient client = await bench.SendAsync();
        await bench.AskedAsync();
        clock.AdvanceMilliseconds(stillWaits);
        await bench.TurnAsync();
        Assert.Equal(0, bench.Counter("ratelimit.error"));
        if (then < 0)
        {
            await bench.AnswerAsync(Code.OverLimit);
            Assert.StartsWith("HTTP/1.1 429 ", await client.ReadHeadAsync());
            return;
        }

        clock.AdvanceMilliseconds(then);
        await AssertOutcomeAsync(bench, client, null);
    });

    [Fact]
    public void ClientThatLeaves_NeedsNoAnswer() => RateLimitBench.Run(static async (loop, _) =>
    {
        using var bench = new RateLimitBench(loop);
        TestClient client = await bench.SendAsync();
        await bench.AskedAsync();
        client.Stream.Close();
        await bench.Service.ReadResetAsync();
        Assert.Equal(0, bench.Proxy.Counter("cluster.limits.upstream_rq_active"));
        Assert.Equal(0, bench.Counter("ratelimit.error"));
    });

    [Fact]
    public void Quota_IsTold_OfTheLimitThatIsNearest() => RateLimitBench.Run(static async (loop, _) =>
    {
        using var bench = new RateLimitBench(
            loop, static filter => filter.EnableXRatelimitHeaders = RateLimitFilter.Types.XRateLimitHeadersRFCVersion.DraftVersion03);
        TestClient client = await bench.SendAsync();
        await bench.AskedAsync();
        await bench.AnswerAsync(new RateLimitResponse
        {
            OverallCode = Code.Ok,
            Statuses =
            {
                new RateLimitResponse.Types.DescriptorStatus { LimitRemaining = 0 },
                Status(10, Unit.Second, "per-ip", 9, 1),
                Status(1000, Unit.Hour, "", 4, 1800),
                Status(7, Unit.Unknown, "odd", 5, 3),
            },
        });
        TestClient server = await bench.PassedAsync();
        await server.ReadHeadAsync();
        await server.SendAsync(RateLimitBench.Ok);
        string head = await client.ReadHeadAsync();
        Assert.Contains("x-ratelimit-limit: 1000, 10;w=1;name=\"per-ip\", 1000;w=3600\r\n", head);
        Assert.Contains("x-ratelimit-remaining: 4\r\n", head);
        Assert.Contains("x-ratelimit-reset: 1800\r\n", head);
    });

    public static TheoryData<string, Action<RateLimitFilter>, string> Refusals => new()
    {
        { "no domain", static filter => filter.Domain = "", "domain" },
        { "stage", static filter => filter.Stage = 11, "stage" },
        { "type", static filter => filter.RequestType = "inner", "request_type" },
        { "no service", static filter => filter.RateLimitService = null, "rate_limit_service" },
        { "no target", static filter => filter.RateLimitService.GrpcService = null, "rate_limit_service.grpc_service" },
        { "version", static filter => filter.RateLimitService.TransportApiVersion = ApiVersion.V2, "rate_limit_service.transport_api_version" },
        { "rules", static filter => filter.RateLimits.Add(new Envoy.Config.Route.V3.RateLimit()), "rate_limits[0].actions" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void Config_ThatCannotBe_IsRefusedByField(string label, Action<RateLimitFilter> configure, string field) => RateLimitBench.Run((loop, _) =>
    {
        ConfigRejectedException rejected = Assert.Throws<ConfigRejectedException>(() => new RateLimitBench(loop, configure));
        Assert.True(rejected.Field.EndsWith($".{field}", StringComparison.Ordinal), $"{label}: {rejected.Field}");
        return Task.CompletedTask;
    });

    private static async Task AssertOutcomeAsync(RateLimitBench bench, TestClient client, int? refusedWith)
    {
        if (refusedWith is { } status)
        {
            Assert.StartsWith($"HTTP/1.1 {status} ", await client.ReadHeadAsync());
            Assert.Equal("rate_limiter_error", bench.Proxy.Recorded[0].Details);
            Assert.Equal("RLSE", bench.Proxy.Recorded[0].Flags);
            Assert.Equal(0, bench.Counter("ratelimit.failure_mode_allowed"));
            Assert.Equal(0, bench.Counter("upstream_cx_total"));
        }
        else
        {
            TestClient server = await bench.PassedAsync();
            await server.ReadHeadAsync();
            await server.SendAsync(RateLimitBench.Ok);
            Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
            Assert.Equal(1, bench.Counter("ratelimit.failure_mode_allowed"));
        }

        Assert.Equal(1, bench.Counter("ratelimit.error"));
    }

    private static HeaderValue Header(string name, string value) => new() { Key = name, Value = value };

    private static RuntimeFractionalPercent Share(uint percent) => new() { DefaultValue = new FractionalPercent { Numerator = percent } };

    private static RateLimitResponse.Types.DescriptorStatus Status(uint limit, Unit unit, string name, uint remaining, int reset) => new()
    {
        CurrentLimit = new RateLimitResponse.Types.RateLimit { RequestsPerUnit = limit, Unit = unit, Name = name },
        LimitRemaining = remaining,
        DurationUntilReset = new Duration { Seconds = reset },
    };
}
