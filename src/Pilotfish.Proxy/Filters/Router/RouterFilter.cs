using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tunnels;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>
/// The terminal filter: (1) answers redirects, direct responses and routes without cluster; (2) rewrites the head; (3) picks a host and asks
/// its pool for a stream; (4) sends what it has of the request and the rest as it comes; (5) passes the response on, or (6) tries again,
/// after the attempt that failed or, hedging, beside one that is slow.
/// One object per request object, reused; all of it on one loop.
/// </summary>
public sealed partial class RouterFilter : HttpFilter
{
    private readonly RetryState _retry = new();
    private readonly RequestBody _body = new();
    private ShadowRequests? _shadows;
    private RouterModel _model = null!;
    private ForwardModel _forward = null!;
    private RetryPolicyModel? _retryPolicy;
    private ClusterState? _cluster;
    private ClusterHttp _http = null!;
    private CircuitBreaker _breaker = null!;
    private RouterTimeouts _timeouts;
    private NamedRequestStats _named;
    private DividedResponses? _alternative;
    private RouterTimers? _timers;
    private HeaderMap? _trailers;
    private List<HeaderMap>? _metadata;
    private ulong? _hash;
    private string[]? _setCookies;
    private long _streamMilliseconds;
    private bool _requestEnded;
    private bool _responseStarted;
    private bool _downstreamBlocked;
    private bool _sourcePaused;
    private bool _isUpgrade;
    private EarlyData _earlyData;
    private ConnectTermination? _connect;
    private bool _isRaw;
    private bool _isTunnel;
    private bool _responseEnded;
    private bool _informed;
    private int _informational;

    // Attempts. The latest is kept for the next request; the others are there only while a request is hedged.
    private UpstreamAttempt? _attempt;
    private List<UpstreamAttempt>? _others;
    private bool _hedges;
    private bool _retryPending;
    private bool _anyStarted;

    internal HeaderMap ResponseHeaders => Stream.ResponseHeaders;

    internal EventLoop Loop => Stream.Loop;

    /// <summary>The loop's nanoseconds.</summary>
    internal long Now => Stream.Loop.NowNanoseconds;

    internal RouterModel Model => _model;

    internal HttpStream Owner => Stream;

    /// <summary>What stands between the router and the upstreams of this request; null = nothing.</summary>
    internal UpstreamHttpFilters? UpstreamFilters => _http.Filters ?? _model.UpstreamFilters;

    // One meter for all attempts: the access log tells what the request cost upstream.
    internal ref ByteMeter Meter => ref Stream.Info.UpstreamBytes;

    /// <summary>Whether the request asks for another protocol by an upgrade header.</summary>
    internal bool IsUpgrade => _isUpgrade;

    private StatCells Cells => Stream.Worker.Stats;

    private RouterTimers Timers => _timers ??= new RouterTimers(this, Stream.Loop);

    internal void Begin(RouterModel model)
    {
        _model = model;
        _cluster = null;
        _trailers = null;
        _metadata = null;
        _hash = null;
        _setCookies = null;
        _alternative = null;
        _requestEnded = false;
        _responseStarted = false;
        _downstreamBlocked = false;
        _sourcePaused = false;
        _isUpgrade = false;
        _earlyData = EarlyData.None;
        _connect = null;
        _isRaw = false;
        _isTunnel = false;
        _responseEnded = false;
        _informed = false;
        _informational = 0;
        _retryPending = false;
        _anyStarted = false;
    }

    public override FilterVerdict OnRequestHeaders(HeaderMap headers, bool end)
    {
        _requestEnded = end;
        if (!LocalAnswers.Answer(Stream, out ForwardModel? forward))
        {
            return FilterVerdict.Continue;
        }

        _forward = forward!;
        _cluster = LocalAnswers.FindCluster(Stream, _forward);
        if (_cluster is null)
        {
            return FilterVerdict.Continue;
        }

        Stream.Info.VirtualClusterName = Stream.VirtualHost!.VirtualClusterOf(headers, out RequestStats? virtualCluster);
        _named = new NamedRequestStats(virtualCluster, Stream.Route!.Stats);
        _http = ClusterHttp.Of(_cluster);
        if (headers.TryGet(WellKnownHeader.XEnvoyUpstreamAltStatName, out ReadOnlySpan<byte> alternative))
        {
            _alternative = _http.Responses.Named(alternative);
            headers.Remove(WellKnownHeader.XEnvoyUpstreamAltStatName);
        }

        if (!StrictHeaders.Check(Stream, _model.StrictHeaders) || Dropped(_cluster) || LocalAnswers.Spoilt(Stream))
        {
            _cluster = null;
            return FilterVerdict.Continue;
        }

        Cells.Add(Stream.Hcm.Stats.RqRouted);
        _breaker = _cluster.Breaker((RoutingPriority)_forward.Priority);
        _isUpgrade = Stream.Upgrade is not null;
        _connect = _forward.Upgrades.Connect;
        _isRaw = IsRaw(_cluster, headers);
        _hedges = HedgePolicy.Applies(_forward, headers);
        _retryPolicy = _http.Retry ?? _forward.Retry;
        _timeouts = RouterTimeouts.Of(Stream, _forward, _retryPolicy, _model.RespectsExpectedTimeout, _hedges);
        _streamMilliseconds = _timeouts.StreamMilliseconds ?? _http.MaxStreamMilliseconds;

        // In Envoy's order (router.cc decodeHeaders): the host is chosen by what the client sent; the route's header rules may remove or read what
        // is said here, and may ask for retries as a client would.
        _hash = (_http.Hash ?? _forward.Hash)?.Compute(headers, Stream.Info, out _setCookies);
        _timeouts.Announce(headers, _model.SuppressesEnvoyHeaders, elapsedMilliseconds: 0);
        if (_forward.IncludeAttemptCount)
        {
            headers.SetNumber(WellKnownHeader.XEnvoyAttemptCount, 1);
        }

        RequestRewrite.Apply(Stream, _forward, _model.SuppressesEnvoyHeaders);
        _retry.Begin(_retryPolicy, headers, _model.Retries);
        long limit = Stream.Route!.RequestBufferLimit ?? Stream.VirtualHost!.RequestBufferLimit ?? Stream.BufferLimit;
        _body.Begin(Stream.Loop.Buffers, limit, keep: (_retry.IsEnabled || _forward.InternalRedirect is not null) && !_isUpgrade);
        MirrorPolicyModel[] mirrors = _http.Mirrors.Length > 0 ? _http.Mirrors : _forward.Mirrors;
        if (mirrors.Length > 0)
        {
            _shadows ??= new ShadowRequests();
            _shadows.Begin(Stream, mirrors, _timeouts.GlobalMilliseconds, limit);
        }

        if (end)
        {
            RequestComplete();
        }

        Attempt();
        return FilterVerdict.Continue;
    }

    public override FilterVerdict OnRequestData(ReadOnlySpan<byte> data, bool end)
    {
        _requestEnded |= end;
        if (_cluster is null)
        {
            return FilterVerdict.Continue;
        }

        if (_model.RejectsEarlyConnectData && !_responseStarted && LocalAnswers.RefusesEarlyData(Stream, data))
        {
            return FilterVerdict.Continue;
        }

        if (_shadows is { IsEmpty: false })
        {
            if (!_shadows.Data(data))
            {
                Cells.Add(_http.RetryOrShadowAbandoned);
            }
        }

        if (end)
        {
            RequestComplete();
        }

        if (_earlyData == EarlyData.Refused)
        {
            return FilterVerdict.Continue;
        }

        if (_attempt is { Stream: { } upstream } attempt && _earlyData == EarlyData.None)
        {
            attempt.Log?.Sent(data.Length, end);
            attempt.BodySent += data.Length;
            upstream.SendData(data, end);
            NoteSent(end);
            if (_responseEnded)
            {
                if (end)
                {
                    attempt.Over();
                }

                return FilterVerdict.Continue;
            }

            TouchTry(attempt);
            if (!_body.KeepForRetry(data))
            {
                Cells.Add(_http.RetryOrShadowAbandoned);
            }

            CheckSource();
            return FilterVerdict.Continue;
        }

        if (!_body.TryHold(data))
        {
            if (_retry.Retries > 0)
            {
                Cells.Add(_http.RetryOrShadowAbandoned);
                Answer(507, "exceeded request buffer limit while retrying upstream"u8, EndReasons.RetryBufferExceeded);
                return FilterVerdict.Continue;
            }

            PauseSource();
        }

        return FilterVerdict.Continue;
    }

    public override FilterVerdict OnRequestTrailers(HeaderMap trailers)
    {
        _requestEnded = true;
        if (_cluster is null)
        {
            return FilterVerdict.Continue;
        }

        UpstreamFilters?.OnRequestTrailers(trailers, Stream.Info, Stream.Worker.Scratch);
        _trailers = trailers;
        RequestComplete();
        if (_attempt is { Stream: { } upstream } attempt && _earlyData == EarlyData.None)
        {
            attempt.Log?.Sent(0, end: true);
            upstream.SendTrailers(trailers);
            if (_responseEnded)
            {
                attempt.Over();
            }
        }

        return FilterVerdict.Continue;
    }

    public override void OnRequestMetadata(HeaderMap metadata)
    {
        if (_cluster is null)
        {
            return;
        }

        if (_attempt is { Stream: { } upstream })
        {
            upstream.SendMetadata(metadata);
            return;
        }

        // Until there is a stream to send it on; the codec bounds what one request may bring. Retries go without, as in Envoy.
        var kept = new HeaderMap();
        kept.CopyFrom(metadata);
        (_metadata ??= []).Add(kept);
    }

    private void SendHeldMetadata(IUpstreamStream upstream)
    {
        foreach (HeaderMap metadata in _metadata!)
        {
            upstream.SendMetadata(metadata);
        }

        _metadata = null;
    }

    public override void OnDownstreamBlocked(bool blocked)
    {
        if (_downstreamBlocked == blocked)
        {
            return;
        }

        _downstreamBlocked = blocked;
        if (_responseStarted && _attempt is { Stream: { } upstream })
        {
            if (blocked)
            {
                upstream.PauseResponse();
            }
            else
            {
                upstream.ResumeResponse();
            }
        }
    }

    public override long BufferedBytes
    {
        get
        {
            long bytes = _body.Capacity + (_shadows?.Capacity ?? 0) + (_attempt?.Stream?.BufferedBytes ?? 0);
            foreach (UpstreamAttempt other in _others ?? [])
            {
                bytes += other.Stream?.BufferedBytes ?? 0;
            }

            return bytes;
        }
    }

    public override void OnEnd(StreamInfo info)
    {
        _timers?.Stop();
        if (_cluster is not null)
        {
            AbandonAll();
            _attempt?.Forget();
            _retry.ReleasePermit(_breaker);
        }

        _retry.Forget();
        _shadows?.Release();
        _body.Release();
        _cluster = null;
    }

    // Small things

    // A response to this request, the upstream's or ours in its place; without an attempt when no host was to be had.
    private void Charge(int status, UpstreamAttempt? attempt)
    {
        if (_model.KeepsResponseStats && !Stream.Info.IsHealthCheck)
        {
            ResponseOrigin origin = OriginOf(attempt);
            _http.Responses.Count(Cells, status, in origin, HidesStatus);
            _named.Responded(Cells, status);
        }
    }

    private bool HidesStatus => _model.HidesGrpcStatus && Stream.IsGrpc;

    private ResponseOrigin OriginOf(UpstreamAttempt? attempt) =>
        new(attempt?.Host, ResponseOrigin.SaysInternal(Stream.RequestHeaders), attempt is { IsCanary: true }) { Alternative = _alternative };

    private void NoteSent(bool end)
    {
        if (end)
        {
            Stream.Info.Times.UpstreamSendEnd = Stream.Loop.NowNanoseconds;
        }
    }

    private void CheckSource()
    {
        if (_attempt is { Stream.IsSendBlocked: true })
        {
            PauseSource();
        }
    }

    private void PauseSource()
    {
        if (!_sourcePaused && !Stream.IsEnded)
        {
            _sourcePaused = true;
            Stream.PauseClient();
        }
    }

    private void ResumeSource()
    {
        if (_sourcePaused && !Stream.IsEnded)
        {
            _sourcePaused = false;
            Stream.ResumeClient();
        }
    }

    /// <summary>True when the control plane wants this request dropped, and then it was answered.</summary>
    private bool Dropped(ClusterState cluster)
    {
        if (Stream.Worker.Worker.Cluster(cluster).Drop() is not { } reason)
        {
            return false;
        }

        Charge(503, null);
        LocalAnswers.Drop(Stream, reason.About(cluster.Name), marks: !_model.SuppressesEnvoyHeaders);
        return true;
    }
}
