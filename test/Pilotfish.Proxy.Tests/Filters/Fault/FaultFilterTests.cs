using Envoy.Extensions.Filters.Common.Fault.V3;
using Envoy.Extensions.Filters.Http.Fault.V3;
using Envoy.Type.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Filters.Fault;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Filters.Fault;

public sealed class FaultFilterTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    [Fact]
    public void Abort_AllRequests_AnsweredHereWithFlagFI() => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = Bench(loop, new HTTPFault { Abort = Abort(418, 100) });
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        Assert.StartsWith("HTTP/1.1 418 ", await client.ReadHeadAsync());
        Assert.Equal("fault filter abort", await client.ReadBytesAsync(18));
        Assert.Equal(1, bench.Counter("http.test.fault.aborts_injected"));
        RecordedStream recorded = Assert.Single(bench.Recorded);
        Assert.Equal("fault_filter_abort", recorded.Details);
        Assert.Equal("FI", recorded.Flags);
    });

    [Fact]
    public void Delay_ThenAbort_WaitsForItsTime()
    {
        ManualLoopClock clock = new();
        LoopRunner.Run(clock, async loop =>
        {
            ProxyBench bench = Bench(loop, new HTTPFault { Delay = Delay(3000), Abort = Abort(503, 100) });
            TestClient client = bench.Connect();
            await client.SendAsync(Get);
            Task<string> head = client.ReadHeadAsync();
            await loop.YieldAsync();
            clock.AdvanceMilliseconds(2900);
            await loop.YieldAsync();
            Assert.False(head.IsCompleted);
            clock.AdvanceMilliseconds(200);
            Assert.StartsWith("HTTP/1.1 503 ", await head);
            Assert.Equal("DI,FI", Assert.Single(bench.Recorded).Flags);
        });
    }

    [Fact]
    public void Delay_ClientLeaves_TimerAndSlotAreReleased()
    {
        ManualLoopClock clock = new();
        LoopRunner.Run(clock, async loop =>
        {
            ProxyBench bench = Bench(loop, new HTTPFault { Delay = Delay(60_000), MaxActiveFaults = 1 });
            TestClient first = bench.Connect();
            await first.SendAsync(Get);
            await loop.UntilAsync(() => bench.Counter("http.test.fault.delays_injected") == 1);
            first.Stream.Reset();
            await loop.UntilAsync(() => bench.Recorded.Count == 1);
            Assert.Equal("DI,DC", bench.Recorded[0].Flags);

            // The slot is free again: the next request is delayed, not passed.
            TestClient second = bench.Connect();
            await second.SendAsync(Get);
            await loop.UntilAsync(() => bench.Counter("http.test.fault.delays_injected") == 2);
            Assert.Equal(0, bench.Counter("http.test.fault.faults_overflow"));
        });
    }

    [Theory]
    [InlineData("Envoy's keys", false, "fault.http.abort.abort_percent", "fault.http.abort.http_status")]
    [InlineData("keys that the fields name", true, "mine.percent", "mine.status")]
    public void Abort_FollowsTheRuntime(string label, bool named, string percent, string status) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, new HTTPFault
        {
            Abort = Abort(418, 0),
            AbortPercentRuntime = named ? "mine.percent" : "",
            AbortHttpStatusRuntime = named ? "mine.status" : "",
        }, upstream);
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 204 No Content\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 204 ", await client.ReadHeadAsync());
        foreach ((string value, int expected) in (IEnumerable<(string, int)>)[("431", 431), ("7", 418)])
        {
            bench.Context.Runtime.Replace(new Dictionary<string, string> { [percent] = "100", [status] = value });
            await client.SendAsync(Get);
            Assert.True((await client.ReadHeadAsync()).StartsWith($"HTTP/1.1 {expected} ", StringComparison.Ordinal), label);
            await client.ReadBytesAsync(18);
        }
    });

    [Fact]
    public void Delay_TakesShareAndTimeFromTheRuntime()
    {
        ManualLoopClock clock = new();
        LoopRunner.Run(clock, async loop =>
        {
            HTTPFault fault = new() { Delay = Delay(3000), Abort = Abort(503, 100) };
            fault.Delay.Percentage = Share(0);
            ProxyBench bench = Bench(loop, fault);
            bench.Context.Runtime.Replace(new Dictionary<string, string>
            {
                ["fault.http.delay.fixed_delay_percent"] = "{numerator: 1000000, denominator: MILLION}",
                ["fault.http.delay.fixed_duration_ms"] = "50",
            });
            TestClient client = bench.Connect();
            await client.SendAsync(Get);
            Task<string> head = client.ReadHeadAsync();
            await loop.UntilAsync(() => bench.Counter("http.test.fault.delays_injected") == 1);
            Assert.False(head.IsCompleted);
            clock.AdvanceMilliseconds(60);
            Assert.StartsWith("HTTP/1.1 503 ", await head);
        });
    }

    [Fact]
    public void HeaderAbort_TakesStatusFromTheRequest() => LoopRunner.Run(async loop =>
    {
        FaultAbort abort = new() { HeaderAbort = new FaultAbort.Types.HeaderAbort(), Percentage = Share(100) };
        ProxyBench bench = Bench(loop, new HTTPFault { Abort = abort });
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nx-envoy-fault-abort-request: 429\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 429 ", await client.ReadHeadAsync());
    });

    [Fact]
    public void HeadersDoNotMatch_NoFault() => LoopRunner.Run(async loop =>
    {
        HTTPFault fault = new() { Abort = Abort(500, 100) };
        fault.Headers.Add(new Envoy.Config.Route.V3.HeaderMatcher { Name = "x-test", ExactMatch = "yes" });
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, fault, upstream);
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
    });

    private static ProxyBench Bench(EventLoop loop, HTTPFault fault, TestUpstream? upstream = null)
    {
        var bench = new ProxyBench(loop);
        bench.Context.Extensions.Register<IHttpFilterFactory>(new FaultFilterFactory());
        if (upstream is not null)
        {
            bench.AddCluster("backend", upstream.Address);
        }

        bench.Serve(hcm => hcm.HttpFilters.Insert(1, ProxyBench.Filter("envoy.filters.http.fault", fault)));
        return bench;
    }

    private static FaultAbort Abort(uint status, uint percent) => new() { HttpStatus = status, Percentage = Share(percent) };

    private static FaultDelay Delay(int milliseconds) => new()
    {
        FixedDelay = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(milliseconds)),
        Percentage = Share(100),
    };

    private static FractionalPercent Share(uint percent) => new() { Numerator = percent };
}
