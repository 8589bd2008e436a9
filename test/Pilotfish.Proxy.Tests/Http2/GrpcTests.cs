using Envoy.Config.Route.V3;
using Envoy.Extensions.Upstreams.Http.V3;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using Xunit;

namespace Pilotfish.Proxy.Tests.Http2;

/// <summary>gRPC across the proxy: what its clients and servers rely on of HTTP/2.</summary>
public sealed class GrpcTests
{
    private static readonly (string, string)[] s_call =
    [
        (":method", "POST"), (":scheme", "http"), (":path", "/pkg.Service/Method"), (":authority", "a"), ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];

    [Fact]
    public void Call_BidirectionalStreaming_MessagesPassAtOnceBothWays() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.HeadersAsync(1, end: false, s_call);
        Http2Peer server = await AcceptAsync(upstream);
        Dictionary<string, string> head = (await server.ReadHeadersAsync()).Fields;
        Assert.Equal(("trailers", "application/grpc"), (head["te"], head["content-type"]));
        await server.HeadersAsync(1, end: false, (":status", "200"), ("content-type", "application/grpc"));
        Assert.False((await client.ReadHeadersAsync()).End);
        for (int i = 0; i < 5; i++)
        {
            await client.DataAsync(1, $"\0\0\0\0\u0002q{i}", end: false);
            Assert.Equal($"\0\0\0\0\u0002q{i}", await server.ReadBodyAsync(7));
            await server.DataAsync(1, $"\0\0\0\0\u0002a{i}", end: false);
            Assert.Equal($"\0\0\0\0\u0002a{i}", await client.ReadBodyAsync(7));
        }

        await client.DataAsync(1, "", end: true);
        Assert.Equal("", await server.ReadBodyAsync());
        await server.HeadersAsync(1, end: true, ("grpc-status", "0"));
        (_, bool end, Dictionary<string, string> trailers) = await client.ReadHeadersAsync();
        Assert.True(end);
        Assert.Equal("0", trailers["grpc-status"]);
        Assert.Equal("via_upstream", Assert.Single(bench.Recorded).Details);
    });

    [Fact]
    public void Response_TrailersOnly_StaysOneBlock() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.HeadersAsync(1, end: false, s_call);
        await client.DataAsync(1, "\0\0\0\0\0", end: true);
        Http2Peer server = await AcceptAsync(upstream);
        await server.ReadHeadersAsync();
        await server.HeadersAsync(1, end: true, (":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "5"));
        (_, bool end, Dictionary<string, string> fields) = await client.ReadHeadersAsync();
        Assert.True(end);
        Assert.Equal("5", fields["grpc-status"]);
    });

    [Fact]
    public void LocalReply_ToAGrpcCall_IsAGrpcStatus() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream, static route => route.Match = new RouteMatch { Path = "/other" });
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.HeadersAsync(1, end: true, s_call);
        (_, bool end, Dictionary<string, string> fields) = await client.ReadHeadersAsync();
        Assert.True(end);
        Assert.Equal(("200", "12", "application/grpc"), (fields[":status"], fields["grpc-status"], fields["content-type"]));
    });

    [Fact]
    public void Client_Cancels_UpstreamStreamIsResetAndTheConnectionStays() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.HeadersAsync(1, end: false, s_call);
        Http2Peer server = await AcceptAsync(upstream);
        await server.ReadHeadersAsync();
        await client.SendAsync(Proxy.Http2.Frames.FrameType.RST_STREAM, 0, 1, Http2Peer.Number(8));
        Assert.Equal(Proxy.Http2.Frames.Http2ErrorCode.CANCEL, await server.ReadResetAsync());
        await client.HeadersAsync(3, end: true, s_call);
        Assert.Equal(3, (await server.ReadHeadersAsync()).Id);
    });

    private static async Task<Http2Peer> AcceptAsync(TestUpstream upstream)
    {
        var server = new Http2Peer((await upstream.AcceptAsync()).Stream);
        await server.StartServerAsync();
        return server;
    }

    private static ProxyBench Serve(EventLoop loop, TestUpstream upstream, Action<Route>? route = null)
    {
        var bench = new ProxyBench(loop);
        bench.AddHttpCluster("backend", new HttpProtocolOptions { UseDownstreamProtocolConfig = new() { Http2ProtocolOptions = new() } }, upstream.Address);
        bench.Serve(null, route);
        return bench;
    }
}
