using Envoy.Config.Route.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>grpc-timeout: what it bounds, and what the upstream is told, in both forms of the route's setting.</summary>
public sealed class GrpcTimeoutTests
{
    /// <summary>Label, settings (milliseconds; -1 = not set), the client's header, what the upstream reads, and when it ends (0 = never) with which status.</summary>
    public static TheoryData<string, int[], string, string, int, int> Older { get; } = new()
    {
        { "taken as it is", [0, -1], "200m", "200m", 200, 14 },
        { "capped", [100, -1], "3S", "100m", 100, 14 },
        { "absent means the cap", [100, -1], "", "100m", 100, 14 },
        { "absent without cap means none", [0, -1], "", "", 0, 0 },
        { "less the offset", [0, 50], "200m", "150m", 150, 14 },
        { "offset that leaves nothing is not taken", [0, 300], "200m", "200m", 200, 14 },
        { "not set: the route's timeout", [-1, -1], "200m", "200m", 1000, 14 },
    };

    public static TheoryData<string, int[], string, string, int, int> Newer { get; } = new()
    {
        { "taken as it is", [-1, 0, -1], "200m", "200m", 200, 4 },
        { "capped", [-1, 100, -1], "3S", "100m", 100, 4 },
        { "less the offset", [-1, 0, 50], "200m", "150m", 150, 4 },
        { "offset that leaves nothing ends at once", [-1, 0, 300], "200m", "", 1, 4 },
        { "absent means the stream's duration", [300, 0, -1], "", "300m", 300, 4 },
        { "not looked at", [300, -1, -1], "100m", "300m", 300, 4 },
        { "neither bounds; the route's timeout is off", [0, -1, -1], "2S", "2S", 0, 0 },
    };

    [Theory]
    [MemberData(nameof(Older))]
    public void MaxGrpcTimeout(string label, int[] settings, string sent, string told, int ends, int status) => Check(label, sent, told, ends, status, route =>
    {
        route.MaxGrpcTimeout = Of(settings[0]);
        route.GrpcTimeoutOffset = Of(settings[1]);
    });

    [Theory]
    [MemberData(nameof(Newer))]
    public void MaxStreamDuration(string label, int[] settings, string sent, string told, int ends, int status) => Check(label, sent, told, ends, status, route =>
        route.MaxStreamDuration = new RouteAction.Types.MaxStreamDuration
        {
            MaxStreamDuration_ = Of(settings[0]),
            GrpcTimeoutHeaderMax = Of(settings[1]),
            GrpcTimeoutHeaderOffset = Of(settings[2]),
        });

    [Fact]
    public void Retry_TellsTheUpstreamWhatIsLeft()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            bench.AddCluster("backend", upstream.Address);
            bench.Serve(configureRoute: static route =>
            {
                route.Route_.MaxGrpcTimeout = new Duration();
                route.Route_.RetryPolicy = new RetryPolicy { RetryOn = "5xx" };
            });
            TestClient client = bench.Connect();
            await client.SendAsync("POST /s/m HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\ngrpc-timeout: 5S\r\nContent-Length: 0\r\n\r\n");
            TestClient server = await upstream.AcceptAsync();
            Assert.Contains("grpc-timeout: 5000m\r\n", await server.ReadHeadAsync());
            clock.AdvanceMilliseconds(1000);
            await server.SendAsync("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
            await loop.UntilAsync(() => bench.Counter("cluster.backend.upstream_rq_retry") > 0);

            clock.AdvanceMilliseconds(25);
            string head = await server.ReadHeadAsync();
            Assert.Contains("grpc-timeout: 3975m\r\n", head);
            Assert.Contains("x-envoy-expected-rq-timeout-ms: 3975\r\n", head);
        });
    }

    private static Duration? Of(int milliseconds) => milliseconds < 0 ? null : Duration.FromTimeSpan(TimeSpan.FromMilliseconds(milliseconds));

    private static void Check(string label, string sent, string told, int ends, int status, Action<RouteAction> configure)
    {
        Assert.NotEmpty(label);
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            bench.AddCluster("backend", upstream.Address);
            bench.Serve(configureRoute: route =>
            {
                route.Route_.Timeout = Of(1000);
                configure(route.Route_);
            });
            TestClient client = bench.Connect();
            string header = sent.Length > 0 ? $"grpc-timeout: {sent}\r\n" : "";
            await client.SendAsync($"POST /s/m HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\n{header}Content-Length: 0\r\n\r\n");
            if (ends != 1)
            {
                TestClient server = await upstream.AcceptAsync();
                string head = await server.ReadHeadAsync();
                Assert.Equal(told, head.Contains("grpc-timeout: ") ? head.Split("grpc-timeout: ")[1].Split("\r\n")[0] : "");
            }

            if (ends == 0)
            {
                clock.Advance(TimeSpan.FromMinutes(4));
                await loop.YieldAsync();
                Assert.Empty(bench.Recorded);
                return;
            }

            // One that ends at once needs no time to pass.
            if (ends > 1)
            {
                clock.AdvanceMilliseconds(ends - 1);
                await loop.YieldAsync();
                Assert.Empty(bench.Recorded);
                clock.AdvanceMilliseconds(2);
            }

            string response = await client.ReadHeadAsync();
            Assert.StartsWith("HTTP/1.1 200 OK\r\n", response);
            Assert.Contains($"grpc-status: {status}\r\n", response);
        });
    }
}
