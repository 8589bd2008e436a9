using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Buffer.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Filters.RequestBuffer;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using BufferMessage = Envoy.Extensions.Filters.Http.Buffer.V3.Buffer;

namespace Pilotfish.Proxy.Tests.Filters.RequestBuffer;

public sealed class BufferFilterTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    [Fact]
    public void Request_IsHeldUntilItIsWhole_AndHasALengthThen() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, upstream, 6);
        TestClient client = bench.Connect();
        await client.SendAsync("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
        for (int turns = 0; turns < 20; turns++)
        {
            await loop.YieldAsync();
        }

        Assert.Equal(0, bench.Counter("cluster.backend.upstream_cx_total"));
        await client.SendAsync("3\r\ntwo\r\n0\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        string head = await server.ReadHeadAsync();
        Assert.Contains("content-length: 6\r\n", head);
        Assert.DoesNotContain("transfer-encoding", head);
        Assert.Equal("onetwo", await server.ReadBytesAsync(6));
        await server.SendAsync(Ok);
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());

        // The next request on the connection begins anew.
        await client.SendAsync("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nthree!");
        await server.ReadHeadAsync();
        Assert.Equal("three!", await server.ReadBytesAsync(6));
    });

    [Fact]
    public void Request_WithoutBody_PassesAtOnce() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        await Bench(loop, upstream, 1).Connect().SendAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        Assert.DoesNotContain("content-length", await (await upstream.AcceptAsync()).ReadHeadAsync());
    });

    [Theory]
    [InlineData("in one piece", "12345", "")]
    [InlineData("with the last piece", "1234", "5")]
    [InlineData("before the last piece", "12345", "6")]
    public void Body_TooLarge_IsRefusedWith413(string label, string first, string second) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, upstream, 4);
        TestClient client = bench.Connect();
        await client.SendAsync($"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {first.Length + second.Length}\r\n\r\n{first}");
        if (second.Length > 0)
        {
            await loop.YieldAsync();
            await client.SendAsync(second);
        }

        Assert.StartsWith("HTTP/1.1 413 ", await client.ReadHeadAsync());
        Assert.Equal("Payload Too Large", await client.ReadBytesAsync(17));
        Assert.True(bench.Recorded[0].Details == "request_payload_too_large", label);
        Assert.Equal(0, bench.Counter("cluster.backend.upstream_cx_total"));
        Assert.Equal(1, bench.Counter("http.test.downstream_rq_too_large"));
    });

    // The filter's word counts, not the connection's: that one would have been 413 before, or read no further.
    [Fact]
    public void Limit_BeyondTheConnections_Counts() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        const int Bytes = 3 << 20;
        ProxyBench bench = Bench(loop, upstream, Bytes);
        TestClient client = bench.Connect();
        await client.SendAsync($"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {Bytes}\r\n\r\n");
        string piece = new('x', 1 << 16);
        for (int sent = 0; sent < Bytes; sent += piece.Length)
        {
            await client.SendAsync(piece);
        }

        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        Assert.Equal(Bytes, (await server.ReadBytesAsync(Bytes)).Length);
        await server.SendAsync(Ok);
        Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync());
    });

    [Fact]
    public void Trailers_GoOnBehindTheBody() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, upstream, 10, static hcm => hcm.HttpProtocolOptions = new Http1ProtocolOptions { EnableTrailers = true });
        await bench.Connect().SendAsync("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\nx-sum: 3\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        Assert.Equal("3\r\none\r\n0\r\nx-sum: 3\r\n\r\n", await server.ReadUntilAsync("\r\n\r\n"));
    });

    [Theory]
    [InlineData(true, 0u, false)]
    [InlineData(false, 2u, true)]
    [InlineData(false, 100u, false)]
    public void Route_MayDisableOrChangeIt(bool disabled, uint bytesMax, bool refused) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Bench(loop, upstream, 3, null, route => route.TypedPerFilterConfig.Add("buffer", Any.Pack(disabled
            ? new BufferPerRoute { Disabled = true }
            : new BufferPerRoute { Buffer = new BufferMessage { MaxRequestBytes = bytesMax } })));
        TestClient client = bench.Connect();
        await client.SendAsync("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
        if (refused)
        {
            Assert.StartsWith("HTTP/1.1 413 ", await client.ReadHeadAsync());
            return;
        }

        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        Assert.Equal("body", await server.ReadBytesAsync(4));
    });

    public static TheoryData<string, IMessage, string> Refusals => new()
    {
        { "no limit", new BufferPerRoute { Buffer = new BufferMessage() }, ".buffer.max_request_bytes" },
        { "limit of nothing", new BufferPerRoute { Buffer = new BufferMessage { MaxRequestBytes = 0 } }, ".buffer.max_request_bytes" },
        { "limit beyond memory", new BufferPerRoute { Buffer = new BufferMessage { MaxRequestBytes = uint.MaxValue } }, ".buffer.max_request_bytes" },
        { "neither", new BufferPerRoute(), "" },
        { "not disabled", new BufferPerRoute { Disabled = false }, "" },
        { "the chain's message", new BufferMessage { MaxRequestBytes = 1 }, "" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void Config_ThatCannotBe_IsRefusedByField(string label, IMessage config, string field) => LoopRunner.Run(loop =>
    {
        using var upstream = new TestUpstream(loop);
        ConfigRejectedException rejected = Assert.Throws<ConfigRejectedException>(() =>
            Bench(loop, upstream, 3, null, route => route.TypedPerFilterConfig.Add("buffer", Any.Pack(config))));
        Assert.True(rejected.Field == $"route_config.virtual_hosts[0].routes[0].typed_per_filter_config['buffer']{field}", $"{label}: {rejected.Message}");
        return Task.CompletedTask;
    });

    private static ProxyBench Bench(
        EventLoop loop, TestUpstream upstream, uint bytesMax, Action<HttpConnectionManager>? configure = null, Action<Route>? configureRoute = null)
    {
        var bench = new ProxyBench(loop);
        var factory = new BufferFilterFactory();
        bench.Context.Extensions.Register<IHttpFilterFactory>(factory);
        bench.Context.Extensions.Register<IHttpFilterRouteConfigFactory>(factory);
        bench.AddTrailerCluster("backend", upstream.Address);
        bench.Serve(
            hcm =>
            {
                hcm.HttpFilters.Insert(1, ProxyBench.Filter("buffer", new BufferMessage { MaxRequestBytes = bytesMax }));
                configure?.Invoke(hcm);
            },
            configureRoute);
        return bench;
    }
}
