using Envoy.Config.Route.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>A filter has the route chosen anew: the timeouts are those of the route that the request ends up with.</summary>
public sealed class FinalRouteTests
{
    // When the filter lets the request go on, in milliseconds after its head.
    private const int FilterMilliseconds = 60;

    /// <summary>Label, duration of the first route, of the final one, of the connection manager (-1 = not set), and when it ends (0 = never).</summary>
    public static TheoryData<string, int, int, int, int> Durations { get; } = new()
    {
        { "longer than the first's", 100, 300, -1, 300 },
        { "shorter than the first's", 300, 100, -1, 100 },
        { "the first has none", -1, 100, -1, 100 },
        { "the final one has none", 100, -1, -1, 0 },
        { "the final one leaves it to the connection manager", 100, -1, 200, 200 },
        { "the final one's 0 is none", 100, 0, 200, 0 },
        { "shorter than what the filter took", -1, 40, -1, FilterMilliseconds },
    };

    [Theory]
    [MemberData(nameof(Durations))]
    public void MaxStreamDuration_IsTheFinalRoutes(string label, int first, int final, int common, int ends) => Run(
        (firstRoute, finalRoute) =>
        {
            firstRoute.Route_.MaxStreamDuration = first < 0 ? null : new() { MaxStreamDuration_ = Of(first) };
            finalRoute.Route_.MaxStreamDuration = final < 0 ? null : new() { MaxStreamDuration_ = Of(final) };
        },
        common,
        async scene =>
        {
            await scene.Client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            Task<string> answer = scene.Client.ReadHeadAsync();
            await scene.LetGoAsync();
            if (ends == 0)
            {
                TestClient server = await scene.Upstream.AcceptAsync();
                await server.ReadHeadAsync();
                await scene.AdvanceAsync(100_000);
                Assert.False(answer.IsCompleted, label);
                return;
            }

            await scene.AdvanceAsync(Math.Max(0, ends - FilterMilliseconds - 1));
            Assert.Equal(ends == FilterMilliseconds, answer.IsCompleted);
            await scene.AdvanceAsync(2);
            Assert.StartsWith("HTTP/1.1 504 ", await answer);
            Assert.Equal("max_duration_timeout", scene.Bench.Recorded[0].Details);
        });

    [Fact]
    public void GrpcTimeoutHeaderMax_IsTheFinalRoutes() => Run(
        static (firstRoute, finalRoute) =>
        {
            firstRoute.Route_.MaxStreamDuration = new() { GrpcTimeoutHeaderMax = Of(5000) };
            finalRoute.Route_.MaxStreamDuration = new() { GrpcTimeoutHeaderMax = Of(200) };
        },
        -1,
        static async scene =>
        {
            await scene.Client.SendAsync(
                "POST /s/m HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\ngrpc-timeout: 3S\r\nContent-Length: 0\r\n\r\n");
            Task<string> answer = scene.Client.ReadHeadAsync();
            await scene.LetGoAsync();
            TestClient server = await scene.Upstream.AcceptAsync();

            // Told without what the filter took, as Envoy does: the header says what was granted.
            Assert.Contains("grpc-timeout: 200m\r\n", await server.ReadHeadAsync());
            await scene.AdvanceAsync(200 - FilterMilliseconds - 1);
            Assert.False(answer.IsCompleted);
            await scene.AdvanceAsync(2);
            Assert.Contains("grpc-status: 4\r\n", await answer);
        });

    [Fact]
    public void GrpcTimeout_OfARouteThatNoLongerCounts_IsNotTold() => Run(
        static (firstRoute, finalRoute) =>
        {
            firstRoute.Route_.MaxStreamDuration = new() { GrpcTimeoutHeaderMax = Of(5000) };
            finalRoute.Route_.MaxStreamDuration = new() { MaxStreamDuration_ = Of(0) };
        },
        -1,
        static async scene =>
        {
            await scene.Client.SendAsync(
                "POST /s/m HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\ngrpc-timeout: 3S\r\nContent-Length: 0\r\n\r\n");
            Task<string> answer = scene.Client.ReadHeadAsync();
            await scene.LetGoAsync();
            TestClient server = await scene.Upstream.AcceptAsync();
            Assert.DoesNotContain("grpc-timeout", await server.ReadHeadAsync());
            await scene.AdvanceAsync(100_000);
            Assert.False(answer.IsCompleted);
        });

    [Fact]
    public void IdleTimeout_IsTheFinalRoutes() => Run(
        static (firstRoute, finalRoute) =>
        {
            firstRoute.Route_.IdleTimeout = Of(100);
            finalRoute.Route_.IdleTimeout = Of(1000);
        },
        -1,
        static async scene =>
        {
            await scene.Client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            Task<string> answer = scene.Client.ReadHeadAsync();
            await scene.LetGoAsync();
            await scene.AdvanceAsync(999);
            Assert.False(answer.IsCompleted);
            await scene.AdvanceAsync(2);
            Assert.StartsWith("HTTP/1.1 504 ", await answer);
            Assert.Equal("stream_idle_timeout", scene.Bench.Recorded[0].Details);
        });

    private static Duration Of(int milliseconds) => Duration.FromTimeSpan(TimeSpan.FromMilliseconds(milliseconds));

    private static void Run(Action<Route, Route> configure, int common, Func<Scene, Task> body)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            bench.AddCluster("backend", upstream.Address);
            bench.Context.Extensions.Register<IHttpFilterFactory>(new ReroutingFilterFactory());
            Route final = Forwarding();
            final.Match.Headers.Add(new HeaderMatcher { Name = "x-final", PresentMatch = true });
            Route first = Forwarding();
            configure(first, final);
            bench.Serve(
                new RouteConfiguration
                {
                    Name = "routes",
                    VirtualHosts = { new VirtualHost { Name = "all", Domains = { "*" }, Routes = { final, first } } },
                },
                hcm =>
                {
                    hcm.HttpFilters.Insert(0, ProxyBench.Filter("reroute", new UInt32Value()));
                    hcm.CommonHttpProtocolOptions = common < 0 ? null : new() { MaxStreamDuration = Of(common) };
                });
            await body(new Scene(loop, clock, bench, upstream));
        });
    }

    private static Route Forwarding() => new()
    {
        Match = new RouteMatch { Prefix = "/" },
        Route_ = new RouteAction { Cluster = "backend", Timeout = new Duration() },
    };

    private sealed class Scene(EventLoop loop, ManualLoopClock clock, ProxyBench bench, TestUpstream upstream)
    {
        public ProxyBench Bench => bench;

        public TestUpstream Upstream => upstream;

        public TestClient Client { get; } = bench.Connect();

        public async Task LetGoAsync()
        {
            await AdvanceAsync(0);
            await AdvanceAsync(FilterMilliseconds);
        }

        public async Task AdvanceAsync(int milliseconds)
        {
            clock.AdvanceMilliseconds(milliseconds);
            for (int turns = 0; turns < 50; turns++)
            {
                await loop.YieldAsync();
            }
        }
    }

    /// <summary>Holds each request for a while, then changes what routing looks at.</summary>
    private sealed class ReroutingFilterFactory : IHttpFilterFactory
    {
        public IReadOnlyList<string> MessageNames { get; } = ["google.protobuf.UInt32Value"];

        public HttpFilterModel Compile(ExtensionConfig config, HttpFilterContext context) => new Model();

        private sealed class Model : HttpFilterModel
        {
            public override HttpFilter Create(HttpStream stream, string name) => new Rerouter();
        }

        private sealed class Rerouter : HttpFilter
        {
            public override FilterVerdict OnRequestHeaders(HeaderMap headers, bool end)
            {
                new LoopTimer(Stream.Loop, static state => ((Rerouter)state!).Go(), this).Schedule(FilterMilliseconds);
                return FilterVerdict.Pause;
            }

            private void Go()
            {
                Stream.RequestHeaders.Set("x-final"u8, "1"u8);
                Stream.ClearRouteCache();
                ContinueRequest();
            }
        }
    }
}
