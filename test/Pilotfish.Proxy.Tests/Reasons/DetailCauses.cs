using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Cors.V3;
using Envoy.Extensions.Http.OriginalIpDetection.CustomHeader.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using RetryPolicy = Envoy.Config.Route.V3.RetryPolicy;
using static Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types;

namespace Pilotfish.Proxy.Tests.Reasons;

/// <summary>What sets response code details without a flag: rules of the connection manager, answers of filters, limits.</summary>
internal static class DetailCauses
{
    private const string WebSocket = "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";

    public static IEnumerable<Cause> All { get; } =
    [
        new("upstream answers", "404 - - via_upstream", static async bench =>
        {
            bench.Answers("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
            bench.Http();
            await bench.GetAsync();
        }),
        new("route answers", "204 - - direct_response", static bench =>
            Sends(bench, Get, route: static route => route.DirectResponse = new DirectResponseAction { Status = 204 })),
        new("route redirects", "301 - - direct_response", static bench =>
            Sends(bench, Get, route: static route => route.Redirect = new RedirectAction { HostRedirect = "b" })),
        new("HTTP/1.0", "426 - - low_version", static bench => Sends(bench, "GET / HTTP/1.0\r\nhost: a\r\n\r\n")),
        new("no host", "400 - - missing_host_header", static bench => Sends(bench, "GET / HTTP/1.1\r\n\r\n")),
        new("path without slash", "404 - - absolute_path_rejected", static bench => Sends(bench, "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n")),
        new("escaped slash", "400 - - path_normalization_failed", static bench => Sends(
            bench, "GET /a%2Fb HTTP/1.1\r\nhost: a\r\n\r\n",
            static manager => manager.PathWithEscapedSlashesAction = PathWithEscapedSlashesAction.RejectRequest)),
        new("client's address cannot be told", "403 - - rejecting_because_detection_failed", static bench => Sends(
            bench, Get, static manager => manager.OriginalIpDetectionExtensions.Add(new TypedExtensionConfig
            {
                Name = "header",
                TypedConfig = Any.Pack(new CustomHeaderConfig
                {
                    HeaderName = "x-client", RejectWithStatus = new Envoy.Type.V3.HttpStatus { Code = Envoy.Type.V3.StatusCode.Forbidden },
                }),
            }))),
        // Over HTTP/1.1 such bytes wait in the proxy until the answer: nothing ever leaves early.
        new("CONNECT, and bytes before the answer", "400 - - early_connect_data", static async bench =>
        {
            bench.Upstream(static async server => await server.ReadToEndAsync());
            bench.Http(
                static manager => manager.UpgradeConfigs.Add(new UpgradeConfig { UpgradeType = "CONNECT" }),
                static route => route.Match = new RouteMatch { ConnectMatcher = new RouteMatch.Types.ConnectMatcher() },
                static router => router.RejectConnectRequestEarlyData = true);
            var client = new Http2Peer((await bench.ConnectAsync()).Stream);
            await client.StartClientAsync();
            await client.HeadersAsync(1, false, [(":method", "CONNECT"), (":authority", "a:80")]);
            await client.DataAsync(1, "early", end: false);
        }),
        new("upgrade that is not allowed", "403 - - upgrade_failed", static bench => Sends(bench, WebSocket)),
        new("WebSocket not agreed to", "200 - - websocket_handshake_unsuccessful", static async bench =>
        {
            bench.Answers("HTTP/1.1 200 OK\r\nx-why: no\r\ncontent-length: 4\r\n\r\nbody");
            bench.Http(static manager => manager.UpgradeConfigs.Add(new UpgradeConfig { UpgradeType = "websocket" }));
            TestClient client = await bench.SendAsync(WebSocket);
            string head = await client.ReadHeadAsync();
            Assert.StartsWith("HTTP/1.1 200 ", head, StringComparison.Ordinal);
            Assert.Contains("x-why: no\r\n", head, StringComparison.Ordinal);
            Assert.Contains("content-length: 0\r\n", head, StringComparison.Ordinal);
        }),
        new("WebSocket answered with an error", "403 - - via_upstream", static async bench =>
        {
            bench.Answers("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno");
            bench.Http(static manager => manager.UpgradeConfigs.Add(new UpgradeConfig { UpgradeType = "websocket" }));
            await (await bench.SendAsync(WebSocket)).ReadUntilAsync("\r\n\r\nno");
        }),
        new("preflight", "200 - - cors_response", static bench => Sends(
            bench, "OPTIONS / HTTP/1.1\r\nhost: a\r\norigin: http://x\r\naccess-control-request-method: GET\r\n\r\n",
            static manager => manager.HttpFilters.Insert(0, new HttpFilter { Name = "envoy.filters.http.cors", TypedConfig = Any.Pack(new Cors()) }),
            static route => route.TypedPerFilterConfig["envoy.filters.http.cors"] = Any.Pack(new Envoy.Extensions.Filters.Http.Cors.V3.CorsPolicy
            {
                AllowOriginStringMatch = { new Envoy.Type.Matcher.V3.StringMatcher { Exact = "http://x" } },
            }))),
        new("request too large to buffer", "413 - - request_payload_too_large", static async bench =>
        {
            bench.Cluster();
            Spoilt(bench, "buffer requests");
            await bench.SendAsync($"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5000\r\n\r\n{new string('x', 5000)}");
        }),
        new("response too large to buffer", "500 - - response_payload_too_large", static async bench =>
        {
            bench.Answers($"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{new string('x', 5000)}");
            Spoilt(bench, "buffer responses");
            await bench.GetAsync();
        }),
        new("request outgrows the retry buffer", "507 - - request_payload_exceeded_retry_buffer_limit", static async bench =>
        {
            bench.Answers("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
            bench.Http(
                route: static route => route.Route_.RetryPolicy = new RetryPolicy { RetryOn = "5xx", NumRetries = 1 },
                listener: static listener => listener.PerConnectionBufferLimitBytes = 1000);
            TestClient client = await bench.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5000\r\n\r\nx");
            await bench.UntilAsync(() => bench.Fixture.Counter("cluster.c.upstream_rq_retry") == 1);
            await client.SendAsync(new string('x', 4000));
        }),
        new("filter removes the path", "503 DPE DownstreamProtocolError filter_removed_required_request_headers{missing_required_header:_:path}",
            static async bench =>
            {
                bench.Cluster(null, bench.Dead());
                Spoilt(bench, "remove :path");
                await bench.GetAsync();
            }),
        new("filter removes the status", "502 - - filter_removed_required_response_headers{missing_required_header:_:status}", static async bench =>
        {
            bench.Answers("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody");
            Spoilt(bench, "remove :status");
            Assert.StartsWith("HTTP/1.1 502 ", await (await bench.GetAsync()).ReadHeadAsync(), StringComparison.Ordinal);
        }),
        new("request lasts too long", "504 - - max_duration_timeout", static bench => FlagCauses.TimesOut(
            bench, manager: static manager => manager.CommonHttpProtocolOptions = new() { MaxStreamDuration = FlagCauses.Milliseconds(50) })),
        new("request is not sent whole in time", "408 - - request_overall_timeout", static bench => FlagCauses.TimesOut(
            bench, manager: static manager => manager.RequestTimeout = FlagCauses.Milliseconds(50),
            request: "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n")),
        new("head is not sent whole in time", "408 - - request_header_timeout", static async bench =>
        {
            bench.Http(static manager => manager.RequestHeadersTimeout = FlagCauses.Milliseconds(50));
            await bench.SendAsync("GET / HTTP/1.1\r\nho");
            await bench.UntilAsync(() => bench.Fixture.Counter("http.h.downstream_cx_rx_bytes_total") > 0);
            bench.Advance(51);
        }),
        new("request outlasts the drain time",
            "0 DC DownstreamConnectionTermination downstream_local_disconnect(deferred_close_on_drained_connection)", static async bench =>
            {
                await FlagCauses.Waits(bench);
                await bench.DrainAsync();
            }),
        new("internal redirect", "302 - - internal_redirect", static async bench =>
        {
            bench.Answers("HTTP/1.1 302 Found\r\nlocation: http://a/new\r\ncontent-length: 0\r\n\r\n");
            bench.Http(route: static route => route.Route_.InternalRedirectPolicy = new InternalRedirectPolicy());
            await bench.GetAsync();
        }),
        new("routes have not come", "404 NR NoRouteFound route_configuration_not_found", static async bench =>
        {
            bench.Http(static manager => manager.Rds = new Rds
            {
                ConfigSource = new ConfigSource { Ads = new AggregatedConfigSource() }, RouteConfigName = "r",
            });

            bench.FetchTimesOut("r");
            await bench.GetAsync();
        }),
    ];

    private const string Get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

    private static async Task Sends(CauseBench bench, string request, Action<HttpConnectionManager>? manager = null, Action<Route>? route = null)
    {
        bench.Cluster();
        bench.Http(manager, route);
        await bench.SendAsync(request);
    }

    private static void Spoilt(CauseBench bench, string does) => bench.Http(
        manager => manager.HttpFilters.Insert(0, new HttpFilter { Name = "spoils", TypedConfig = CauseBench.Packed(does) }),
        listener: static listener => listener.PerConnectionBufferLimitBytes = 1000);
}
