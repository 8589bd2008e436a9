using Envoy.Extensions.Filters.Common.Fault.V3;
using Envoy.Extensions.Filters.Http.Fault.V3;
using Envoy.Type.V3;
using Pilotfish.Proxy.Filters.Fault;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Filters.Fault;

/// <summary>Faults that requests ask for by headers, in the shares that they ask for, and the bound of faults at a time.</summary>
public sealed class FaultHeaderTests
{
    private const int Requests = 40;

    /// <summary>The configured share, the header's (null = none), and what comes of it: always, never, or sometimes.</summary>
    [Theory]
    [InlineData(100, null, true, true)]
    [InlineData(100, "100", true, true)]
    [InlineData(100, "0", false, false)]
    [InlineData(100, "50", true, false)]
    [InlineData(0, "100", false, false)]
    [InlineData(50, "100", true, false)]
    [InlineData(100, "101", true, true)]
    [InlineData(100, "no", true, true)]
    public void AbortPercentage_LowersTheConfiguredShare(uint configured, string? asked, bool some, bool all) => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = Bench(loop, new HTTPFault
        {
            Abort = new FaultAbort { HeaderAbort = new FaultAbort.Types.HeaderAbort(), Percentage = Share(configured) },
        });
        TestClient client = bench.Connect();
        int aborted = 0;
        for (int i = 0; i < Requests; i++)
        {
            string percentage = asked is null ? "" : $"x-envoy-fault-abort-request-percentage: {asked}\r\n";
            await client.SendAsync($"GET / HTTP/1.1\r\nHost: h\r\nx-envoy-fault-abort-request: 418\r\n{percentage}\r\n");
            string head = await client.ReadHeadAsync();
            await client.ReadBytesAsync(head.Contains("content-length: 18\r\n", StringComparison.Ordinal) ? 18 : 0);
            aborted += head.StartsWith("HTTP/1.1 418 ", StringComparison.Ordinal) ? 1 : 0;
        }

        Assert.Equal(all, aborted == Requests);
        Assert.Equal(some, aborted > 0);
    });

    [Theory]
    [InlineData("x-envoy-fault-abort-grpc-request: 14", "grpc-status: 14")]
    [InlineData("x-envoy-fault-abort-request: 418\r\nx-envoy-fault-abort-grpc-request: 14", "grpc-status: 2")]
    public void AbortOfAGrpcCall_HasItsStatus(string header, string status) => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = Bench(loop, new HTTPFault
        {
            Abort = new FaultAbort { HeaderAbort = new FaultAbort.Types.HeaderAbort(), Percentage = Share(100) },
        });
        TestClient client = bench.Connect();
        await client.SendAsync($"POST /s/m HTTP/1.1\r\nHost: h\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\n{header}\r\n\r\n");
        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 200 ", head);
        Assert.Contains($"{status}\r\n", head);
    });

    [Theory]
    [InlineData("x-envoy-fault-delay-request: 3000", 3000)]
    [InlineData("x-envoy-fault-delay-request: 3000\r\nx-envoy-fault-delay-request-percentage: 0", 0)]
    [InlineData("x-envoy-fault-delay-request: 0", 0)]
    [InlineData("x-envoy-fault-delay-request: soon", 0)]
    [InlineData("x-other: 3000", 0)]
    public void Delay_IsTheHeaders(string header, int milliseconds)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            ProxyBench bench = Bench(loop, new HTTPFault
            {
                Delay = new FaultDelay { HeaderDelay = new FaultDelay.Types.HeaderDelay(), Percentage = Share(100) },
            });
            TestClient client = bench.Connect();
            await client.SendAsync($"GET / HTTP/1.1\r\nHost: h\r\n{header}\r\n\r\n");
            Task<string> head = client.ReadHeadAsync();
            if (milliseconds > 0)
            {
                await loop.UntilAsync(() => bench.Counter("http.test.fault.delays_injected") == 1);
                clock.AdvanceMilliseconds(milliseconds - 100);
                await loop.YieldAsync();
                Assert.False(head.IsCompleted);
                clock.AdvanceMilliseconds(200);
            }

            Assert.StartsWith("HTTP/1.1 204 ", await head);
            Assert.Equal(milliseconds > 0 ? "DI" : "-", bench.Recorded[0].Flags);
        });
    }

    [Theory]
    [InlineData("x-envoy-fault-throughput-response: 1", true)]
    [InlineData("x-envoy-fault-throughput-response: 0", false)]
    [InlineData("x-envoy-fault-throughput-response: fast", false)]
    [InlineData("x-other: 1", false)]
    public void Throughput_IsTheHeaders(string header, bool limited)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var upstream = new TestUpstream(loop);
            ProxyBench bench = Bench(loop, new HTTPFault
            {
                ResponseRateLimit = new FaultRateLimit { HeaderLimit = new FaultRateLimit.Types.HeaderLimit(), Percentage = Share(100) },
            }, upstream);
            TestClient client = bench.Connect();
            await client.SendAsync($"GET /up HTTP/1.1\r\nHost: h\r\n{header}\r\n\r\n");
            TestClient server = await upstream.AcceptAsync();
            await server.ReadHeadAsync();
            await server.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: 2048\r\n\r\n{new string('x', 2048)}");
            await client.ReadHeadAsync();
            Task<string> body = client.ReadBytesAsync(2048);
            if (limited)
            {
                await loop.UntilAsync(() => bench.Counter("http.test.fault.response_rl_injected") == 1);
                clock.AdvanceMilliseconds(1900);
                await loop.YieldAsync();
                Assert.False(body.IsCompleted);
            }

            // Pieces may come one by one; each waits for its part of two seconds.
            await loop.UntilAsync(() =>
            {
                if (limited)
                {
                    clock.AdvanceMilliseconds(100);
                }

                return body.IsCompleted;
            });
            Assert.Equal(limited ? 1 : 0, bench.Counter("http.test.fault.response_rl_injected"));
        });
    }

    [Fact]
    public void ActiveFaults_AtTheirMost_LetRequestsPass()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            ProxyBench bench = Bench(loop, new HTTPFault
            {
                MaxActiveFaults = 1,
                Delay = new FaultDelay { FixedDelay = new() { Seconds = 5 }, Percentage = Share(100) },
            });
            TestClient first = bench.Connect();
            TestClient second = bench.Connect();
            await first.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            await loop.UntilAsync(() => bench.Counter("http.test.fault.delays_injected") == 1);
            await second.SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            Assert.StartsWith("HTTP/1.1 204 ", await second.ReadHeadAsync());
            Assert.Equal(1, bench.Counter("http.test.fault.faults_overflow"));
            clock.AdvanceMilliseconds(5001);
            Assert.StartsWith("HTTP/1.1 204 ", await first.ReadHeadAsync());
        });
    }

    private static ProxyBench Bench(EventLoop loop, HTTPFault fault, TestUpstream? upstream = null)
    {
        var bench = new ProxyBench(loop);
        bench.Context.Extensions.Register<IHttpFilterFactory>(new FaultFilterFactory());
        if (upstream is not null)
        {
            bench.AddCluster("backend", upstream.Address);
        }

        bench.Serve(
            hcm => hcm.HttpFilters.Insert(1, ProxyBench.Filter("fault", fault)),
            route =>
            {
                if (upstream is null)
                {
                    route.DirectResponse = new Envoy.Config.Route.V3.DirectResponseAction { Status = 204 };
                }
            });
        return bench;
    }

    private static FractionalPercent Share(uint percent) => new() { Numerator = percent };
}
