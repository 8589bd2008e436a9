using Pilotfish.Proxy.Drain;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>HTTP/1.1 connections whose filter chain drains: nobody's request is cut off.</summary>
public sealed class DrainTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    // A request may be on its way when the drain begins; it is the connection's last.
    [Fact]
    public void IdleConnection_RequestAfterTheDrainBegan_IsServedAndTheConnectionCloses() => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = Serve(loop);
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        Assert.DoesNotContain("connection: close", await client.ReadHeadAsync(), StringComparison.OrdinalIgnoreCase);
        Drain(bench, loop);
        await client.SendAsync(Get);
        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 503 ", head, StringComparison.Ordinal);
        Assert.Contains("connection: close\r\n", head, StringComparison.Ordinal);
        Assert.Equal("", await client.ReadToEndAsync());
    });

    [Fact]
    public void IdleConnection_NoRequestForAMoment_Closes() => LoopRunner.Run(async loop =>
    {
        ProxyBench bench = Serve(loop);
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        await client.ReadHeadAsync();
        Drain(bench, loop);
        bench.SettleDrain();
        Assert.Equal("", await client.ReadToEndAsync());
        Assert.Equal(1, bench.Counter("http.test.downstream_cx_drain_close"));
    });

    // The head has gone out without a word of a close, so the client may send another request behind it.
    [Fact]
    public void Response_UnderWayWhenTheDrainBegins_ConnectionServesOneRequestMore() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        TestClient client = bench.Connect();
        await client.SendAsync(Get);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
        await client.ReadUntilAsync("ha");
        Drain(bench, loop);
        await server.SendAsync("lf");
        await client.ReadUntilAsync("lf");
        bench.SettleDrain();
        await client.SendAsync(Get);
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 204 None\r\n\r\n");
        Assert.Contains("connection: close\r\n", await client.ReadHeadAsync(), StringComparison.Ordinal);
        Assert.Equal("", await client.ReadToEndAsync());
    });

    private static void Drain(ProxyBench bench, EventLoop loop)
    {
        bench.Chain.Drain.Start(loop.NowMilliseconds, 45_000, DrainStrategy.Immediate);
        bench.StartDrain();
    }

    // Without a cluster: every request is answered here.
    private static ProxyBench Serve(EventLoop loop)
    {
        var bench = new ProxyBench(loop);
        bench.Serve();
        return bench;
    }
}
