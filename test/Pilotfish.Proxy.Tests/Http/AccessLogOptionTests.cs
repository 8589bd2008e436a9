using Envoy.Config.Accesslog.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Reasons;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using LogOptions = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types.HcmAccessLogOptions;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>When a request is logged besides its end: when it comes, every so often, when its tunnel stands.</summary>
public sealed class AccessLogOptionTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    [Fact]
    public void NewRequest_IsLoggedBeforeItsUpstreamIsKnown() => Run(
        static hcm => hcm.AccessLogOptions = new LogOptions { FlushAccessLogOnNewRequest = true },
        async bench =>
        {
            await bench.Client.SendAsync(Get);
            TestClient server = await bench.Upstream.AcceptAsync();
            await server.ReadHeadAsync();
            Assert.Equal(["DownstreamStart 0 - 0/0 backend false 0"], bench.Records);
            await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            await bench.Client.ReadUntilAsync("ok");
            Assert.Equal("DownstreamEnd 200 via_upstream 0/2 backend true 0", bench.Records[1]);
            Assert.Equal(2, bench.Records.Count);
        });

    // A request that its own head condemns is never new to the filters.
    [Fact]
    public void NewRequest_RefusedForItsHead_IsLoggedAtItsEndOnly() => Run(
        static hcm => hcm.AccessLogOptions = new LogOptions { FlushAccessLogOnNewRequest = true },
        async bench =>
        {
            await bench.Client.SendAsync("GET / HTTP/1.1\r\n\r\n");
            await bench.Client.ReadHeadAsync();
            Assert.Equal("DownstreamEnd 400 missing_host_header 0/0 - false 0", Assert.Single(bench.Records));
        });

    [Fact]
    public void NewRequest_FollowedToAnotherPlace_BeginsTwice() => Run(
        static hcm => hcm.AccessLogOptions = new LogOptions { FlushAccessLogOnNewRequest = true },
        async bench =>
        {
            await bench.Client.SendAsync(Get);
            TestClient server = await bench.Upstream.AcceptAsync();
            await server.ReadHeadAsync();
            bench.Clock.AdvanceMilliseconds(50);
            await server.SendAsync("HTTP/1.1 302 Found\r\nLocation: http://a/there\r\nContent-Length: 0\r\n\r\n");
            await (await NextAsync(bench, server)).SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            await bench.Client.ReadHeadAsync();

            // The second leg counts from the request's begin, as its client does.
            Assert.Equal(
                ["DownstreamStart 0 - 0/0 backend false 0", "DownstreamEnd 302 internal_redirect 0/0 backend true 50",
                    "DownstreamStart 0 - 0/0 backend false 50", "DownstreamEnd 200 via_upstream 0/0 backend true 50"],
                bench.Records);
        },
        static route => route.Route_.InternalRedirectPolicy = new InternalRedirectPolicy());

    [Fact]
    public void LivingRequest_IsLoggedEveryInterval_WithWhatItDidSoFar() => Run(
        static hcm => hcm.AccessLogOptions = new LogOptions { AccessLogFlushInterval = new Duration { Seconds = 10 } },
        async bench =>
        {
            await bench.Client.SendAsync(Get);
            TestClient server = await bench.Upstream.AcceptAsync();
            await server.ReadHeadAsync();
            await AdvanceAsync(bench, 1);
            await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
            await bench.Client.ReadUntilAsync("abc");
            await AdvanceAsync(bench, 2);
            await server.SendAsync("def");
            await bench.Client.ReadUntilAsync("def");
            bench.Clock.AdvanceMilliseconds(60_000);
            await bench.Loop.YieldAsync();
            Assert.Equal(
                ["DownstreamPeriodic 0 - 0/0 backend true 10000", "DownstreamPeriodic 200 - 0/3 backend true 20000",
                    "DownstreamEnd 200 via_upstream 0/6 backend true 20000"],
                bench.Records);
        });

    [Fact]
    public void DeprecatedFields_MeanTheSame() => Run(
        static hcm =>
        {
            hcm.FlushAccessLogOnNewRequest = true;
            hcm.AccessLogFlushInterval = new Duration { Seconds = 10 };
        },
        async bench =>
        {
            await bench.Client.SendAsync(Get);
            await (await bench.Upstream.AcceptAsync()).ReadHeadAsync();
            await AdvanceAsync(bench, 2);
            Assert.Equal(["DownstreamStart 0 - 0/0 backend false 0", "DownstreamPeriodic 0 - 0/0 backend true 10000"], bench.Records);
        });

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", "101")]
    [InlineData("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "200")]
    public void Tunnel_Established_IsLogged(string request, string answer, string code) => Run(
        Tunnels,
        async bench =>
        {
            await bench.Client.SendAsync(request);
            TestClient server = await bench.Upstream.AcceptAsync();
            await server.ReadHeadAsync();
            await server.SendAsync(answer);
            await bench.Client.ReadHeadAsync();
            Assert.Equal([$"DownstreamTunnelSuccessfullyEstablished {code} - 0/0 backend true 0"], bench.Records);
            await server.SendAsync("bye");
            server.Stream.Close();
            await bench.Client.ReadToEndAsync();
            Assert.Equal($"DownstreamEnd {code} via_upstream 0/3 backend true 0", bench.Records[1]);
        },
        route => route.Match = code == "200" ? new RouteMatch { ConnectMatcher = new() } : route.Match);

    [Fact]
    public void Tunnel_RefusedByTheUpstream_IsLoggedAtItsEndOnly() => Run(
        Tunnels,
        async bench =>
        {
            await bench.Client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
            TestClient server = await bench.Upstream.AcceptAsync();
            await server.ReadHeadAsync();
            await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            await bench.Client.ReadHeadAsync();
            Assert.Equal("DownstreamEnd 200 via_upstream 0/0 backend true 0", Assert.Single(bench.Records));
        });

    [Fact]
    public void LogTypeFilter_SeesTheTypeThatTheRecordPrints() => Run(
        static hcm =>
        {
            hcm.AccessLogOptions = new LogOptions { FlushAccessLogOnNewRequest = true };
            hcm.AccessLog[^1].Filter = new Envoy.Config.Accesslog.V3.AccessLogFilter
            {
                LogTypeFilter = new LogTypeFilter { Types_ = { Envoy.Data.Accesslog.V3.AccessLogType.DownstreamStart } },
            };
        },
        async bench =>
        {
            await bench.Client.SendAsync(Get);
            TestClient server = await bench.Upstream.AcceptAsync();
            await server.ReadHeadAsync();
            await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            await bench.Client.ReadHeadAsync();
            Assert.StartsWith("DownstreamStart ", Assert.Single(bench.Records));
        });

    public static TheoryData<string, Action<HttpConnectionManager>, string> Refused => new()
    {
        {
            "interval of 0",
            static hcm => hcm.AccessLogOptions = new LogOptions { AccessLogFlushInterval = new Duration() },
            "access_log_options.access_log_flush_interval"
        },
        {
            "interval of 1 ms less 1 ns",
            static hcm => hcm.AccessLogFlushInterval = new Duration { Nanos = 999_999 },
            "access_log_flush_interval"
        },
        {
            "negative interval",
            static hcm => hcm.AccessLogFlushInterval = new Duration { Seconds = -1 },
            "access_log_flush_interval"
        },
        {
            "interval twice",
            static hcm => (hcm.AccessLogOptions, hcm.AccessLogFlushInterval) = (new LogOptions(), new Duration { Seconds = 1 }),
            "access_log_flush_interval"
        },
        {
            "flag twice",
            static hcm => (hcm.AccessLogOptions, hcm.FlushAccessLogOnNewRequest) = (new LogOptions(), true),
            "flush_access_log_on_new_request"
        },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void Options_OutOfRangeOrTwice_AreRefusedByField(string what, Action<HttpConnectionManager> spoil, string field) =>
        LoopRunner.Run(loop =>
        {
            var bench = new ProxyBench(loop);
            string rejected = Assert.Throws<ConfigRejectedException>(() => bench.Serve(spoil)).Field;
            Assert.True(rejected == field, $"{what}: {rejected}");
            return Task.CompletedTask;
        });

    private static void Tunnels(HttpConnectionManager hcm)
    {
        hcm.AccessLogOptions = new LogOptions { FlushLogOnTunnelSuccessfullyEstablished = true };
        hcm.UpgradeConfigs.Add(new HttpConnectionManager.Types.UpgradeConfig { UpgradeType = "x" });
        hcm.UpgradeConfigs.Add(new HttpConnectionManager.Types.UpgradeConfig { UpgradeType = "CONNECT" });
    }

    private static async Task AdvanceAsync(Bench bench, int records)
    {
        bench.Clock.AdvanceMilliseconds(10_000);
        await TestPeers.UntilAsync(bench.Loop, () => bench.Records.Count == records);
    }

    // The redirect's connection is used again when it could be kept.
    private static async Task<TestClient> NextAsync(Bench bench, TestClient server)
    {
        Assert.StartsWith("GET /there ", await server.ReadHeadAsync());
        await bench.Loop.YieldAsync();
        return server;
    }

    private static void Run(Action<HttpConnectionManager> configure, Func<Bench, Task> test, Action<Route>? configureRoute = null)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var proxy = new ProxyBench(loop);
            List<string> records = [];
            proxy.Context.Extensions.Register<IAccessLoggerFactory>(new FormatRecordFactory(records));
            proxy.AddCluster("backend", upstream.Address);
            proxy.Serve(
                hcm =>
                {
                    hcm.AccessLog.Add(new AccessLog
                    {
                        Name = "record",
                        TypedConfig = CauseBench.Packed(
                            "%ACCESS_LOG_TYPE% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %BYTES_RECEIVED%/%BYTES_SENT% %UPSTREAM_CLUSTER_RAW% "
                            + "%CEL(has(upstream.address))% %DURATION%"),
                    });
                    hcm.StreamIdleTimeout = new Duration();
                    configure(hcm);
                },
                configureRoute);
            await test(new Bench(loop, clock, proxy.Connect(), upstream, records));
        });
    }

    private sealed record Bench(EventLoop Loop, ManualLoopClock Clock, TestClient Client, TestUpstream Upstream, List<string> Records);
}
