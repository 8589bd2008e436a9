using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Filters.Router;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http2;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Http1;

/// <summary>What HTTP adds to a cluster: pool options and the statistics by status. Made when the first request goes to it; any worker.</summary>
public sealed class ClusterHttp
{

    // Any worker may fill a slot: the same name gives the same counter.
    private readonly ClusterState _state;
    private readonly StatScope _scope;
    private StatScope? _http1;
    private readonly UpstreamHttpOptions _options;
    private Http2Stats? _http2Stats;
    private GrpcClusterStats? _grpc;

    private ClusterHttp(ClusterState state)
    {
        _state = state;
        _scope = state.Stats.Scope;
        CxHttp1Total = _scope.Counter("upstream_cx_http1_total");
        CxHttp2Total = _scope.Counter("upstream_cx_http2_total");
        CxCloseNotify = _scope.Counter("upstream_cx_close_notify");
        CxProtocolError = _scope.Counter("upstream_cx_protocol_error");
        CxMaxRequests = _scope.Counter("upstream_cx_max_requests");
        Responses = new ClusterResponses(_scope, state.LocalZone);
        RqTimeout = _scope.Counter("upstream_rq_timeout");
        RqPerTryTimeout = _scope.Counter("upstream_rq_per_try_timeout");
        RqPerTryIdleTimeout = _scope.Counter("upstream_rq_per_try_idle_timeout");
        RqMaxDuration = _scope.Counter("upstream_rq_max_duration_reached");
        RqRetryBackoffRateLimited = _scope.Counter("upstream_rq_retry_backoff_ratelimited");
        InternalRedirectSucceeded = _scope.Counter("upstream_internal_redirect_succeeded_total");
        InternalRedirectFailed = _scope.Counter("upstream_internal_redirect_failed_total");
        RqCancelled = _scope.Counter("upstream_rq_cancelled");
        RqRxReset = _scope.Counter("upstream_rq_rx_reset");
        RqTxReset = _scope.Counter("upstream_rq_tx_reset");
        RqRetry = _scope.Counter("upstream_rq_retry");
        RqRetrySuccess = _scope.Counter("upstream_rq_retry_success");
        RqRetryOverflow = _scope.Counter("upstream_rq_retry_overflow");
        RqRetryLimitExceeded = _scope.Counter("upstream_rq_retry_limit_exceeded");
        RqRetryBackoff = _scope.Counter("upstream_rq_retry_backoff_exponential");
        RetryOrShadowAbandoned = _scope.Counter("retry_or_shadow_abandoned");
        _options = state.Config.Http;
        Tracked = state.Config.TracksTimeoutBudgets || state.Config.TracksSizes
            ? new ClusterTracking(_scope, state.Config.TracksTimeoutBudgets, state.Config.TracksSizes)
            : null;
        RequestsPerConnectionMax = _options.RequestsPerConnectionMax ?? state.Config.RequestsPerConnectionMax;
    }

    public Counter CxHttp1Total { get; }
    public Counter CxHttp2Total { get; }
    public Counter CxCloseNotify { get; }
    public Counter CxProtocolError { get; }
    public Counter CxMaxRequests { get; }
    public Counter RqTimeout { get; }
    public Counter RqPerTryTimeout { get; }
    public Counter RqPerTryIdleTimeout { get; }
    public Counter RqMaxDuration { get; }
    public Counter RqRetryBackoffRateLimited { get; }
    public Counter InternalRedirectSucceeded { get; }
    public Counter InternalRedirectFailed { get; }
    public Counter RqCancelled { get; }
    public Counter RqRxReset { get; }
    public Counter RqTxReset { get; }
    public Counter RqRetry { get; }
    public Counter RqRetrySuccess { get; }
    public Counter RqRetryOverflow { get; }
    public Counter RqRetryLimitExceeded { get; }
    public Counter RqRetryBackoff { get; }

    /// <summary>Statistics of responses to requests of this cluster, the upstream's or our own in their place.</summary>
    internal ClusterResponses Responses { get; }

    /// <summary>Requests whose body was too large to be kept for a retry or a mirror.</summary>
    public Counter RetryOrShadowAbandoned { get; }

    /// <summary>Options of HTTP/2 connections to this cluster.</summary>
    public Http2Options Http2 => _options.Http2;

    /// <summary>cluster.NAME.http2.*; made when the first HTTP/2 connection is.</summary>
    public Http2Stats Http2Stats => _http2Stats ??= new Http2Stats(_state.OwnScope("http2"));

    /// <summary>cluster.NAME.http1.metadata_not_supported_error: HTTP/1 upstreams have no place for METADATA.</summary>
    public Counter MetadataDropped => (_http1 ??= _state.OwnScope("http1")).Counter("metadata_not_supported_error");

    /// <summary>0 = none.</summary>
    public long IdleMilliseconds => _options.IdleMilliseconds;

    /// <summary>0 = no limit.</summary>
    public uint RequestsPerConnectionMax { get; }

    /// <summary>Whether trailers of HTTP/1 messages are passed on (enable_trailers).</summary>
    public bool EnableTrailers => _options.EnableTrailers;

    /// <summary>Whether HTTP/1 requests carry absolute URLs (send_fully_qualified_url).</summary>
    public bool AbsoluteTargets => _options.AbsoluteTargets;

    /// <summary>Whether HTTP/1 requests carry header names like Content-Type.</summary>
    public bool ProperCase => _options.ProperCase;

    /// <summary>Whether names of HTTP/1 responses keep their spelling; null = no.</summary>
    public PreservedCase? PreservedCase => _options.PreservedCase;

    /// <summary>retry_policy of the cluster; null = the route's.</summary>
    public RetryPolicyModel? Retry => _options.Retry;

    /// <summary>http_filters of the cluster; null = the router's.</summary>
    public UpstreamHttpFilters? Filters => _options.Filters;

    /// <summary>Figures that track_cluster_stats asks for; null without it.</summary>
    public ClusterTracking? Tracked { get; }

    /// <summary>request_mirror_policies of the cluster; empty = the route's.</summary>
    public MirrorPolicyModel[] Mirrors => _options.Mirrors;

    /// <summary>hash_policy of the cluster; null = the route's.</summary>
    public HashPolicyModel? Hash => _options.Hash;

    /// <summary>Bounds of a response's head.</summary>
    public Http1Limits ResponseLimits => _options.ResponseLimits;

    public Http1Limits Http2ResponseLimits => _options.Http2ResponseLimits;

    /// <summary>Bound of one exchange (max_stream_duration); 0 = none.</summary>
    public long MaxStreamMilliseconds => _options.MaxStreamMilliseconds;

    /// <summary>The statistics of gRPC calls that are not counted by method. Made with the first; any worker.</summary>
    public GrpcClusterStats Grpc => _grpc ??= new GrpcClusterStats(_scope);

    /// <summary>What the cluster's config wants to speak for a client that speaks <paramref name="downstream"/>.</summary>
    public HttpProtocol ProtocolFor(HttpProtocol downstream) =>
        _options.UsesDownstreamProtocol ? downstream : _options.Protocol == UpstreamProtocol.Http2 ? HttpProtocol.Http2 : HttpProtocol.Http11;

    public static ClusterHttp Of(ClusterState state) =>
        state.HttpState as ClusterHttp ?? (ClusterHttp)state.SetHttpState(new ClusterHttp(state));

    /// <summary>What a request of the proxy's own speaks that stands for no client's: a tunnel's.</summary>
    public UpstreamProtocol OwnProtocol => _options.Protocol;

    /// <summary>What the pool for a request speaks: explicit_http_config, the client's own protocol, or by ALPN.</summary>
    public UpstreamProtocol PoolProtocolFor(HttpProtocol downstream)
    {
        if (_options.UsesDownstreamProtocol)
        {
            return downstream == HttpProtocol.Http2 ? UpstreamProtocol.Http2 : UpstreamProtocol.Http1;
        }

        return _options.Protocol;
    }
}
