using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Pilotfish.Testing;
using Escaped = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types.PathWithEscapedSlashesAction;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>Requests with several faults: the first rule in Envoy's order answers. And what refusals have in common with other answers.</summary>
public sealed class RefusalOrderTests
{
    private const string BadConnection = "Connection: x-forwarded-for\r\n";
    private const string TenNames = "Connection: a, b, c, d, e, f, g, h, i, j\r\n";

    [Theory]
    [InlineData("codec before overload", "GET / HTTP/1.1\r\nHost: a\r\n" + BadConnection, true, "400 http1.connection_header_rejected")]
    [InlineData("codec before host", "GET / HTTP/1.1\r\n" + BadConnection, false, "400 http1.connection_header_rejected")]
    [InlineData("ten names", "GET / HTTP/1.1\r\nHost: a\r\n" + TenNames, false, "400 http1.connection_header_rejected")]
    [InlineData("pseudo header", "GET / HTTP/1.1\r\nHost: a\r\nConnection: :path\r\n", false, "400 http1.connection_header_rejected")]
    [InlineData("overload before version", "GET / HTTP/1.0\r\n", true, "503 overload")]
    [InlineData("version before host", "GET / HTTP/1.0\r\n", false, "426 low_version")]
    [InlineData("host before path", "GET * HTTP/1.1\r\n", false, "400 missing_host_header")]
    [InlineData("path before upgrade", "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n", false, "404 absolute_path_rejected")]
    [InlineData("normalisation before upgrade", "GET /%2F HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n", false, "400 path_normalization_failed")]
    [InlineData("upgrade before route", "GET /none HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n", false, "403 upgrade_failed")]
    public void FirstRule_Answers(string label, string head, bool overloaded, string expected) => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(static hcm => hcm.PathWithEscapedSlashesAction = Escaped.RejectRequest, static route => route.Match.Prefix = "/some");
        bench.Context.Overload.StopAcceptingRequests.Set(overloaded ? 1 : 0);
        TestClient client = bench.Connect();
        await client.SendAsync(head + "\r\n");
        await client.ReadHeadAsync();
        RecordedStream record = Assert.Single(bench.Logged);
        Assert.True(expected == $"{record.Status} {record.Details}", $"{label}: {record.Status} {record.Details}");
    });

    [Fact]
    public void NineNames_AreRemovedWithTheHeadersTheyName() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve();
        await bench.Connect().SendAsync("GET / HTTP/1.1\r\nHost: a\r\nConnection: a, b, c, d, e, f, g, h, TE\r\nA: 1\r\nTE: trailers, deflate\r\n\r\n");
        string head = await (await upstream.AcceptAsync()).ReadHeadAsync();
        Assert.DoesNotContain("\r\na: ", head);
        Assert.Contains("\r\nte: trailers\r\n", head);
    });

    // Envoy's best effort: whoever adds a header to every response does so for refusals, too. The overload manager's cost no chain.
    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n", false, 1)]
    [InlineData("bad\r\n\r\n", false, 1)]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true, 0)]
    public void Refusal_BeforeRouting_PassesTheFilters(string request, bool overloaded, int seen) => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Context.Extensions.Register<Pilotfish.Proxy.Http.IHttpFilterFactory>(new MarkingFilterFactory());
        bench.Serve(static hcm => hcm.HttpFilters.Insert(0, ProxyBench.Filter("mark", new Google.Protobuf.WellKnownTypes.BoolValue())));
        bench.Context.Overload.StopAcceptingRequests.Set(overloaded ? 1 : 0);
        TestClient client = bench.Connect();
        await client.SendAsync(request);
        Assert.Equal(seen == 1, (await client.ReadHeadAsync()).Contains("x-seen: 1\r\n", StringComparison.Ordinal));
    });

    [Fact]
    public void Redirect_OfAnEscapedSlash_IsAnErrorForGrpc() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(static hcm => hcm.PathWithEscapedSlashesAction = Escaped.UnescapeAndRedirect);
        TestClient client = bench.Connect();
        await client.SendAsync("POST /a%2Fb HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\n\r\n");
        string head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 200 ", head);
        Assert.Contains("grpc-status: 13\r\n", head);
        Assert.DoesNotContain("location:", head);
        Assert.Equal(1, bench.Counter("http.test.downstream_rq_failed_path_normalization"));
        Assert.Equal(0, bench.Counter("http.test.downstream_rq_redirected_with_normalized_path"));
    });

    // Nobody waits for the rest of a request that has its answer: the connection ends, and so says the response.
    [Fact]
    public void Response_BeforeTheRequestIsWhole_EndsTheConnection() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        (TestClient client, TestClient server) = await bench.BeginAsync(
            upstream, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
        await server.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok");
        Assert.Contains("connection: close\r\n", await client.ReadHeadAsync());
        await client.SendAsync("cd");
        await server.SendAsync("ok");
        Assert.Equal("okok", await client.ReadToEndAsync());
        Assert.Equal(1, bench.Counter("http.test.downstream_rq_response_before_rq_complete"));
        Assert.Equal("via_upstream", Assert.Single(bench.Logged).Details);
    });

    // "Total requests that resulted in a response": neither a reset nor an internal redirect is one.
    [Fact]
    public void RequestThatGetsNoResponse_IsNotCompleted() => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        (TestClient client, _) = await bench.BeginAsync(upstream, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        client.Stream.Reset();
        await Transport.TestPeers.UntilAsync(loop, () => bench.Logged.Count == 1);
        Assert.Equal(0, bench.Counter("http.test.downstream_rq_completed"));
        Assert.Equal(1, bench.Counter("http.test.downstream_rq_total"));
        Assert.Equal(1, bench.Counter("http.test.downstream_cx_destroy_active_rq"));
        Assert.Equal(1, bench.Counter("http.test.downstream_cx_destroy_remote_active_rq"));
        Assert.Equal(0, bench.Counter("http.test.downstream_cx_destroy_local_active_rq"));
    });
}
