using System.Text;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Upstreams.Http.V3;
using Pilotfish.Proxy.Filters.GrpcStats;
using Pilotfish.Proxy.Filters.GrpcWeb;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Filters.GrpcWeb;

/// <summary>A browser's gRPC-Web over HTTP/1.1 towards a scripted gRPC server.</summary>
public sealed class GrpcWebFilterTests
{
    private const string Question = "\0\0\0\0\u0002hi";
    private const string Answer = "\0\0\0\0\u0003you";

    [Theory]
    [InlineData("application/grpc-web")]
    [InlineData("application/grpc-web+proto")]
    public void Binary_Call_TrailersBecomeTheLastFrame(string type) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        TestClient client = bench.Connect();
        await client.SendAsync(Head(type, type, Question.Length) + Question);
        Http2Peer server = await AcceptAsync(upstream);
        (_, bool end, Dictionary<string, string> request) = await server.ReadHeadersAsync();
        Assert.False(end);
        Assert.Equal(("application/grpc", "trailers", "identity,deflate,gzip"),
            (request["content-type"], request["te"], request["grpc-accept-encoding"]));
        Assert.False(request.ContainsKey("content-length"));
        Assert.Equal(Question, await server.ReadBodyAsync());
        await AnswerAsync(server);
        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", head);
        Assert.Contains("content-type: application/grpc-web+proto\r\n", head);
        Assert.Equal(Answer + TrailersFrame(), await ReadChunksAsync(client));
        Assert.Equal(1, Counter(bench, "grpc-web.pkg.Service.Method.0"));
        Assert.Equal(1, Counter(bench, "grpc-web.pkg.Service.Method.success"));
        Assert.Equal(1, Counter(bench, "grpc.success"));
        Assert.Equal(1, Counter(bench, "grpc.request_message_count"));
        Assert.Equal(1, Counter(bench, "grpc.response_message_count"));
    });

    [Fact]
    public void Text_Call_IsBase64BothWays() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        TestClient client = bench.Connect();
        string body = Base64(Question);
        await client.SendAsync(Head("application/grpc-web-text", "application/grpc-web-text", body.Length) + body[..3]);
        Http2Peer server = await AcceptAsync(upstream);
        await server.ReadHeadersAsync();
        await client.SendAsync(body[3..]);
        Assert.Equal(Question, await server.ReadBodyAsync());
        await AnswerAsync(server);
        string head = await client.ReadHeadAsync();
        Assert.Contains("content-type: application/grpc-web-text+proto\r\n", head);
        Assert.Equal(Base64(Answer) + Base64(TrailersFrame()), await ReadChunksAsync(client));
    });

    [Fact]
    public void Response_TrailersOnly_KeepsStatusInTheHead() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        TestClient client = bench.Connect();
        await client.SendAsync(Head("application/grpc-web", "*/*", Question.Length) + Question);
        Http2Peer server = await AcceptAsync(upstream);
        await server.ReadBodyAsync();
        await server.HeadersAsync(1, end: true, (":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "12"));
        string head = await client.ReadHeadAsync();
        Assert.Contains("grpc-status: 12\r\n", head);
        Assert.Contains("content-type: application/grpc-web+proto\r\n", head);

        // A method that the server does not know makes no statistic of its own.
        Assert.Equal(1, Counter(bench, "grpc-web.failure"));
        Assert.Equal(0, Counter(bench, "grpc-web.pkg.Service.Method.failure"));
    });

    [Fact]
    public void Response_NotGrpc_BecomesStatusAndMessage() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        TestClient client = bench.Connect();
        await client.SendAsync(Head("application/grpc-web", "*/*", Question.Length) + Question);
        Http2Peer server = await AcceptAsync(upstream);
        await server.ReadBodyAsync();
        await server.HeadersAsync(1, end: false, (":status", "503"), ("content-type", "text/html"), ("content-length", "12"));
        await server.DataAsync(1, "<b>100%", end: false);
        await server.DataAsync(1, "\r\nno!", end: true);
        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 503 Service Unavailable\r\n", head);
        Assert.Contains("grpc-status: 14\r\n", head);
        Assert.Contains("grpc-message: <b>100%25%0D%0Ano!\r\n", head);
        Assert.Contains("content-length: 0\r\n", head);
    });

    [Fact]
    public void Response_NotGrpcAndEndless_MessageIsBounded() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        TestClient client = bench.Connect();
        await client.SendAsync(Head("application/grpc-web", "*/*", Question.Length) + Question);
        Http2Peer server = await AcceptAsync(upstream);
        await server.ReadBodyAsync();
        await server.HeadersAsync(1, end: false, (":status", "500"), ("content-type", "text/plain"));
        for (int i = 0; i < 10; i++)
        {
            await server.DataAsync(1, new string('x', 4000), end: i == 9);
        }

        string head = await client.ReadHeadAsync();
        int at = head.IndexOf("grpc-message: ", StringComparison.Ordinal) + 14;
        Assert.Equal(16 * 1024, head.IndexOf("\r\n", at, StringComparison.Ordinal) - at);
    });

    [Fact]
    public void LocalReply_BecomesStatusAndMessage() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream, static route =>
            route.DirectResponse = new DirectResponseAction { Status = 403, Body = new() { InlineString = "not you" } });
        TestClient client = bench.Connect();
        await client.SendAsync(Head("application/grpc-web-text", "application/grpc-web-text", 0));
        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 403 Forbidden\r\n", head);
        Assert.Contains("grpc-status: 7\r\n", head);
        Assert.Contains("grpc-message: not you\r\n", head);
        Assert.Contains("content-type: application/grpc-web-text+proto\r\n", head);
    });

    [Theory]
    [InlineData("AA!A", "grpc_base_64_decode_failed")]
    [InlineData("AAAAA", "grpc_base_64_decode_failed_bad_size")]
    public void Text_BadBase64_IsRefused(string body, string details) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        TestClient client = bench.Connect();
        await client.SendAsync(Head("application/grpc-web-text", "*/*", body.Length) + body);
        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 400 Bad Request\r\n", head);
        Assert.Contains("grpc-status: 13\r\n", head);
        Assert.Contains("grpc-message: Bad gRPC-web request, invalid base64 data.\r\n", head);
        Assert.Equal(details, Assert.Single(bench.Recorded).Details);
    });

    [Theory]
    [InlineData("application/grpc-web+json")]
    [InlineData("application/json")]
    public void OtherContentType_PassesUntouched(string type) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        ProxyBench bench = Serve(loop, upstream);
        TestClient client = bench.Connect();
        await client.SendAsync(Head(type, "*/*", 2) + "{}");
        Http2Peer server = await AcceptAsync(upstream);
        Dictionary<string, string> request = (await server.ReadHeadersAsync()).Fields;
        Assert.Equal((type, "2"), (request["content-type"], request["content-length"]));
        Assert.False(request.ContainsKey("grpc-accept-encoding"));
    });

    private static long Counter(ProxyBench bench, string name) => bench.Stats.Value(bench.Stats.Scope("cluster.backend").Counter(name));

    private static string Head(string type, string accept, int length) =>
        $"POST /pkg.Service/Method HTTP/1.1\r\nHost: a\r\nContent-Type: {type}\r\nAccept: {accept}\r\nContent-Length: {length}\r\n\r\n";

    private static string Base64(string text) => Convert.ToBase64String(Encoding.Latin1.GetBytes(text));

    private static string TrailersFrame()
    {
        const string lines = "grpc-status:0\r\ngrpc-message:fine\r\nx-cost:3\r\n";
        return "\u0080\0\0\0" + (char)lines.Length + lines;
    }

    private static async Task AnswerAsync(Http2Peer server)
    {
        await server.HeadersAsync(1, end: false, (":status", "200"), ("content-type", "application/grpc"));
        await server.DataAsync(1, Answer, end: false);
        await server.HeadersAsync(1, end: true, ("grpc-status", "0"), ("grpc-message", "fine"), ("x-cost", "3"));
    }

    private static async Task<string> ReadChunksAsync(TestClient client)
    {
        string body = "";
        while (true)
        {
            string size = (await client.ReadUntilAsync("\r\n"))[..^2];
            int bytes = Convert.ToInt32(size, 16);
            body += await client.ReadBytesAsync(bytes);
            await client.ReadUntilAsync("\r\n");
            if (bytes == 0)
            {
                return body;
            }
        }
    }

    private static async Task<Http2Peer> AcceptAsync(TestUpstream upstream)
    {
        var server = new Http2Peer((await upstream.AcceptAsync()).Stream);
        await server.StartServerAsync();
        return server;
    }

    private static ProxyBench Serve(EventLoop loop, TestUpstream upstream, Action<Route>? route = null)
    {
        var bench = new ProxyBench(loop);
        bench.Context.Extensions.Register<IHttpFilterFactory>(new GrpcWebFilterFactory());
        bench.Context.Extensions.Register<IHttpFilterFactory>(new GrpcStatsFilterFactory());
        bench.AddHttpCluster("backend", new HttpProtocolOptions { ExplicitHttpConfig = new() { Http2ProtocolOptions = new() } }, upstream.Address);
        bench.Serve(
            static hcm =>
            {
                hcm.HttpFilters.Insert(1, ProxyBench.Filter("envoy.filters.http.grpc_web", new Envoy.Extensions.Filters.Http.GrpcWeb.V3.GrpcWeb()));
                hcm.HttpFilters.Insert(2, ProxyBench.Filter(
                    "envoy.filters.http.grpc_stats", new Envoy.Extensions.Filters.Http.GrpcStats.V3.FilterConfig()));
            },
            route);
        return bench;
    }
}
