using System.Net;
using Istio.Networking.Nds.V1;
using Pilotfish.Agent.Dns;
using Pilotfish.Agent.Health;
using Pilotfish.Proxy.Http1.InternalServer;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Agent.Tests.Health;

public sealed class StatusServerTests
{
    private readonly FakeDataPlane _dataPlane = new();
    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false });
    private int _quits;
    private int _drains;

    [Fact]
    public void Readiness_FollowsTheDataPlane() => LoopRunner.Run(async loop =>
    {
        using StatusServer server = Start(loop, Options(), out string url);
        _dataPlane.NotReadyReason = "config received from XDS server, but was rejected";

        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await _client.GetAsync(url + "/healthz/ready")).StatusCode);
        _dataPlane.NotReadyReason = null;
        Assert.Equal(HttpStatusCode.OK, (await _client.GetAsync(url + "/healthz/ready")).StatusCode);
    });

    [Fact]
    public void Readiness_WaitsForTheNameTable() => LoopRunner.Run(async loop =>
    {
        var dns = new DnsProxy(loop, new DnsProxyOptions
        {
            ProxyNamespace = "default",
            ProxyDomain = "default.svc.cluster.local",
            Resolver = new ResolverConfig([], []),
        });
        using StatusServer server = Start(loop, Options() with { Dns = dns }, out string url);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await _client.GetAsync(url + "/healthz/ready")).StatusCode);
        dns.Update(new NameTable());
        Assert.Equal(HttpStatusCode.OK, (await _client.GetAsync(url + "/healthz/ready")).StatusCode);
    });

    [Fact]
    public void Commands_NeedPost() => LoopRunner.Run(async loop =>
    {
        using StatusServer server = Start(loop, Options(), out string url);

        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await _client.GetAsync(url + "/quitquitquit")).StatusCode);
        Assert.Equal("OK", await (await _client.PostAsync(url + "/drain", null)).Content.ReadAsStringAsync());
        Assert.Equal("OK", await (await _client.PostAsync(url + "/quitquitquit", null)).Content.ReadAsStringAsync());
        Assert.Equal((1, 1), (_drains, _quits));
    });

    [Fact]
    public void Metrics_AreAgentThenProxyThenApplication() => LoopRunner.Run(async loop =>
    {
        string seenAccept = "";
        InternalHttpServer app = App(loop, (request, response) =>
        {
            seenAccept = request.Headers.TryGet("accept"u8, out ReadOnlySpan<byte> accept) ? System.Text.Encoding.ASCII.GetString(accept) : "";
            response.ContentType = "application/openmetrics-text; version=1.0.0";
            response.Write("app_metric 1\n# EOF\n");
        }, out int port);
        ScrapeConfig? scrape = ScrapeConfig.Read($$"""{"scrape":"true","port":"{{port}}","path":"/m"}""", 15020);
        using StatusServer server = Start(loop, Options() with { Scrape = scrape }, out string url);
        using var request = new HttpRequestMessage(HttpMethod.Get, url + "/stats/prometheus?usedonly");
        request.Headers.TryAddWithoutValidation("Accept", "application/vnd.google.protobuf,application/openmetrics-text;version=1.0.0;q=0.8,*/*;q=0.1");

        HttpResponseMessage response = await _client.SendAsync(request);
        string body = await response.Content.ReadAsStringAsync();

        Assert.Equal("application/openmetrics-text; version=1.0.0; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        Assert.Contains("istio_agent_scrapes_total 1\n", body, StringComparison.Ordinal);
        Assert.EndsWith("envoy_server_live{query=\"usedonly\"} 1\napp_metric 1\n# EOF\n", body, StringComparison.Ordinal);
        Assert.Equal("application/openmetrics-text;version=1.0.0;q=0.2,text/plain;version=0.0.4;q=0.1", seenAccept.Replace(", ", ",").Replace("; ", ";"));
        app.Close();
    });

    [Fact]
    public void Metrics_OfADeadApplication_AreCountedAndLeftOut() => LoopRunner.Run(async loop =>
    {
        App(loop, (_, _) => { }, out int port).Close();
        ScrapeConfig? scrape = ScrapeConfig.Read($$"""{"scrape":"true","port":"{{port}}"}""", 15020);
        using StatusServer server = Start(loop, Options() with { Scrape = scrape }, out string url);

        string body = await _client.GetStringAsync(url + "/metrics");

        Assert.Contains("istio_agent_scrape_failures_total{type=\"application\"} 1", body, StringComparison.Ordinal);
        Assert.Contains("envoy_server_live", body, StringComparison.Ordinal);
    });

    [Fact]
    public void HttpProbe_ReachesTheApplicationWithItsPortInHost() => LoopRunner.Run(async loop =>
    {
        string seen = "";
        InternalHttpServer app = App(loop, (request, response) =>
        {
            string host = request.Headers.TryGet(Proxy.Http.WellKnownHeader.Authority, out ReadOnlySpan<byte> a)
                ? System.Text.Encoding.ASCII.GetString(a)
                : request.Headers.GetText(Proxy.Http.WellKnownHeader.Host) ?? "";
            seen = $"{request.Method} {request.Path}?{request.QueryText} {host} "
                + (request.Headers.TryGet("x-probe"u8, out ReadOnlySpan<byte> v) ? System.Text.Encoding.ASCII.GetString(v) : "");
            response.Status = 418;
            response.Write("short and stout");
        }, out int port);
        StatusServerOptions options = Options() with
        {
            Probes = AppProbeReader.Read(
                """{"/app-health/web/livez":{"httpGet":{"path":"ok?full=1","port":PORT},"timeoutSeconds":5}}""".Replace("PORT", $"{port}")),
        };
        using StatusServer server = Start(loop, options, out string url);
        using var request = new HttpRequestMessage(HttpMethod.Get, url + "/app-health/web/livez");
        request.Headers.Host = "10.1.1.1:15020";
        request.Headers.Add("X-Probe", "kubelet");

        HttpResponseMessage response = await _client.SendAsync(request);

        Assert.Equal(418, (int)response.StatusCode);
        Assert.Equal("short and stout", await response.Content.ReadAsStringAsync());
        Assert.Equal($"GET /ok?full=1 10.1.1.1:{port} kubelet", seen);
        app.Close();
    });

    [Theory]
    [InlineData("http://elsewhere.example/", 200, 1)]
    [InlineData("/again", 500, 11)]
    public void HttpProbe_FollowsRedirectsOnTheSameHostAlone(string location, int status, int requests) => LoopRunner.Run(async loop =>
    {
        int seen = 0;
        InternalHttpServer app = App(loop, (_, response) =>
        {
            seen++;
            response.Status = 302;
            response.Headers.Set("location"u8, System.Text.Encoding.ASCII.GetBytes(location));
        }, out int port);
        StatusServerOptions options = Options() with
        {
            Probes = AppProbeReader.Read("""{"/app-health/web/readyz":{"httpGet":{"path":"/","port":PORT}}}""".Replace("PORT", $"{port}")),
        };
        using StatusServer server = Start(loop, options, out string url);

        HttpResponseMessage response = await _client.GetAsync(url + "/app-health/web/readyz");

        Assert.Equal((status, requests), ((int)response.StatusCode, seen));
        app.Close();
    });

    [Fact]
    public void TcpProbe_SaysWhetherThePortIsOpen() => LoopRunner.Run(async loop =>
    {
        InternalHttpServer app = App(loop, (_, _) => { }, out int port);
        StatusServerOptions options = Options() with
        {
            Probes = AppProbeReader.Read("""{"/app-health/web/livez":{"tcpSocket":{"port":PORT},"timeoutSeconds":2}}""".Replace("PORT", $"{port}")),
        };
        using StatusServer server = Start(loop, options, out string url);

        Assert.Equal(HttpStatusCode.OK, (await _client.GetAsync(url + "/app-health/web/livez")).StatusCode);
        app.Close();
        Assert.Equal(HttpStatusCode.InternalServerError, (await _client.GetAsync(url + "/app-health/web/livez")).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await _client.GetAsync(url + "/app-health/other/livez")).StatusCode);
    });

    [Theory]
    [InlineData("""{"/app-health/web/livez":{"httpGet":{"port":"http"}}}""")]
    [InlineData("""{"/app-health/web/livez":{"httpGet":{"port":80},"tcpSocket":{"port":80}}}""")]
    [InlineData("""{"/else/web/livez":{"tcpSocket":{"port":80}}}""")]
    [InlineData("""{"/app-health""")]
    public void Probes_ThatTheInjectorNeverWrites_AreRefused(string json)
    {
        Assert.Throws<Agent.Bootstrap.AgentConfigException>(() => AppProbeReader.Read(json));
    }

    [Theory]
    [InlineData("15020")]
    [InlineData("15090")]
    [InlineData("0")]
    public void ScrapeOfAReservedPort_IsRefused(string port)
    {
        Assert.Throws<Agent.Bootstrap.AgentConfigException>(() => ScrapeConfig.Read($$"""{"scrape":"true","port":"{{port}}"}""", 15020));
    }

    [Theory]
    [InlineData(5)]
    [InlineData(-5)]
    public void WallClockJumps_ASlowProbeIsWaitedForAsLong(int hours)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var arrived = new TaskCompletionSource();
            var never = new TaskCompletionSource();
            var app = new InternalHttpServer(loop, async (_, _) =>
            {
                arrived.SetResult();
                await never.Task;
            });
            Assert.Equal(IoError.None, app.Listen(NetAddress.Loopback(0), out NetAddress bound));
            StatusServerOptions options = Options() with
            {
                Probes = AppProbeReader.Read(
                    """{"/app-health/web/livez":{"httpGet":{"port":PORT},"timeoutSeconds":3600}}""".Replace("PORT", $"{bound.Port}")),
            };
            using StatusServer server = Start(loop, options, out string url);
            Task<HttpResponseMessage> probe = _client.GetAsync(url + "/app-health/web/livez");
            await arrived.Task;
            clock.JumpWall(TimeSpan.FromHours(hours));
            clock.Advance(TimeSpan.FromSeconds(3599));
            await loop.YieldAsync();
            await loop.YieldAsync();
            Assert.False(probe.IsCompleted);
            clock.Advance(TimeSpan.FromSeconds(2));

            HttpResponseMessage response = await probe;
            Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
            Assert.Contains("no answer within 01:00:00", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            app.Close();
        });
    }

    private StatusServerOptions Options() => new()
    {
        DataPlane = _dataPlane,
        ProbeDestination = "127.0.0.1",
        BindProbeSource = false,
        Quit = () => _quits++,
        Drain = () => _drains++,
    };

    private static StatusServer Start(EventLoop loop, StatusServerOptions options, out string url)
    {
        var server = new StatusServer(loop, options);
        Assert.Equal(IoError.None, server.Listen(NetAddress.Loopback(0), out NetAddress bound));
        url = $"http://{bound}";
        return server;
    }

    private static InternalHttpServer App(EventLoop loop, Action<InternalRequest, InternalResponse> handler, out int port)
    {
        var app = new InternalHttpServer(loop, (request, response) =>
        {
            handler(request, response);
            return default;
        });
        Assert.Equal(IoError.None, app.Listen(NetAddress.Loopback(0), out NetAddress bound));
        port = bound.Port;
        return app;
    }
}
