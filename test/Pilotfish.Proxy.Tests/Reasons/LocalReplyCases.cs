using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Fault.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http2;
using HttpProtocolOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;
using RetryPolicy = Envoy.Config.Route.V3.RetryPolicy;

namespace Pilotfish.Proxy.Tests.Reasons;

/// <summary>What a proxy answers itself: the table of Envoy's local replies, a row for each.</summary>
internal static class LocalReplyCases
{
    private const string HttpOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    private const string Reset = "upstream connect error or disconnect/reset before headers. reset reason: ";
    private const string ResetAgain = "upstream connect error or disconnect/reset before headers. retried and the latest reset reason: ";
    private const string Before = "upstream_reset_before_response_started";

    public static IReadOnlyList<LocalReplyCase> All { get; } =
    [
        new("no route", 404, "", "NR", "route_not_found", static bench =>
            bench.Http(route: static route => route.Match = new RouteMatch { Path = "/other" })),
        new("routes have not come", 404, "", "NR", "route_configuration_not_found", static bench =>
        {
            bench.Http(static manager => manager.Rds = new Rds
            {
                ConfigSource = new ConfigSource { Ads = new AggregatedConfigSource() }, RouteConfigName = "r",
            });
            bench.FetchTimesOut("r");
        }),
        new("no cluster", 503, "", "NC", "cluster_not_found", static bench => bench.Http()),
        new("no cluster, answered with 404", 404, "", "NC", "cluster_not_found", static bench => bench.Http(route: static route =>
            route.Route_.ClusterNotFoundResponseCode = RouteAction.Types.ClusterNotFoundResponseCode.NotFound)),
        new("no cluster, answered with 500", 500, "", "NC", "cluster_not_found", static bench => bench.Http(route: static route =>
            route.Route_.ClusterNotFoundResponseCode = RouteAction.Types.ClusterNotFoundResponseCode.InternalServerError)),
        new("no cluster header", 503, "", "NC", "cluster_not_found", static bench =>
            bench.Http(route: static route => route.Route_.ClusterHeader = "x-cluster")),
        new("maintenance", 503, "maintenance mode", "UO", "maintenance_mode", static bench =>
        {
            bench.Fixture.Context.Runtime.Replace(new Dictionary<string, string> { ["upstream.maintenance_mode.c"] = "100" });
            bench.Cluster(null, bench.Dead());
            bench.Http();
        }) { Header = ("x-envoy-overloaded", "true") },
        new("dropped", 503, "drop overload", "DO", "drop_overload", static bench => Drops(bench, 999_999))
        {
            Header = ("x-envoy-drop-overload", "true"),
        },
        new("all dropped", 503, "unconditional drop overload", "UDO", "unconditional_drop_overload", static bench => Drops(bench, 1_000_000))
        {
            Header = ("x-envoy-unconditional-drop-overload", "true"),
        },
        new("no host", 503, "no healthy upstream", "UH", "no_healthy_upstream", static bench =>
        {
            bench.Cluster();
            bench.Http();
        }),
        new("breaker open", 503, Reset + "overflow", "UO", $"{Before}{{overflow}}", static bench =>
        {
            bench.Cluster(Breaks, bench.Dead());
            bench.Http();
        }) { Header = ("x-envoy-overloaded", "true") },
        new("breaker open, own headers suppressed", 503, Reset + "overflow", "UO", $"{Before}{{overflow}}", static bench =>
        {
            bench.Cluster(Breaks, bench.Dead());
            bench.Http(router: static router => router.SuppressEnvoyHeaders = true);
        }) { AbsentHeader = "x-envoy-overloaded" },
        new("connection refused", 503, Reset + "remote connection failure, transport failure reason: delayed connect error: Connection refused",
            "UF", $"{Before}{{remote_connection_failure|delayed_connect_error:_Connection_refused}}", static bench =>
            {
                bench.Cluster(null, bench.Dead());
                bench.Http();
            }),
        new("connection refused twice", 503, ResetAgain + "remote connection failure, transport failure reason: delayed connect error: Connection refused",
            "UF,URX", $"{Before}{{remote_connection_failure|delayed_connect_error:_Connection_refused}}", static bench =>
            {
                bench.Cluster(null, bench.Dead());
                bench.Http(route: static route => route.Route_.RetryPolicy = new RetryPolicy { RetryOn = "connect-failure", NumRetries = 1 });
            }) { Waits = true },
        new("connection times out", 503, Reset + "connection timeout", "UF", $"{Before}{{connection_timeout}}", static bench =>
        {
            bench.Cluster(static cluster => cluster.ConnectTimeout = FlagCauses.Milliseconds(50), FullBacklog.Address);
            bench.Http();
        }) { Waits = true },
        new("host closes", 503, Reset + "connection termination", "UC", $"{Before}{{connection_termination}}", static bench =>
        {
            bench.Answers("", closes: true);
            bench.Http();
        }),
        new("host resets the stream", 503, Reset + "remote reset", "UR", $"{Before}{{remote_reset}}", static bench =>
            ResetsStream(bench, Http2ErrorCode.CANCEL)),
        new("host refuses the stream", 503, Reset + "remote refused stream reset", "UR", $"{Before}{{remote_refused_stream_reset}}", static bench =>
            ResetsStream(bench, Http2ErrorCode.REFUSED_STREAM)),
        new("host speaks no HTTP", 502, Reset + "protocol error", "UPE", $"{Before}{{protocol_error}}", static bench =>
        {
            bench.Answers("SSH-2.0-x\r\n\r\n");
            bench.Http();
        }),
        new("host is slow", 504, "upstream request timeout", "UT", "response_timeout", static bench =>
            Hangs(bench, static route => route.Route_.Timeout = FlagCauses.Milliseconds(50))) { Waits = true, Arrives = true },
        new("host is slow, other status", 204, "", "UT", "response_timeout", static bench =>
            Hangs(bench, static route => route.Route_.Timeout = FlagCauses.Milliseconds(50))) { Waits = true, Arrives = true, RequestHeader = ("x-envoy-upstream-rq-timeout-alt-response", "1") },
        new("try is slow", 504, "upstream request timeout", "UT", "upstream_per_try_timeout", static bench =>
            Hangs(bench, static route => route.Route_.RetryPolicy = new RetryPolicy { PerTryTimeout = FlagCauses.Milliseconds(50) })) { Waits = true, Arrives = true },
        new("stream is idle", 504, "stream timeout", "SI", "stream_idle_timeout", static bench =>
            Hangs(bench, manager: static manager => manager.StreamIdleTimeout = FlagCauses.Milliseconds(50))) { Waits = true, Arrives = true },
        new("stream is too long", 504, "downstream duration timeout", "-", "max_duration_timeout", static bench =>
            Hangs(bench, manager: static manager => manager.CommonHttpProtocolOptions = new() { MaxStreamDuration = FlagCauses.Milliseconds(50) }))
        {
            Waits = true, Arrives = true, GrpcStatus = 4,
        },
        new("upstream stream is too long", 504, "upstream max stream duration reached", "UMSDR", "upstream_max_stream_duration_reached", static bench =>
            Hangs(bench, cluster: static cluster => cluster.TypedExtensionProtocolOptions[HttpOptions] = Any.Pack(new HttpProtocolOptions
            {
                ExplicitHttpConfig = new() { HttpProtocolOptions = new() },
                CommonHttpProtocolOptions = new() { MaxStreamDuration = FlagCauses.Milliseconds(50) },
            }))) { Waits = true, Arrives = true },
        new("header is no number", 400, "invalid header 'x-envoy-max-retries' with value 'ten'", "IH",
            "request_headers_failed_strict_check{x-envoy-max-retries}", static bench =>
            {
                bench.Cluster(null, bench.Dead());
                bench.Http(ForInsiders, router: static router => router.StrictCheckHeaders.Add("x-envoy-max-retries"));
            }) { RequestHeader = ("x-envoy-max-retries", "ten") },
        new("fault", 418, "fault filter abort", "FI", "fault_filter_abort", static bench =>
            bench.Http(static manager => manager.HttpFilters.Insert(0, new HttpFilter
            {
                Name = "envoy.filters.http.fault",
                TypedConfig = Any.Pack(new HTTPFault
                {
                    Abort = new FaultAbort { HttpStatus = 418, Percentage = new Envoy.Type.V3.FractionalPercent { Numerator = 100 } },
                }),
            }))),
        new("overloaded", 503, "envoy overloaded", "OM", "overload", static bench =>
        {
            bench.Http();
            bench.Fixture.Context.Overload.StopAcceptingRequests.Set(1);
        }),
        new("direct response", 401, "not you: 100 %", "-", "direct_response", static bench => bench.Http(route: static route =>
            route.DirectResponse = new DirectResponseAction { Status = 401, Body = new DataSource { InlineString = "not you: 100 %" } })),
        new("direct response without a body", 429, "", "-", "direct_response", static bench => bench.Http(route: static route =>
            route.DirectResponse = new DirectResponseAction { Status = 429 })),
        new("redirect", 302, "", "-", "direct_response", static bench => bench.Http(route: static route =>
            route.Redirect = new RedirectAction { PathRedirect = "/there", ResponseCode = RedirectAction.Types.RedirectResponseCode.Found }))
        {
            Header = ("location", "http://a/there"),
        },
    ];

    private static void Breaks(Cluster cluster) => cluster.CircuitBreakers = new CircuitBreakers
    {
        Thresholds = { new CircuitBreakers.Types.Thresholds { MaxPendingRequests = 0 } },
    };

    // A client outside of the mesh could not steer the router at all: its headers are removed.
    private static void ForInsiders(HttpConnectionManager manager) => manager.InternalAddressConfig = new()
    {
        CidrRanges = { new CidrRange { AddressPrefix = "10.0.0.0", PrefixLen = 8 } },
    };

    private static void Hangs(
        CauseBench bench, Action<Route>? route = null, Action<HttpConnectionManager>? manager = null, Action<Cluster>? cluster = null)
    {
        bench.Upstream(
            async server =>
            {
                await server.ReadHeadAsync();
                bench.Arrivals++;
                await server.ReadToEndAsync();
            },
            cluster);
        bench.Http(
            hcm =>
            {
                ForInsiders(hcm);
                manager?.Invoke(hcm);
            },
            route);
    }

    private static void ResetsStream(CauseBench bench, Http2ErrorCode code)
    {
        bench.Upstream(
            async server =>
            {
                var peer = new Http2Peer(server.Stream);
                await peer.StartServerAsync();
                await peer.ReadHeadersAsync();
                await peer.SendAsync(FrameType.RST_STREAM, 0, 1, Http2Peer.Number((uint)code));
            },
            static cluster => cluster.TypedExtensionProtocolOptions[HttpOptions] = Any.Pack(
                new HttpProtocolOptions { ExplicitHttpConfig = new() { Http2ProtocolOptions = new() } }));
        bench.Http();
    }

    private static void Drops(CauseBench bench, uint perMillion)
    {
        bench.Cluster(
            cluster => cluster.LoadAssignment.Policy = new ClusterLoadAssignment.Types.Policy
            {
                DropOverloads =
                {
                    new ClusterLoadAssignment.Types.Policy.Types.DropOverload
                    {
                        Category = "all",
                        DropPercentage = new Envoy.Type.V3.FractionalPercent
                        {
                            Numerator = perMillion, Denominator = Envoy.Type.V3.FractionalPercent.Types.DenominatorType.Million,
                        },
                    },
                },
            },
            bench.Dead());
        bench.Http();
    }
}
