using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Health;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tls;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>
/// The terminal filter: (1) answers redirects, direct responses and routes without cluster; (2) rewrites the head; (3) picks a host and asks
/// its pool for a stream; (4) sends what it has of the request and the rest as it comes; (5) passes the response on, or (6) tries again.
/// One object per request object, reused; all of it on one loop.
/// </summary>
public sealed partial class RouterFilter : HttpFilter, IPoolRequester, IUpstreamEvents
{
    private readonly RetryState _retry = new();
    private readonly RequestBody _body = new();
    private ShadowRequests? _shadows;
    private RouterModel _model = null!;
    private ForwardModel _forward = null!;
    private ClusterState? _cluster;
    private ClusterHttp _http = null!;
    private CircuitBreaker _breaker = null!;
    private IUpstreamHttpPool? _pool;
    private IUpstreamStream? _upstream;
    private Host? _host;
    private RouterTimeouts _timeouts;
    private RouterTimers? _timers;
    private HeaderMap? _trailers;
    private ulong? _hash;
    private string? _setCookie;
    private long _attemptStart;
    private long _streamMilliseconds;
    private bool _requestEnded;
    private bool _responseStarted;
    private bool _downstreamBlocked;
    private bool _sourcePaused;
    private bool _isUpgrade;
    private bool _informed;

    public IUpstreamEvents Events => this;

    public HeaderMap ResponseHeaders => Stream.ResponseHeaders;

    // One meter for all attempts: the access log tells what the request cost upstream.
    public ref ByteMeter Meter => ref Stream.Info.UpstreamBytes;

    private StatCells Cells => Stream.Worker.Stats;

    private RouterTimers Timers => _timers ??= new RouterTimers(this, Stream.Loop);

    internal void Begin(RouterModel model)
    {
        _model = model;
        _cluster = null;
        _pool = null;
        _upstream = null;
        _host = null;
        _trailers = null;
        _hash = null;
        _setCookie = null;
        _requestEnded = false;
        _responseStarted = false;
        _downstreamBlocked = false;
        _sourcePaused = false;
        _isUpgrade = false;
        _informed = false;
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

        if (!StrictHeaders.Check(Stream, _model.StrictHeaders) || Dropped(_cluster) || LocalAnswers.Spoilt(Stream))
        {
            _cluster = null;
            return FilterVerdict.Continue;
        }

        Cells.Add(Stream.Hcm.Stats.RqRouted);
        _http = ClusterHttp.Of(_cluster);
        _breaker = _cluster.Breaker((RoutingPriority)_forward.Priority);
        _isUpgrade = Stream.Upgrade is not null;
        _timeouts = RouterTimeouts.Of(Stream, _forward, _model.RespectsExpectedTimeout);
        _retry.Begin(_forward.Retry, headers);
        _streamMilliseconds = _timeouts.StreamMilliseconds ?? _http.MaxStreamMilliseconds;

        // Before the route's header rules, which may remove what is said here.
        _timeouts.Announce(headers, _model.SuppressesEnvoyHeaders, elapsedMilliseconds: 0);
        RequestRewrite.Apply(Stream, _forward, _model.SuppressesEnvoyHeaders);
        _hash = _forward.Hash?.Compute(headers, Stream.Info, out _setCookie);

        long limit = Stream.Route!.RequestBufferLimit ?? Stream.VirtualHost!.RequestBufferLimit ?? Stream.BufferLimit;
        _body.Begin(Stream.Loop.Buffers, limit, keep: (_retry.IsEnabled || _forward.InternalRedirect is not null) && !_isUpgrade);
        if (_forward.Mirrors.Length > 0)
        {
            _shadows ??= new ShadowRequests();
            _shadows.Begin(Stream, _forward, limit);
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
            _shadows.Data(data);
        }

        if (end)
        {
            RequestComplete();
        }

        if (_upstream is { } upstream)
        {
            upstream.SendData(data, end);
            NoteSent(end);
            TouchTry();
            _body.KeepForRetry(data);
            CheckSource();
            return FilterVerdict.Continue;
        }

        if (!_body.TryHold(data))
        {
            if (_retry.Retries > 0)
            {
                Stream.Reply(507, "exceeded request buffer limit while retrying upstream"u8, EndReasons.RetryBufferExceeded);
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

        RequestComplete();
        _trailers = trailers;
        _upstream?.SendTrailers(trailers);
        return FilterVerdict.Continue;
    }

    public override void OnDownstreamBlocked(bool blocked)
    {
        if (_downstreamBlocked == blocked)
        {
            return;
        }

        _downstreamBlocked = blocked;
        if (_responseStarted && _upstream is { } upstream)
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

    public override void OnEnd(StreamInfo info)
    {
        _timers?.Stop();
        if (_pool is { } pool)
        {
            _pool = null;
            pool.GiveUp(this);
        }

        if (_upstream is { } upstream)
        {
            _upstream = null;
            Cells.Add(_http.RqTxReset);
            upstream.Reset();
        }

        if (_cluster is not null)
        {
            _retry.ReleasePermit(_breaker);
        }

        _retry.Forget();
        _shadows?.Release();
        _body.Release();
        _cluster = null;
        _host = null;
    }

    // IPoolRequester

    public void OnPoolReady(IUpstreamStream stream)
    {
        _pool = null;
        _upstream = stream;
        AttemptFacts.Connected(Stream.Info, stream, Stream.Loop.NowNanoseconds);
        RequestRewrite.ApplyScheme(Stream, stream.Connection);
        RequestRewrite.ApplyAutoHost(Stream, _forward, _host!.Hostname);
        bool hasBody = _body.Length > 0;
        bool endsWithHead = _requestEnded && !hasBody && _trailers is null && !_isUpgrade;
        stream.SendHeaders(Stream.RequestHeaders, endsWithHead, _isUpgrade);
        if (hasBody || (_requestEnded && !endsWithHead && _trailers is null))
        {
            stream.SendData(_body.Bytes, _requestEnded && _trailers is null);
        }

        if (_trailers is { } trailers)
        {
            stream.SendTrailers(trailers);
        }

        if (_requestEnded)
        {
            Stream.Info.Times.UpstreamSendEnd = Stream.Info.Times.UpstreamSendBegin;
        }

        _body.Sent();
        ResumeSource();
        CheckSource();
        ArmTryTimer();
        ArmAttemptTimers();
    }

    public void OnPoolFailure(StreamResetReason reason, string? transportFailure)
    {
        _pool = null;
        Stream.Info.Times.UpstreamPoolReady = Stream.Loop.NowNanoseconds;
        AttemptFailed(reason, transportFailure, requestStarted: false);
    }

    // IUpstreamEvents

    public void OnUpstreamInformational(int status)
    {
        _informed = true;
        Stream.SendInformationalDown(ResponseHeaders, status);
        ResponseHeaders.Clear();
    }

    public void OnUpstreamHeaders(int status, bool end)
    {
        StreamInfo info = Stream.Info;
        info.Times.UpstreamReceiveBegin = Stream.Loop.NowNanoseconds;
        if (end)
        {
            _upstream = null;
            info.Times.UpstreamReceiveEnd = info.Times.UpstreamReceiveBegin;
        }

        _host!.Monitor.OnStatus(status, Stream.Loop.NowMilliseconds);
        if (!_informed && _retry.IsEnabled && _retry.Wants(status, ResponseHeaders) && TryAgain())
        {
            return;
        }

        if (_forward.InternalRedirect is { } redirects && redirects.Follows(status) && !_informed && FollowRedirect(redirects, status))
        {
            return;
        }

        if (_isUpgrade && status is not 101 and < 400 && RefusesWebSocket(end))
        {
            end = true;
        }

        bool limitReached = !_retry.IsEnabled && _retry.Retries > 0 && _retry.Wants(status, ResponseHeaders);
        if (limitReached)
        {
            info.Flags = info.Flags.With(ResponseFlag.UpstreamRetryLimitExceeded);
            Cells.Add(_http.RqRetryLimitExceeded);
        }
        else if (_retry.Retries > 0 && status < 500)
        {
            Cells.Add(_http.RqRetrySuccess);
        }

        _timers?.Stop(keepGlobal: !end);
        _retry.ReleasePermit(_breaker);
        _body.Release();
        _responseStarted = true;
        _http.Count(Cells, status);
        Cells.Record(_http.RqTime, Stream.Loop.NowMilliseconds - _attemptStart);
        ResponseRewrite.Finish(Stream, _forward, _model, _setCookie);
        TouchTry();
        if (_downstreamBlocked)
        {
            _upstream?.PauseResponse();
        }

        Stream.Response.Headers(end);
    }

    public void OnUpstreamData(ReadOnlySpan<byte> data, bool end)
    {
        StreamInfo info = Stream.Info;
        long now = end || info.Times.UpstreamReceiveBodyBegin == 0 ? Stream.Loop.NowNanoseconds : 0;
        if (info.Times.UpstreamReceiveBodyBegin == 0)
        {
            info.Times.UpstreamReceiveBodyBegin = now;
        }

        if (end)
        {
            ResponseComplete(now);
        }
        else
        {
            TouchTry();
        }

        Stream.Response.Data(data, end);
    }

    public void OnUpstreamTrailers(HeaderMap trailers)
    {
        ResponseComplete(Stream.Loop.NowNanoseconds);
        Stream.Response.Trailers(trailers);
    }

    public void OnUpstreamReset(StreamResetReason reason, string? transportFailure)
    {
        _upstream = null;
        Cells.Add(_http.RqRxReset);
        if (_responseStarted)
        {
            Cells.Add(Stream.Hcm.Stats.RqResetAfterStart);
            Stream.End(StreamResetReasons.EndReason(reason, responseStarted: true, transportFailure), complete: false);
            return;
        }

        _host!.Monitor.OnResult(OutlierResult.RequestReset, Stream.Loop.NowMilliseconds);
        AttemptFailed(reason, transportFailure, requestStarted: true);
    }

    public void OnUpstreamSendBlocked(bool blocked)
    {
        if (blocked)
        {
            PauseSource();
        }
        else
        {
            ResumeSource();
        }
    }

    // Attempts

    internal void Attempt()
    {
        StreamInfo info = Stream.Info;
        _attemptStart = Stream.Loop.NowMilliseconds;

        if (_retry.Retries > 0)
        {
            long elapsed = (Stream.Loop.NowNanoseconds - info.Times.DownstreamReceiveEnd) / 1_000_000;
            _timeouts.Announce(Stream.RequestHeaders, _model.SuppressesEnvoyHeaders, elapsed);
        }

        // The reference, not the state of the first attempt: a retry sees the cluster and membership of now.
        ClusterState cluster = LocalAnswers.Reference(Stream, _forward)?.Current ?? _cluster!;
        WorkerCluster worker = Stream.Worker.Worker.Cluster(cluster);
        var request = new LoadBalancingRequest
        {
            Hash = _hash,
            Subset = Stream.WeightedCluster?.Subset ?? _forward.Subset,
            OriginalDestination = info.Connection.LocalAddress,
            Avoid = _retry.AvoidsPreviousHosts ? _retry.Tried : default,
            Tried = _retry.Tried,
            PriorityUpdateFrequency = _retry.Retries > 0 ? _retry.PriorityUpdateFrequency : 0,
            OmitsCanaries = _retry.Retries > 0 && _retry.OmitsCanaryHosts,
            Omits = _retry.Retries > 0 ? _retry.OmitsHosts : null,
            ReselectMax = _retry.Retries > 0 ? _retry.HostSelectionAttempts : 0,
            Attempt = (uint)_retry.Retries,
        };
        HostPick pick = worker.Pick(in request);

        // A first attempt without a host is none: the count stays 0.
        if (pick.Host is not null || _retry.Retries > 0)
        {
            info.Upstream.AttemptCount++;
        }

        if (pick.Host is not { } host)
        {
            NoHost(pick.Failure!);
            return;
        }

        if (_forward.IncludeAttemptCount)
        {
            Stream.RequestHeaders.SetNumber(WellKnownHeader.XEnvoyAttemptCount, info.Upstream.AttemptCount);
        }

        info.Times.UpstreamRequestBegin = Stream.Loop.NowNanoseconds;
        info.Times.UpstreamPoolReady = 0;
        _host = host;
        _retry.Remember(host);
        AttemptFacts.Picked(info, host);
        _pool = HostHttpPools.Of(worker, host, (RoutingPriority)_forward.Priority,
            Stream.TransportOverrides ?? UpstreamOverrides.Of(info.Connection, info.FilterState, cluster.Config), info.Protocol);
        IUpstreamHttpPool pool = _pool;
        pool.Acquire(this);
    }

    // A response that neither switches protocols nor is an error must not carry bytes of a client that believes in a tunnel: the client
    // gets its head and nothing else.
    private bool RefusesWebSocket(bool end)
    {
        if (!string.Equals(Stream.Upgrade, "websocket", StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        if (!end && _upstream is { } upstream)
        {
            _upstream = null;
            Cells.Add(_http.RqTxReset);
            upstream.Reset();
        }

        Stream.Info.End(EndReasons.WebSocketHandshake.About(_cluster!.Name));
        ResponseHeaders.Remove(WellKnownHeader.ContentLength);
        ResponseHeaders.Remove(WellKnownHeader.TransferEncoding);
        return true;
    }

    private void NoHost(EndReason reason)
    {
        _http.Count(Cells, 503);
        Stream.Reply(503, "no healthy upstream"u8, reason.About(_cluster!.Name));
    }

    /// <summary>True when the control plane wants this request dropped, and then it was answered.</summary>
    private bool Dropped(ClusterState cluster)
    {
        if (Stream.Worker.Worker.Cluster(cluster).Drop() is not { } reason)
        {
            return false;
        }

        ClusterHttp.Of(cluster).Count(Cells, 503);
        LocalAnswers.Drop(Stream, reason.About(cluster.Name), marks: !_model.SuppressesEnvoyHeaders);
        return true;
    }

    private void AttemptFailed(StreamResetReason reason, string? transportFailure, bool requestStarted)
    {
        EndReason end = StreamResetReasons.EndReason(reason, responseStarted: false, transportFailure);
        if (!_informed && _body.IsComplete && _retry.Wants(reason, requestStarted))
        {
            switch (_retry.TryTake(_breaker))
            {
                case RetryPermit.Granted:
                    ScheduleRetry();
                    return;
                case RetryPermit.LimitReached when _retry.Retries > 0:
                    Cells.Add(_http.RqRetryLimitExceeded);
                    end = end.WithFlag(ResponseFlag.UpstreamRetryLimitExceeded);
                    break;
                case RetryPermit.Overflow:
                    Cells.Add(_http.RqRetryOverflow);
                    end = end.WithFlag(ResponseFlag.UpstreamOverflow);
                    break;
                default:
                    break;
            }
        }

        int status = reason == StreamResetReason.ProtocolError ? 502 : 503;
        _http.Count(Cells, status);
        string body = ResetBody.Of(reason, _retry.Retries > 0, transportFailure);
        Stream.Reply(status, System.Text.Encoding.ASCII.GetBytes(body), end.About(_cluster!.Name),
            reason == StreamResetReason.Overflow ? static headers => headers.Set(WellKnownHeader.XEnvoyOverloaded, "true"u8) : null);
    }

    private bool TryAgain()
    {
        if (!_body.IsComplete)
        {
            return false;
        }

        switch (_retry.TryTake(_breaker))
        {
            case RetryPermit.Granted:
                _retry.NoteRateLimit(ResponseHeaders, Stream.Loop.WallNow);
                break;
            case RetryPermit.Overflow:
                Cells.Add(_http.RqRetryOverflow);
                Stream.Info.Flags = Stream.Info.Flags.With(ResponseFlag.UpstreamOverflow);
                return false;
            default:
                return false;
        }

        IUpstreamStream? upstream = _upstream;
        _upstream = null;
        upstream?.Reset();
        ScheduleRetry();
        return true;
    }

    private void ScheduleRetry()
    {
        _timers?.CancelAttempt();
        ResponseHeaders.Clear();
        Cells.Add(_http.RqRetry);
        Cells.Add(_retry.IsRateLimited ? _http.RqRetryBackoffRateLimited : _http.RqRetryBackoff);
        Timers.BackOff(_retry.BackOffMilliseconds(Stream.NextRandom()));
    }

    // Small things

    private void ResponseComplete(long nowNanoseconds)
    {
        _upstream = null;
        Stream.Info.Times.UpstreamReceiveEnd = nowNanoseconds;
        _timers?.Stop();
    }

    private void NoteSent(bool end)
    {
        if (end)
        {
            Stream.Info.Times.UpstreamSendEnd = Stream.Loop.NowNanoseconds;
        }
    }

    private void CheckSource()
    {
        if (_upstream is { IsSendBlocked: true })
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
}
