using System.Globalization;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;
using Router = Envoy.Extensions.Filters.Http.Router.V3.Router;
using Transformation = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types.ServerHeaderTransformation;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>What a connection manager and the router do to heads on their way, setting by setting.</summary>
public sealed class HcmHeaderRuleTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n";
    private const string None = "HTTP/1.1 204 None\r\n";

    // RFC 9110 section 7.6.1, with Envoy's bounds.
    [Theory]
    [InlineData("Connection: x-hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5", "x-hop", "keep-alive")]
    [InlineData("Proxy-Connection: keep-alive", "proxy-connection", "keep-alive")]
    [InlineData("Upgrade: websocket", "upgrade", "websocket")]
    [InlineData("TE: gzip", "\nte:", "gzip")]
    [InlineData("x-envoy-internal: true", "x-envoy-internal", "x-envoy-internal")]
    [InlineData("x-envoy-retry-on: 5xx\r\nx-envoy-upstream-rq-timeout-ms: 1", "x-envoy-retry-on", "rq-timeout-ms: 1")]
    public void RequestHeaders_OfTheClientsHopOrOfInsiders_StayHere(string sent, string gone, string alsoGone) => LoopRunner.Run(async loop =>
    {
        string head = await UpstreamHeadAsync(loop, static _ => { }, $"{Get}{sent}\r\n\r\n");
        Assert.DoesNotContain(gone, head);
        Assert.DoesNotContain(alsoGone, head);
    });

    [Theory]
    [InlineData("TE: gzip, trailers", "\r\nte: trailers\r\n")]
    [InlineData("X-Forwarded-Proto: https", "\r\nx-forwarded-proto: https\r\n")]
    [InlineData("X-Other: 1", "\r\nx-forwarded-proto: http\r\n")]
    [InlineData("Connection: x-a\u00BF\r\nX-A: 1", "\r\nx-a: 1\r\n")]
    public void RequestHeaders_ThatGoOn(string sent, string expected) => LoopRunner.Run(async loop =>
        Assert.Contains(expected, await UpstreamHeadAsync(loop, static _ => { }, $"{Get}{sent}\r\n\r\n")));

    [Fact]
    public void ForwardedProto_AtTheEdge_IsTheConnections() => LoopRunner.Run(async loop =>
        Assert.Contains("\r\nx-forwarded-proto: http\r\n", await UpstreamHeadAsync(
            loop, static hcm => hcm.UseRemoteAddress = true, Get + "X-Forwarded-Proto: https\r\n\r\n")));

    [Fact]
    public void SkipXffAppend_LeavesTheHeaderAlone() => LoopRunner.Run(async loop =>
    {
        string head = await UpstreamHeadAsync(loop, static hcm =>
        {
            hcm.UseRemoteAddress = true;
            hcm.SkipXffAppend = true;
        }, Get + "X-Forwarded-For: 1.1.1.1\r\n\r\n");
        Assert.Contains("\r\nx-forwarded-for: 1.1.1.1\r\n", head);
        Assert.Contains("\r\nx-envoy-external-address: 10.0.0.9\r\n", head);
    });

    [Theory]
    [InlineData("", "80")]
    [InlineData("X-Forwarded-Port: 7\r\n", "7")]
    public void AppendXForwardedPort_UnlessThereIsOne(string sent, string port) => LoopRunner.Run(async loop =>
        Assert.Contains($"\r\nx-forwarded-port: {port}\r\n", await UpstreamHeadAsync(
            loop, static hcm => hcm.AppendXForwardedPort = true, $"{Get}{sent}\r\n")));

    [Fact]
    public void SchemeToOverwrite_IsWhatFiltersSee() => LoopRunner.Run(async loop =>
    {
        string head = await UpstreamHeadAsync(loop, static hcm =>
        {
            hcm.SchemeHeaderTransformation = new() { SchemeToOverwrite = "https" };
            hcm.RouteConfig.VirtualHosts[0].Routes[0].RequestHeadersToAdd.Add(new HeaderValueOption
            {
                Header = new HeaderValue { Key = "x-scheme", Value = "%REQ(:SCHEME)%" },
            });
        }, Get + "\r\n");
        Assert.Contains("\r\nx-scheme: https\r\n", head);
    });

    [Fact]
    public void InternalOnlyHeaders_OfOutsiders_StayHere() => LoopRunner.Run(async loop =>
        Assert.DoesNotContain("x-debug", await UpstreamHeadAsync(
            loop, static hcm => hcm.RouteConfig.InternalOnlyHeaders.Add("X-Debug"), Get + "x-debug: 1\r\n\r\n")));

    [Theory]
    [InlineData(false, "100 Continue", false)]
    [InlineData(true, "", true)]
    public void Expect_IsAnsweredHere_UnlessItIsTheUpstreams(bool proxied, string answer, bool forwarded) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(hcm => hcm.Proxy100Continue = proxied);
        TestClient client = bench.Connect();
        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
        TestClient server = await upstream.AcceptAsync();
        Assert.Equal(forwarded, (await server.ReadHeadAsync()).Contains("expect: 100-continue\r\n", StringComparison.Ordinal));
        if (answer.Length > 0)
        {
            Assert.StartsWith("HTTP/1.1 " + answer, await client.ReadHeadAsync());
        }
        else
        {
            await server.SendAsync("HTTP/1.1 100 Continue\r\n\r\n");
            Assert.StartsWith("HTTP/1.1 100 Continue", await client.ReadHeadAsync());
        }

        await client.SendAsync("ok");
        Assert.Equal("ok", await server.ReadBytesAsync(2));
        await server.SendAsync(None + "\r\n");
        Assert.StartsWith("HTTP/1.1 204 ", await client.ReadHeadAsync());
    });

    [Theory]
    [InlineData(Transformation.Overwrite, "server: up\r\n", "server: proxy\r\n")]
    [InlineData(Transformation.AppendIfAbsent, "server: up\r\n", "server: up\r\n")]
    [InlineData(Transformation.AppendIfAbsent, "", "server: proxy\r\n")]
    [InlineData(Transformation.PassThrough, "server: up\r\n", "server: up\r\n")]
    [InlineData(Transformation.PassThrough, "", "")]
    public void Server_IsNamedAsConfigured(Transformation rule, string sent, string expected) => LoopRunner.Run(async loop =>
    {
        string head = await ClientHeadAsync(loop, hcm =>
        {
            hcm.ServerName = "proxy";
            hcm.ServerHeaderTransformation = rule;
        }, Get + "\r\n", $"{None}{sent}\r\n");
        int at = head.IndexOf("server: ", StringComparison.Ordinal);
        Assert.Equal(expected, at < 0 ? "" : head[at..(head.IndexOf('\n', at) + 1)]);
    });

    [Fact]
    public void ResponseHeaders_OfTheUpstreamsHop_StayHere_DateIsAdded() => LoopRunner.Run(async loop =>
    {
        string head = await ClientHeadAsync(
            loop, static _ => { }, Get + "\r\n", None + "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\n\r\n");
        Assert.DoesNotContain("keep-alive", head);
        Assert.DoesNotContain("proxy-connection", head);
        Assert.Matches("\r\ndate: [A-Z][a-z]{2}, [0-9]{2} ", head);
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void RequestId_InTheResponse_WhenAlwaysSet(bool always) => LoopRunner.Run(async loop =>
    {
        string head = await ClientHeadAsync(
            loop, hcm => hcm.AlwaysSetRequestIdInResponse = always, Get + "x-request-id: abc\r\n\r\n", None + "\r\n");
        Assert.Equal(always, head.Contains("x-request-id: abc\r\n", StringComparison.Ordinal));
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void SuppressEnvoyHeaders_LeavesThemOut(bool suppressed) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(hcm =>
        {
            hcm.HttpFilters.Clear();
            hcm.HttpFilters.Add(ProxyBench.Filter("router", new Router { SuppressEnvoyHeaders = suppressed }));
            hcm.RouteConfig.VirtualHosts[0].Routes[0].Route_.Timeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(9));
            hcm.RouteConfig.VirtualHosts[0].Routes[0].Route_.PrefixRewrite = "/new";
        });
        TestClient client = bench.Connect();
        await client.SendAsync(Get + "\r\n");
        TestClient server = await upstream.AcceptAsync();
        string asked = await server.ReadHeadAsync();
        await server.SendAsync(None + "\r\n");
        string answer = await client.ReadHeadAsync();
        Assert.Equal(!suppressed, asked.Contains("x-envoy-expected-rq-timeout-ms: 9000\r\n", StringComparison.Ordinal));
        Assert.Equal(!suppressed, asked.Contains("x-envoy-original-path: /\r\n", StringComparison.Ordinal));
        Assert.Equal(!suppressed, answer.Contains("x-envoy-upstream-service-time: ", StringComparison.Ordinal));
    });

    [Theory]
    [InlineData(false, "config")]
    [InlineData(true, "route")]
    public void HeaderMutations_OfSeveralLevels_LastOneWins(bool mostSpecific, string winner) => LoopRunner.Run(async loop =>
    {
        string head = await UpstreamHeadAsync(loop, hcm =>
        {
            RouteConfiguration config = hcm.RouteConfig;
            config.MostSpecificHeaderMutationsWins = mostSpecific;
            config.RequestHeadersToAdd.Add(Overwrite("config"));
            config.VirtualHosts[0].RequestHeadersToAdd.Add(Overwrite("host"));
            config.VirtualHosts[0].Routes[0].RequestHeadersToAdd.Add(Overwrite("route"));
        }, Get + "\r\n");
        Assert.Contains($"\r\nx-level: {winner}\r\n", head);
    });

    [Theory]
    [InlineData(false, "")]
    [InlineData(true, "\r\nx-forwarded-host: a\r\n")]
    public void HostRewrite_KeepsTheOriginalHost(bool append, string forwarded) => LoopRunner.Run(async loop =>
    {
        string head = await UpstreamHeadAsync(loop, hcm =>
        {
            hcm.RouteConfig.VirtualHosts[0].Routes[0].Route_.HostRewriteLiteral = "b";
            hcm.RouteConfig.VirtualHosts[0].Routes[0].Route_.AppendXForwardedHost = append;
        }, Get + "\r\n");
        Assert.Contains("\r\nhost: b\r\n", head);
        Assert.Contains("\r\nx-envoy-original-host: a\r\n", head);
        Assert.Contains(forwarded, head);
        Assert.Equal(append, head.Contains("x-forwarded-host", StringComparison.Ordinal));
    });

    [Theory]
    [InlineData("GET / HTTP/1.0\r\n\r\n", "\r\nhost: fallback\r\n")]
    [InlineData("GET / HTTP/1.0\r\nHost: own\r\n\r\n", "\r\nhost: own\r\n")]
    public void Http10_WhereAccepted_HasADefaultHost(string request, string expected) => LoopRunner.Run(async loop =>
        Assert.Contains(expected, await UpstreamHeadAsync(
            loop, static hcm => hcm.HttpProtocolOptions = new() { AcceptHttp10 = true, DefaultHostForHttp10 = "fallback" }, request)));

    [Theory]
    [InlineData(900, 3, "204")]
    [InlineData(1100, 3, "431")]
    [InlineData(10, 20, "431")]
    public void RequestHead_BeyondTheLimits_Is431(int bytes, int headers, string status) => LoopRunner.Run(async loop =>
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(Limits);
        TestClient client = bench.Connect();
        await client.SendAsync($"{Get}x: {new string('x', bytes)}\r\n{Many(headers)}\r\n");
        if (status == "204")
        {
            TestClient server = await upstream.AcceptAsync();
            await server.ReadHeadAsync();
            await server.SendAsync(None + "\r\n");
        }

        Assert.StartsWith($"HTTP/1.1 {status} ", await client.ReadHeadAsync());
    });

    [Fact]
    public void RequestHead_BeyondTheLimits_OverHttp2_EndsItsStream() => LoopRunner.Run(async loop =>
    {
        var bench = new ProxyBench(loop);
        bench.Serve(Limits);
        var client = new Http2Peer(bench.Connect().Stream);
        await client.StartClientAsync();
        await client.HeadersAsync(1, end: true, (":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("x", new string('x', 1100)));
        Assert.Equal(Http2ErrorCode.INTERNAL_ERROR, await client.ReadResetAsync());
        await client.GetAsync(3);
        Assert.Equal("503", (await client.ReadHeadersAsync()).Fields[":status"]);
    });

    private static void Limits(HttpConnectionManager hcm)
    {
        hcm.MaxRequestHeadersKb = 1;
        hcm.CommonHttpProtocolOptions = new() { MaxHeadersCount = 12 };
    }

    private static string Many(int headers)
    {
        string all = "";
        for (int i = 0; i < headers; i++)
        {
            all += string.Create(CultureInfo.InvariantCulture, $"x{i}: 1\r\n");
        }

        return all;
    }

    private static HeaderValueOption Overwrite(string value) => new()
    {
        Header = new HeaderValue { Key = "x-level", Value = value },
        AppendAction = HeaderValueOption.Types.HeaderAppendAction.OverwriteIfExistsOrAdd,
    };

    private static async Task<string> UpstreamHeadAsync(EventLoop loop, Action<HttpConnectionManager> configure, string request)
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(configure);
        await bench.Connect().SendAsync(request);
        return await (await upstream.AcceptAsync()).ReadHeadAsync();
    }

    private static async Task<string> ClientHeadAsync(EventLoop loop, Action<HttpConnectionManager> configure, string request, string answer)
    {
        using var upstream = new TestUpstream(loop);
        var bench = new ProxyBench(loop);
        bench.AddCluster("backend", upstream.Address);
        bench.Serve(configure);
        TestClient client = bench.Connect();
        await client.SendAsync(request);
        TestClient server = await upstream.AcceptAsync();
        await server.ReadHeadAsync();
        await server.SendAsync(answer);
        return await client.ReadHeadAsync();
    }
}
