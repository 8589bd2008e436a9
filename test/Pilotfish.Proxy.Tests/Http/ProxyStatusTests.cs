using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Testing;
using StatusConfig = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types.ProxyStatusConfig;

namespace Pilotfish.Proxy.Tests.Http;

public sealed class ProxyStatusTests
{
    public static TheoryData<string, StatusConfig, string> Forms => new()
    {
        { "all", new StatusConfig(), "envoy; error=destination_unavailable; details=\"cluster_not_found; NC\"" },
        { "a name", new StatusConfig { LiteralProxyName = "edge-7" }, "edge-7; error=destination_unavailable; details=\"cluster_not_found; NC\"" },
        { "the node's id", new StatusConfig { UseNodeId = true }, "test; error=destination_unavailable; details=\"cluster_not_found; NC\"" },
        { "no flags", new StatusConfig { RemoveResponseFlags = true }, "envoy; error=destination_unavailable; details=\"cluster_not_found\"" },
        { "no details", new StatusConfig { RemoveDetails = true }, "envoy; error=destination_unavailable" },
    };

    [Theory]
    [MemberData(nameof(Forms))]
    public void LocalReply_SaysWhoAndWhy(string label, StatusConfig config, string expected) => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(hcm => hcm.ProxyStatusConfig = config);

        Assert.Equal((label, expected), (label, Field(await AnswerAsync(bench), "proxy-status")));
    });

    [Theory]
    [InlineData(true, 502, "connection_terminated")]
    [InlineData(false, 503, "connection_terminated")]
    public void UpstreamGone_StatusIsTheRecommendedOneIfSet(bool recommended, int status, string error) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(hcm => hcm.ProxyStatusConfig = new StatusConfig { SetRecommendedResponseCode = recommended });
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        server.Stream.Close();
        string head = await client.ReadHeadAsync();

        Assert.StartsWith($"HTTP/1.1 {status} ", head, StringComparison.Ordinal);
        Assert.StartsWith($"envoy; error={error}; details=\"upstream_reset_before_response_started{{connection_termination}}; UC", Field(head, "proxy-status"), StringComparison.Ordinal);
        Assert.Equal(status, bench.Logged[0].Status);
    });

    [Fact]
    public void GoodResponse_KeepsOnlyWhatTheServerSaid() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(static hcm => hcm.ProxyStatusConfig = new StatusConfig());
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 503 No\r\nProxy-Status: inner; error=dns_error\r\nContent-Length: 0\r\n\r\n");

        Assert.Equal("inner; error=dns_error", Field(await client.ReadHeadAsync(), "proxy-status"));
    });

    [Theory]
    [InlineData(ResponseFlag.UpstreamRequestTimeout, ProxyStatusError.HttpResponseTimeout)]
    [InlineData(ResponseFlag.UpstreamConnectionFailure, ProxyStatusError.ConnectionRefused)]
    [InlineData(ResponseFlag.NoRouteFound, ProxyStatusError.DestinationNotFound)]
    [InlineData(ResponseFlag.UpstreamOverflow, ProxyStatusError.ConnectionLimitReached)]
    [InlineData(ResponseFlag.FaultInjected, ProxyStatusError.None)]
    [InlineData(ResponseFlag.DownstreamConnectionTermination, ProxyStatusError.None)]
    public void Flag_MeansOneErrorOrNone(ResponseFlag flag, ProxyStatusError error) =>
        Assert.Equal(error, ProxyStatusRules.ErrorOf(ResponseFlags.Of(flag)));

    [Fact]
    public void Flags_TheFirstInTheirOrderCounts() => Assert.Equal(
        ProxyStatusError.ConnectionRefused,
        ProxyStatusRules.ErrorOf(ResponseFlags.Of(ResponseFlag.UpstreamRetryLimitExceeded) | ResponseFlags.Of(ResponseFlag.UpstreamConnectionFailure)));

    private static async Task<string> AnswerAsync(ProxyBench bench)
    {
        TestClient client = bench.Connect();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        return await client.ReadHeadAsync();
    }

    private static string Field(string head, string name)
    {
        int at = head.IndexOf($"\r\n{name}: ", StringComparison.Ordinal);
        return at < 0 ? "-" : head[(at + name.Length + 4)..head.IndexOf('\r', at + 2)];
    }
}
