using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Upstreams.Http.V3;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>Interim responses (RFC 9110 section 15.2) from every kind of upstream to every kind of client.</summary>
public sealed class InterimResponseTests
{
    private const string Post = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    private const string None = "HTTP/1.1 204 None\r\n\r\n";
    private const string Hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: x-hop\r\nKeep-Alive: timeout=5\r\n\r\n";

    [Theory]
    [InlineData("100-Continue")]
    [InlineData("100-continue")]
    public void Expect_IsAnsweredHere_ForAnyCase(string value) => RunAsync(async scene =>
    {
        await scene.Client.SendAsync(Post.Replace("100-continue", value, StringComparison.Ordinal));
        Assert.Equal("HTTP/1.1 100 Continue\r\n\r\n", await scene.Client.ReadHeadAsync());
        TestClient server = await scene.Upstream.AcceptAsync();
        Assert.DoesNotContain("expect:", await server.ReadHeadAsync());
        Assert.Equal(1, scene.Bench.Counter("http.test.downstream_rq_1xx"));
    });

    [Fact]
    public void Expect_OfAnotherWord_GoesOn() => RunAsync(async scene =>
    {
        await scene.Client.SendAsync(Post.Replace("100-continue", "a-miracle", StringComparison.Ordinal) + "ok");
        TestClient server = await scene.Upstream.AcceptAsync();
        Assert.Contains("expect: a-miracle\r\n", await server.ReadHeadAsync());
        await server.SendAsync("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 417 ", await scene.Client.ReadHeadAsync());
    });

    // The client has one already, and would count this one for its next request.
    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 1)]
    public void Continue_OfTheUpstream_IsPassedOnWhereExpectIs(bool proxied, int passed) => RunAsync(
        async scene =>
        {
            await scene.Client.SendAsync(Get);
            TestClient server = await scene.Upstream.AcceptAsync();
            await server.ReadHeadAsync();
            await server.SendAsync("HTTP/1.1 100 Continue\r\n\r\n" + None);
            string first = await scene.Client.ReadHeadAsync();
            Assert.StartsWith(proxied ? "HTTP/1.1 100 " : "HTTP/1.1 204 ", first);
            Assert.Equal(passed, scene.Bench.Counter("http.test.downstream_rq_1xx"));
            Assert.Equal(1, scene.Bench.Counter("cluster.backend.upstream_rq_1xx"));
        },
        hcm => hcm.Proxy100Continue = proxied);

    [Fact]
    public void SeveralInterimResponses_ArePassedOnInOrder_WithoutTheUpstreamsHop() => RunAsync(async scene =>
    {
        await scene.Client.SendAsync(Get);
        TestClient server = await scene.Upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync("HTTP/1.1 102 Processing\r\n\r\n" + Hints + Hints + None);
        Assert.StartsWith("HTTP/1.1 102 ", await scene.Client.ReadHeadAsync());
        Assert.Equal("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", await scene.Client.ReadHeadAsync());
        Assert.StartsWith("HTTP/1.1 103 ", await scene.Client.ReadHeadAsync());
        string final = await scene.Client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 204 ", final);
        Assert.DoesNotContain("link:", final);
        Assert.Equal(3, scene.Bench.Counter("http.test.downstream_rq_1xx"));
        Assert.Equal(4, scene.Bench.Counter("http.test.downstream_rq_completed"));
        Assert.Equal(204, Assert.Single(scene.Bench.Logged).Status);
    });

    [Fact]
    public void Http10Client_GetsNoInterimResponse() => RunAsync(
        async scene =>
        {
            await scene.Client.SendAsync("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
            TestClient server = await scene.Upstream.AcceptAsync();
            await server.ReadHeadAsync();
            await server.SendAsync(Hints + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            Assert.StartsWith("HTTP/1.0 200 ", await scene.Client.ReadHeadAsync());
        },
        static hcm => hcm.HttpProtocolOptions = new() { AcceptHttp10 = true });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Http2Client_GetsInterimResponses_OfEitherUpstream(bool http2Upstream) => RunAsync(
        async scene =>
        {
            var client = new Http2Peer(scene.Client.Stream);
            await client.StartClientAsync();
            await client.GetAsync(1);
            TestClient server = await scene.Upstream.AcceptAsync();
            if (http2Upstream)
            {
                var peer = new Http2Peer(server.Stream);
                await peer.StartServerAsync();
                await peer.ReadHeadersAsync();
                await peer.HeadersAsync(1, end: false, (":status", "103"), ("link", "</a>"), ("content-length", "5"));
                await peer.HeadersAsync(1, end: false, (":status", "103"), ("link", "</b>"));
                await peer.HeadersAsync(1, end: true, (":status", "204"));
            }
            else
            {
                await server.ReadHeadAsync();
                await server.SendAsync(Hints + Hints.Replace("</a>", "</b>", StringComparison.Ordinal) + None);
            }

            (int _, bool end, Dictionary<string, string> fields) = await client.ReadHeadersAsync();
            Assert.False(end);
            Assert.Equal([(":status", "103"), ("link", "</a>")], fields.Select(static field => (field.Key, field.Value)));
            Assert.Equal("</b>", (await client.ReadHeadersAsync()).Fields["link"]);
            Assert.Equal("204", (await client.ReadHeadersAsync()).Fields[":status"]);
        },
        http2: http2Upstream);

    [Fact]
    public void Http2Client_ThatExpects_IsAnsweredHere() => RunAsync(async scene =>
    {
        var client = new Http2Peer(scene.Client.Stream);
        await client.StartClientAsync();
        await client.HeadersAsync(1, end: false, (":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("expect", "100-continue"));
        Assert.Equal("100", (await client.ReadHeadersAsync()).Fields[":status"]);
        await client.DataAsync(1, "ok", end: true);
        TestClient server = await scene.Upstream.AcceptAsync();
        Assert.DoesNotContain("expect:", await server.ReadHeadAsync());
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void NothingIsTriedAgain_AfterAnInterimResponse(bool http2) => RunAsync(
        async scene =>
        {
            await scene.Client.SendAsync(Get);
            TestClient server = await scene.Upstream.AcceptAsync();
            if (http2)
            {
                var peer = new Http2Peer(server.Stream);
                await peer.StartServerAsync();
                await peer.ReadHeadersAsync();
                await peer.HeadersAsync(1, end: false, (":status", "103"), ("link", "</a>"));
                await peer.HeadersAsync(1, end: true, (":status", "503"));
            }
            else
            {
                await server.ReadHeadAsync();
                await server.SendAsync(Hints + "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
            }

            Assert.StartsWith("HTTP/1.1 103 ", await scene.Client.ReadHeadAsync());
            Assert.StartsWith("HTTP/1.1 503 ", await scene.Client.ReadHeadAsync());
            Assert.Equal(0, scene.Bench.Counter("cluster.backend.upstream_rq_retry"));
        },
        route: static route => route.Route_.RetryPolicy = new RetryPolicy { RetryOn = "5xx,reset", NumRetries = 1 },
        http2: http2);

    // An upstream that never comes to the point must not fill the proxy of a client that reads slowly.
    [Fact]
    public void InterimResponsesWithoutEnd_EndTheRequest() => RunAsync(async scene =>
    {
        await scene.Client.SendAsync(Get);
        TestClient server = await scene.Upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync(string.Concat(Enumerable.Repeat(Hints, 200)));
        string head = await scene.Client.ReadHeadAsync();
        while (head.StartsWith("HTTP/1.1 103 ", StringComparison.Ordinal))
        {
            head = await scene.Client.ReadHeadAsync();
        }

        Assert.StartsWith("HTTP/1.1 502 ", head);
        Assert.Equal("UPE", Assert.Single(scene.Bench.Logged).Flags);
    });

    // Filters saw a response go by; a second one would upset them.
    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 0)]
    public void LocalReply_AfterAnInterimResponse_PassesFiltersBy(bool informed, int seen) => RunAsync(
        async scene =>
        {
            await scene.Client.SendAsync(Get);
            TestClient server = await scene.Upstream.AcceptAsync();
            await server.ReadHeadAsync();
            await server.SendAsync(informed ? Hints : "");
            if (informed)
            {
                await scene.Client.ReadHeadAsync();
            }

            server.Stream.Close();
            string head = await scene.Client.ReadHeadAsync();
            Assert.StartsWith("HTTP/1.1 503 ", head);
            Assert.Equal(seen == 1, head.Contains("x-seen: 1\r\n", StringComparison.Ordinal));
            Assert.Contains("x-mapped: yes\r\n", head);
            Assert.Contains("server: envoy\r\n", head);
            Assert.Equal("UC", Assert.Single(scene.Bench.Logged).Flags);
        },
        static hcm =>
        {
            hcm.HttpFilters.Insert(0, ProxyBench.Filter("mark", new Google.Protobuf.WellKnownTypes.BoolValue()));
            hcm.LocalReplyConfig = ReplyRules();
        });

    private static LocalReplyConfig ReplyRules() => new()
    {
        Mappers =
        {
            new ResponseMapper
            {
                Filter = new Envoy.Config.Accesslog.V3.AccessLogFilter { NotHealthCheckFilter = new() },
                HeadersToAdd =
                {
                    new Envoy.Config.Core.V3.HeaderValueOption { Header = new Envoy.Config.Core.V3.HeaderValue { Key = "x-mapped", Value = "yes" } },
                },
            },
        },
    };

    private static void RunAsync(
        Func<Scene, Task> test, Action<HttpConnectionManager>? configure = null, Action<Route>? route = null, bool http2 = false) =>
        LoopRunner.Run(async loop =>
        {
            using var upstream = new TestUpstream(loop);
            var bench = new ProxyBench(loop);
            bench.Context.Extensions.Register<Pilotfish.Proxy.Http.IHttpFilterFactory>(new MarkingFilterFactory());
            var options = new HttpProtocolOptions { ExplicitHttpConfig = new() };
            if (http2)
            {
                options.ExplicitHttpConfig.Http2ProtocolOptions = new();
            }
            else
            {
                options.ExplicitHttpConfig.HttpProtocolOptions = new();
            }

            bench.AddHttpCluster("backend", options, upstream.Address);
            bench.Serve(configure, route);
            await test(new Scene(bench, upstream, bench.Connect()));
        });

    private sealed record Scene(ProxyBench Bench, TestUpstream Upstream, TestClient Client);
}
