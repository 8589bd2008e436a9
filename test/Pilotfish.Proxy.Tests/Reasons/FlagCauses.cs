using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Fault.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Proxy.Tests.Transport;
using HttpProtocolOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;
using RetryPolicy = Envoy.Config.Route.V3.RetryPolicy;

namespace Pilotfish.Proxy.Tests.Reasons;

/// <summary>What sets a flag on an HTTP request, in the order of the flags' bits.</summary>
internal static class FlagCauses
{
    private const string HttpOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

    public static IEnumerable<Cause> All { get; } =
    [
        new("no endpoints", "503 UH NoHealthyUpstream no_healthy_upstream", static async bench =>
        {
            bench.Cluster();
            bench.Http();
            await bench.GetAsync();
        }),
        new("route timeout", "504 UT UpstreamRequestTimeout response_timeout", static bench =>
            TimesOut(bench, static route => route.Route_.Timeout = Milliseconds(50))),
        new("per-try timeout", "504 UT UpstreamRequestTimeout upstream_per_try_timeout", static bench =>
            TimesOut(bench, static route => route.Route_.RetryPolicy = new RetryPolicy { PerTryTimeout = Milliseconds(50) })),
        new("per-try idle timeout", "504 UT UpstreamRequestTimeout upstream_per_try_idle_timeout", static bench =>
            TimesOut(bench, static route => route.Route_.RetryPolicy = new RetryPolicy { PerTryIdleTimeout = Milliseconds(50) })),
        new("host resets the stream", "503 UR UpstreamRemoteReset upstream_reset_before_response_started{remote_reset}", static bench =>
            ResetsStream(bench, Http2ErrorCode.CANCEL)),
        new("host refuses the stream", "503 UR UpstreamRemoteReset upstream_reset_before_response_started{remote_refused_stream_reset}",
            static bench => ResetsStream(bench, Http2ErrorCode.REFUSED_STREAM)),
        new("connection refused",
            "503 UF UpstreamConnectionFailure upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}",
            static async bench =>
            {
                bench.Cluster(null, bench.Dead());
                bench.Http();
                await bench.GetAsync();
            }),
        new("connection refused, each retry too",
            "503 UF,URX UpstreamConnectionFailure,UpstreamRetryLimitExceeded upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}",
            static async bench =>
            {
                bench.Cluster(null, bench.Dead());
                bench.Http(route: static route => route.Route_.RetryPolicy = new RetryPolicy { RetryOn = "connect-failure", NumRetries = 2 });
                await bench.GetAsync();
                await bench.AdvanceUntilRecordAsync();
            }),
        new("connection times out",
            "503 UF UpstreamConnectionFailure upstream_reset_before_response_started{connection_timeout}", static async bench =>
            {
                // A listener whose backlog is full never completes a handshake.
                bench.Cluster(static cluster => cluster.ConnectTimeout = Milliseconds(50), FullBacklog.Address);
                bench.Http();
                await bench.GetAsync();
                await bench.AdvanceUntilRecordAsync();
            }),
        new("host closes before the head", "503 UC UpstreamConnectionTermination upstream_reset_before_response_started{connection_termination}",
            static async bench =>
            {
                bench.Answers("", closes: true);
                bench.Http();
                await bench.GetAsync();
            }),
        new("host resets before the head", "503 UC UpstreamConnectionTermination upstream_reset_before_response_started{connection_termination}",
            static async bench =>
            {
                bench.Upstream(static async server =>
                {
                    await server.ReadHeadAsync();
                    server.Stream.Reset();
                });
                bench.Http();
                await bench.GetAsync();
            }),
        new("host closes within the body", "200 UC UpstreamConnectionTermination upstream_reset_after_response_started{connection_termination}",
            static async bench =>
            {
                bench.Answers("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", closes: true);
                bench.Http();
                await bench.GetAsync();
            }),
        new("too many pending requests", "503 UO UpstreamOverflow upstream_reset_before_response_started{overflow}", static async bench =>
        {
            bench.Cluster(
                static cluster => cluster.CircuitBreakers = new CircuitBreakers
                {
                    Thresholds = { new CircuitBreakers.Types.Thresholds { MaxPendingRequests = 0 } },
                },
                bench.Dead());
            bench.Http();
            await bench.GetAsync();
        }),
        new("cluster in maintenance", "503 UO UpstreamOverflow maintenance_mode", static async bench =>
        {
            bench.Fixture.Context.Runtime.Replace(new Dictionary<string, string> { ["upstream.maintenance_mode.c"] = "100" });
            bench.Cluster(null, bench.Dead());
            bench.Http();
            TestClient client = await bench.GetAsync();
            string head = await client.ReadHeadAsync();
            Assert.Contains("x-envoy-overloaded: true\r\n", head, StringComparison.Ordinal);
            Assert.Equal("maintenance mode", await client.ReadBytesAsync(16));
            Assert.Equal(1, bench.Fixture.Counter("cluster.c.upstream_rq_maintenance_mode"));
        }),
        new("no route", "404 NR NoRouteFound route_not_found", static async bench =>
        {
            bench.Http(route: static route => route.Match = new RouteMatch { Path = "/other" });
            await bench.GetAsync();
        }),
        new("delay injected", "200 DI DelayInjected via_upstream", static async bench =>
        {
            bench.Answers("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            bench.Http(static manager => Fault(manager, delay: true, abort: false));
            await bench.GetAsync();
            await bench.AdvanceUntilRecordAsync();
        }),
        new("fault injected", "418 FI FaultInjected fault_filter_abort", static async bench =>
        {
            bench.Http(static manager => Fault(manager, delay: false, abort: true));
            await bench.GetAsync();
        }),
        new("delay and fault injected", "418 DI,FI DelayInjected,FaultInjected fault_filter_abort", static async bench =>
        {
            bench.Http(static manager => Fault(manager, delay: true, abort: true));
            await bench.GetAsync();
            await bench.AdvanceUntilRecordAsync();
        }),
        new("client leaves while it waits", "0 DC DownstreamConnectionTermination downstream_remote_disconnect", static async bench =>
        {
            bool arrived = false;
            bench.Upstream(async server =>
            {
                await server.ReadHeadAsync();
                arrived = true;
                await server.ReadToEndAsync();
            });
            bench.Http();
            TestClient client = await bench.GetAsync();
            await bench.UntilAsync(() => arrived);
            client.Stream.Close();
        }),
        new("client leaves within the response", "200 DC DownstreamConnectionTermination downstream_remote_disconnect", static async bench =>
        {
            bench.Answers("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf");
            bench.Http();
            TestClient client = await bench.GetAsync();
            await client.ReadUntilAsync("half");
            client.Stream.Close();
        }),
        new("retries are used up", "503 URX UpstreamRetryLimitExceeded via_upstream", static async bench =>
        {
            bench.Answers("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
            bench.Http(route: static route => route.Route_.RetryPolicy = new RetryPolicy { RetryOn = "5xx", NumRetries = 1 });
            await bench.GetAsync();
            await bench.AdvanceUntilRecordAsync();
        }),
        new("idle stream, request complete", "504 SI StreamIdleTimeout stream_idle_timeout", static bench =>
            TimesOut(bench, manager: static manager => manager.StreamIdleTimeout = Milliseconds(50))),
        new("idle stream, request incomplete", "408 SI StreamIdleTimeout stream_idle_timeout", static bench => TimesOut(
            bench, manager: static manager => manager.StreamIdleTimeout = Milliseconds(50), request: "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n")),
        new("timeout header that is no number",
            "400 IH InvalidEnvoyRequestHeaders request_headers_failed_strict_check{x-envoy-upstream-rq-timeout-ms}", static bench =>
            IsStrict(bench, "x-envoy-upstream-rq-timeout-ms", "10.0")),
        new("unknown retry condition", "400 IH InvalidEnvoyRequestHeaders request_headers_failed_strict_check{x-envoy-retry-on}", static bench =>
            IsStrict(bench, "x-envoy-retry-on", "5xx,cancelled")),
        new("client violates HTTP/1.1", "400 DPE DownstreamProtocolError http1.codec_error", static async bench =>
        {
            bench.Http();
            await bench.SendAsync("GET / HTTP/1.1\r\nhost : a\r\n\r\n");
        }),
        new("upstream stream is too long", "504 UMSDR UpstreamMaxStreamDurationReached upstream_max_stream_duration_reached", static bench => TimesOut(
            bench, cluster: static cluster => cluster.TypedExtensionProtocolOptions[HttpOptions] = Any.Pack(new HttpProtocolOptions
            {
                ExplicitHttpConfig = new() { HttpProtocolOptions = new() },
                CommonHttpProtocolOptions = new() { MaxStreamDuration = Milliseconds(50) },
            }))),
        new("filter without its configuration", "500 NFCF NoFilterConfigFound filter_config_not_found", static async bench =>
        {
            bench.Http(static manager => manager.HttpFilters.Insert(0, new HttpFilter
            {
                Name = "remote",
                ConfigDiscovery = new ExtensionConfigSource
                {
                    ConfigSource = new ConfigSource { Ads = new AggregatedConfigSource() },
                    TypeUrls = { "type.googleapis.com/google.protobuf.BytesValue" },
                },
            }));

            bench.FetchTimesOut("remote");
            await bench.GetAsync();
        }),
        new("host answers with other bytes than HTTP", "502 UPE UpstreamProtocolError upstream_reset_before_response_started{protocol_error}",
            static async bench =>
            {
                bench.Answers("SSH-2.0-x\r\n\r\n");
                bench.Http();
                await bench.GetAsync();
            }),
        new("unknown cluster", "503 NC NoClusterFound cluster_not_found", static async bench =>
        {
            bench.Http();
            await bench.GetAsync();
        }),
        new("overload manager stops requests", "503 OM OverloadManagerTerminated overload", static async bench =>
        {
            bench.Http();
            bench.Fixture.Context.Overload.StopAcceptingRequests.Set(1);
            await bench.GetAsync();
        }),
        new("share of requests is dropped", "503 DO DropOverload drop_overload", static async bench =>
        {
            Drops(bench, 999_999);
            await bench.GetAsync();
        }),
        new("client resets the stream", "0 DR DownstreamRemoteReset http2.remote_reset", static bench => ClientResets(bench, Http2ErrorCode.CANCEL)),
        new("client refuses the stream", "0 DR DownstreamRemoteReset http2.remote_refuse", static bench =>
            ClientResets(bench, Http2ErrorCode.REFUSED_STREAM)),
        new("all requests are dropped", "503 UDO UnconditionalDropOverload unconditional_drop_overload", static async bench =>
        {
            Drops(bench, 1_000_000);
            TestClient client = await bench.GetAsync();
            string head = await client.ReadHeadAsync();
            Assert.Contains("x-envoy-unconditional-drop-overload: true\r\n", head, StringComparison.Ordinal);
            Assert.Equal("unconditional drop overload", await client.ReadBytesAsync(27));
        }),
    ];

    public static Duration Milliseconds(int count) => Duration.FromTimeSpan(TimeSpan.FromMilliseconds(count));

    /// <summary>A host that takes the request and never answers, for longer than something allows.</summary>
    public static async Task TimesOut(
        CauseBench bench, Action<Route>? route = null, Action<HttpConnectionManager>? manager = null, Action<Cluster>? cluster = null,
        string request = "GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    {
        await Waits(bench, route, manager, cluster, request);
        bench.Advance(51);
    }

    /// <summary>A host that takes the request and never answers.</summary>
    public static async Task Waits(
        CauseBench bench, Action<Route>? route = null, Action<HttpConnectionManager>? manager = null, Action<Cluster>? cluster = null,
        string request = "GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    {
        bool arrived = false;
        bench.Upstream(
            async server =>
            {
                await server.ReadHeadAsync();
                arrived = true;
                await server.ReadToEndAsync();
            },
            cluster);
        bench.Http(manager, route);
        await bench.SendAsync(request);
        await bench.UntilAsync(() => arrived);
    }

    private static async Task ResetsStream(CauseBench bench, Http2ErrorCode code)
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
        await bench.GetAsync();
    }

    private static async Task ClientResets(CauseBench bench, Http2ErrorCode code)
    {
        bool arrived = false;
        bench.Upstream(async server =>
        {
            await server.ReadHeadAsync();
            arrived = true;
            await server.ReadToEndAsync();
        });
        bench.Http();
        var client = new Http2Peer((await bench.ConnectAsync()).Stream);
        await client.StartClientAsync();
        await client.GetAsync(1);
        await bench.UntilAsync(() => arrived);
        await client.SendAsync(FrameType.RST_STREAM, 0, 1, Http2Peer.Number((uint)code));
    }

    private static async Task IsStrict(CauseBench bench, string header, string value)
    {
        bench.Cluster(null, bench.Dead());
        bench.Http(
            static manager => manager.InternalAddressConfig = new()
            {
                CidrRanges = { new CidrRange { AddressPrefix = "10.0.0.0", PrefixLen = 8 } },
            },
            router: router => router.StrictCheckHeaders.Add(header));

        // A client outside of the mesh could not steer the router at all: its headers are removed.
        TestClient client = await bench.GetAsync($"x-forwarded-for: 10.0.0.1\r\n{header}: {value}\r\n");
        await client.ReadHeadAsync();
        string body = $"invalid header '{header}' with value '{value}'";
        Assert.Equal(body, await client.ReadBytesAsync(body.Length));
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

    private static void Fault(HttpConnectionManager manager, bool delay, bool abort)
    {
        var always = new Envoy.Type.V3.FractionalPercent { Numerator = 100 };
        manager.HttpFilters.Insert(0, new HttpFilter
        {
            Name = "envoy.filters.http.fault",
            TypedConfig = Any.Pack(new HTTPFault
            {
                Delay = delay ? new() { FixedDelay = Milliseconds(50), Percentage = always } : null,
                Abort = abort ? new FaultAbort { HttpStatus = 418, Percentage = always } : null,
            }),
        });
    }
}
