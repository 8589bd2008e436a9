using Envoy.Config.Accesslog.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Proxy.Tests.Reasons;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using HedgePolicy = Envoy.Config.Route.V3.HedgePolicy;
using HttpProtocolOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;
using RetryPolicy = Envoy.Config.Route.V3.RetryPolicy;
using RouterMessage = Envoy.Extensions.Filters.Http.Router.V3.Router;

namespace Pilotfish.Proxy.Tests.Filters.Router;

/// <summary>The router's upstream_log: a record of each attempt, with the attempt's facts.</summary>
public sealed class UpstreamLogTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Own: 1\r\n\r\nok";
    private const string Unavailable = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

    // Type, attempt, code, flags; then body bytes from and to the host.
    private const string Format = "%ACCESS_LOG_TYPE% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED%/%BYTES_SENT%";

    [Fact]
    public void EachAttempt_HasARecordOfItsOwn_BeforeTheRequests() => Run(
        async scene =>
        {
            await scene.Client.SendAsync(Get);
            TestClient server = await scene.AcceptAsync();
            await server.SendAsync(Unavailable);
            await scene.RetryAsync(1);
            await server.ReadHeadAsync();
            await server.SendAsync(Ok);
            await scene.Client.ReadUntilAsync("ok");
            Assert.Equal(["UpstreamEnd 1 503 - 0/0", "UpstreamEnd 2 200 - 2/0", "DownstreamEnd 2 200 - 0/2"], scene.Records);
        },
        retryOn: "5xx");

    [Fact]
    public void Facts_AreTheAttempts() => Run(
        async scene =>
        {
            await scene.Client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nX-Asked: 1\r\n\r\nbody");
            TestClient server = await scene.AcceptAsync();
            await server.ReadBytesAsync(4);
            scene.Clock.AdvanceMilliseconds(40);
            await server.SendAsync(Unavailable);
            await scene.RetryAsync(1);
            await server.ReadHeadAsync();
            scene.Clock.AdvanceMilliseconds(7);
            await server.SendAsync(Ok);
            string head = await scene.Client.ReadHeadAsync();
            Assert.DoesNotContain("x-own", head);

            // The time of the try before, of the back-off and of the client's connection is not this attempt's.
            Assert.Equal($"7 HTTP/1.1 - 1 1 {server.Stream.LocalAddress} backend default 10.0.0.9:3456 2/4", scene.Records[1]);
        },
        format: "%DURATION% %PROTOCOL% %RESPONSE_CODE_DETAILS% %RESP(X-OWN)% %REQ(X-ASKED)% %UPSTREAM_HOST% %UPSTREAM_CLUSTER% %ROUTE_NAME% "
            + "%DOWNSTREAM_REMOTE_ADDRESS% %BYTES_RECEIVED%/%BYTES_SENT%",
        retryOn: "5xx",
        route: static route => route.ResponseHeadersToRemove.Add("x-own"));

    [Fact]
    public void Http2_TrailersAndProtocol_AreTheHosts() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddHttpCluster("backend", new HttpProtocolOptions { ExplicitHttpConfig = new() { Http2ProtocolOptions = new() } }, upstream.Address);
        List<string> records = Serve(bench, "%PROTOCOL% %UPSTREAM_PROTOCOL% %TRAILER(GRPC-STATUS)% %BYTES_RECEIVED%", _ => { }, null);
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        var server = new Http2Peer((await upstream.AcceptAsync()).Stream);
        await server.StartServerAsync();
        await server.ReadHeadersAsync();
        await server.HeadersAsync(1, end: false, (":status", "200"));
        await server.DataAsync(1, "abc", end: false);
        await server.HeadersAsync(1, end: true, ("grpc-status", "0"));
        await client.ReadUntilAsync("0\r\n\r\n");
        Assert.Equal("HTTP/2 HTTP/2 0 3", records[0]);
    });

    [Fact]
    public void AttemptWithoutConnection_IsLogged_WithItsFlagAndReason() => Run(
        async scene =>
        {
            await scene.Client.SendAsync(Get);
            await scene.Client.ReadUntilAsync("refused");
            Assert.Equal(
                $"UpstreamEnd 1 0 UF {scene.Host} delayed_connect_error:_Connection_refused 0", scene.Records[0]);
        },
        format: "%ACCESS_LOG_TYPE% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %RESPONSE_CODE% %RESPONSE_FLAGS% %UPSTREAM_HOST% %UPSTREAM_TRANSPORT_FAILURE_REASON% "
            + "%DOWNSTREAM_WIRE_BYTES_RECEIVED%",
        isDead: true);

    [Fact]
    public void RequestWithoutHost_HasNoAttempt() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend");
        List<string> records = Serve(bench, Format, _ => { }, null);
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        await client.ReadHeadAsync();
        Assert.Equal("DownstreamEnd 0 503 UH 0/19", Assert.Single(records));
    });

    [Fact]
    public void UpstreamStream_IsLogged_WhenAskedFor() => Run(
        async scene =>
        {
            await scene.Client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
            TestClient server = await scene.AcceptAsync();
            await server.ReadBytesAsync(4);
            Assert.Equal(["UpstreamPoolReady 1 0 - 0/0"], scene.Records);
            await server.SendAsync(Unavailable);
            await scene.RetryAsync(1);
            await server.ReadHeadAsync();
            await server.SendAsync(Ok);
            await scene.Client.ReadUntilAsync("ok");
            Assert.Equal(
                ["UpstreamPoolReady 1 0 - 0/0", "UpstreamEnd 1 503 - 0/4", "UpstreamPoolReady 2 0 - 0/0", "UpstreamEnd 2 200 - 2/4"],
                scene.Records[..4]);
        },
        retryOn: "5xx",
        router: static router => router.UpstreamLogOptions = new() { FlushUpstreamLogOnUpstreamStream = true });

    [Fact]
    public void LivingAttempt_IsLoggedEveryInterval() => Run(
        async scene =>
        {
            await scene.Client.SendAsync(Get);
            TestClient server = await scene.AcceptAsync();
            await scene.AdvanceAsync(5_000, records: 1);
            await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
            await scene.Client.ReadUntilAsync("abc");
            await scene.AdvanceAsync(5_000, records: 2);
            await server.SendAsync("def");
            await scene.Client.ReadUntilAsync("def");
            scene.Clock.AdvanceMilliseconds(60_000);
            await scene.Loop.YieldAsync();
            Assert.Equal(
                ["UpstreamPeriodic 1 0 - 0/0", "UpstreamPeriodic 1 200 - 3/0", "UpstreamEnd 1 200 - 6/0", "DownstreamEnd 1 200 - 0/6"],
                scene.Records);
        },
        router: static router => router.UpstreamLogOptions = new() { UpstreamLogFlushInterval = new Duration { Seconds = 5 } });

    // The flag is the attempt's own: what ends the whole request flags the request alone.
    [Theory]
    [InlineData("close", "UpstreamEnd 1 0 UC 0/0", "DownstreamEnd 1 503 UC 0/95")]
    [InlineData("garbage", "UpstreamEnd 1 0 UPE 0/0", "DownstreamEnd 1 502 UPE 0/87")]
    [InlineData("close within the body", "UpstreamEnd 1 200 UC 1/0", "DownstreamEnd 1 200 UC 0/1")]
    [InlineData("per try timeout", "UpstreamEnd 1 0 UT 0/0", "DownstreamEnd 1 504 UT 0/24")]
    [InlineData("per try idle timeout", "UpstreamEnd 1 0 SI 0/0", "DownstreamEnd 1 504 UT 0/24")]
    [InlineData("route timeout", "UpstreamEnd 1 0 - 0/0", "DownstreamEnd 1 504 UT 0/24")]
    [InlineData("client gone", "UpstreamEnd 1 0 - 0/0", "DownstreamEnd 1 0 DC 0/0")]
    public void Ends_HaveTheirFlags(string end, string attempt, string request) => Run(
        async scene =>
        {
            await scene.Client.SendAsync(Get);
            TestClient server = await scene.AcceptAsync();
            switch (end)
            {
                case "close":
                    server.Stream.Close();
                    break;
                case "garbage":
                    await server.SendAsync("garbage\r\n\r\n");
                    break;
                case "close within the body":
                    await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
                    await scene.Client.ReadUntilAsync("\r\n\r\no");
                    server.Stream.Close();
                    break;
                case "client gone":
                    scene.Client.Stream.Reset();
                    break;
                default:
                    scene.Clock.AdvanceMilliseconds(1100);
                    break;
            }

            await TestPeers.UntilAsync(scene.Loop, () => scene.Records.Count == 2);
            Assert.Equal([attempt, request], scene.Records);
        },
        route: route =>
        {
            var second = new Duration { Seconds = 1 };
            route.Route_.Timeout = end == "route timeout" ? second : new Duration();
            route.Route_.RetryPolicy = new RetryPolicy
            {
                PerTryTimeout = end == "per try timeout" ? second : null,
                PerTryIdleTimeout = end == "per try idle timeout" ? second : null,
            };
        });

    [Fact]
    public void FollowedRedirect_IsTwoAttempts() => Run(
        async scene =>
        {
            await scene.Client.SendAsync(Get);
            TestClient server = await scene.AcceptAsync();
            await server.SendAsync("HTTP/1.1 302 Found\r\nLocation: http://a/there\r\nContent-Length: 0\r\n\r\n");
            await server.ReadHeadAsync();
            await server.SendAsync(Ok);
            await scene.Client.ReadUntilAsync("ok");
            Assert.Equal(["UpstreamEnd 1 302 - 0/0", "UpstreamEnd 1 200 - 2/0"], scene.Records.Where(static r => r.StartsWith("Up", StringComparison.Ordinal)));
        },
        route: static route => route.Route_.InternalRedirectPolicy = new InternalRedirectPolicy());

    [Fact]
    public void HedgedRequest_LogsTheAttemptThatLost_Too() => Run(
        async scene =>
        {
            await scene.Client.SendAsync(Get);
            await scene.AcceptAsync();
            scene.Clock.AdvanceMilliseconds(101);
            await scene.RetryAsync(1);
            TestClient second = await scene.AcceptAsync();
            await second.SendAsync(Ok);
            await scene.Client.ReadUntilAsync("ok");
            Assert.Equal(["UpstreamEnd 1 0 UT 0/0", "UpstreamEnd 2 200 - 2/0", "DownstreamEnd 2 200 - 0/2"], scene.Records);
        },
        retryOn: "5xx",
        route: static route =>
        {
            route.Route_.HedgePolicy = new HedgePolicy { HedgeOnPerTryTimeout = true };
            route.Route_.RetryPolicy.PerTryTimeout = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(100));
        });

    // Meters go on over attempts, in the log of attempts as in that of requests.
    [Fact]
    public void Meters_GoOnOverAttempts() => Run(
        async scene =>
        {
            await scene.Client.SendAsync(Get);
            TestClient server = await scene.AcceptAsync();
            await server.SendAsync(Unavailable);
            await scene.RetryAsync(1);
            await server.ReadHeadAsync();
            await server.SendAsync(Ok);
            await scene.Client.ReadUntilAsync("ok");
            Assert.Equal([$"{Get.Length} {Unavailable.Length}", $"{Get.Length} {Unavailable.Length + Ok.Length}"], scene.Records[..2]);
        },
        format: "%DOWNSTREAM_WIRE_BYTES_RECEIVED% %UPSTREAM_WIRE_BYTES_RECEIVED%",
        retryOn: "5xx");

    [Fact]
    public void Interval_BelowAMillisecond_IsRefused() => LoopRunner.Run(loop =>
    {
        var bench = new ProxyBench(loop);
        var rejected = Assert.Throws<ConfigRejectedException>(() => Serve(
            bench, Format, static router => router.UpstreamLogOptions = new() { UpstreamLogFlushInterval = new Duration { Nanos = 999_999 } }, null));
        Assert.EndsWith(".upstream_log_options.upstream_log_flush_interval", rejected.Field);
        return Task.CompletedTask;
    });

    private static void Run(
        Func<Scene, Task> test, string format = Format, string? retryOn = null, Action<Route>? route = null, Action<RouterMessage>? router = null,
        bool isDead = false)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            NetAddress host = upstream.Address;
            if (isDead)
            {
                upstream.Dispose();
            }

            var bench = new ProxyBench(loop);
            bench.AddCluster("backend", host);
            List<string> records = Serve(
                bench,
                format,
                message => router?.Invoke(message),
                only =>
                {
                    only.Route_.RetryPolicy = retryOn is null ? null : new RetryPolicy { RetryOn = retryOn };
                    route?.Invoke(only);
                });
            await test(new Scene(loop, clock, bench, upstream, host, records));
        });
    }

    // Attempts and requests write to the same list.
    private static List<string> Serve(ProxyBench bench, string format, Action<RouterMessage> configure, Action<Route>? route)
    {
        List<string> records = [];
        bench.Context.Extensions.Register<IAccessLoggerFactory>(new FormatRecordFactory(records));
        var log = new AccessLog { Name = "record", TypedConfig = CauseBench.Packed(format) };
        bench.Serve(
            hcm =>
            {
                var router = new RouterMessage { UpstreamLog = { log } };
                configure(router);
                hcm.StreamIdleTimeout = new Duration();
                hcm.AccessLog.Add(log);
                hcm.HttpFilters.RemoveAt(hcm.HttpFilters.Count - 1);
                hcm.HttpFilters.Add(ProxyBench.Filter("router", router));
            },
            route);
        return records;
    }

    private sealed record Scene(
        EventLoop Loop, ManualLoopClock Clock, ProxyBench Bench, TestUpstream Upstream, NetAddress Host, List<string> Records)
    {
        public TestClient Client { get; } = Bench.Connect();

        /// <summary>The next connection to the host, with its request's head read.</summary>
        public async Task<TestClient> AcceptAsync()
        {
            TestClient server = await Upstream.AcceptAsync();
            await server.ReadHeadAsync();
            return server;
        }

        /// <summary>Waits until so many retries were granted, and their back-off is over.</summary>
        public async Task RetryAsync(int retries)
        {
            await TestPeers.UntilAsync(Loop, () => Bench.Counter("cluster.backend.upstream_rq_retry") == retries);
            Clock.AdvanceMilliseconds(1000);
        }

        public async Task AdvanceAsync(int milliseconds, int records)
        {
            Clock.AdvanceMilliseconds(milliseconds);
            await TestPeers.UntilAsync(Loop, () => Records.Count == records);
        }
    }
}
