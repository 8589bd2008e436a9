using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Testing;
using Action = Envoy.Config.Core.V3.HttpProtocolOptions.Types.HeadersWithUnderscoresAction;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>headers_with_underscores_action: what reaches the upstream, and what is counted, by both codecs.</summary>
public sealed class UnderscoreTests
{
    [Theory]
    [InlineData(Action.Allow, true, 0)]
    [InlineData(Action.DropHeader, false, 2)]
    public void Http1_KeepsOrDropsThem(Action action, bool arrive, long dropped) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(manager => Configure(manager, action));
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\na_b: 1\r\nplain: x_y\r\nC_D:2\r\n\r\n");
        string head = await (await upstream.AcceptAsync()).ReadHeadAsync();
        Assert.Equal(arrive, head.Contains("a_b", StringComparison.OrdinalIgnoreCase));
        Assert.Equal(arrive, head.Contains("c_d", StringComparison.OrdinalIgnoreCase));
        Assert.Contains("x_y", head, StringComparison.Ordinal);
        Assert.Equal(dropped, bench.Counter("http1.dropped_headers_with_underscores"));
        Assert.Equal(0, bench.Counter("http1.requests_rejected_with_underscores_in_headers"));
    });

    [Fact]
    public void Http1_Refused_IsCountedOnce() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(static manager => Configure(manager, Action.RejectRequest));
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\na_b: 1\r\nc_d: 1\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 400 ", await client.ReadToEndAsync());
        Assert.Equal(1, bench.Counter("http1.requests_rejected_with_underscores_in_headers"));
    });

    [Theory]
    [InlineData(Action.Allow, true, 0)]
    [InlineData(Action.DropHeader, false, 2)]
    public void Http2_KeepsOrDropsThem(Action action, bool arrive, long dropped) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(manager => Configure(manager, action));
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.HeadersAsync(
            1, true, (":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("a_b", "1"), ("plain", "x_y"), ("c_d", "2"));
        string head = await (await upstream.AcceptAsync()).ReadHeadAsync();
        Assert.Equal(arrive, head.Contains("a_b", StringComparison.Ordinal));
        Assert.Contains("x_y", head, StringComparison.Ordinal);
        Assert.Equal(dropped, bench.Counter("http2.dropped_headers_with_underscores"));
    });

    private static void Configure(HttpConnectionManager manager, Action action) =>
        manager.CommonHttpProtocolOptions = new HttpProtocolOptions { HeadersWithUnderscoresAction = action };
}
