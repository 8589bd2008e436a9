using System.Text;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Health;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tls;

namespace Pilotfish.Proxy.Filters.Router;

/// <content>
/// Attempts: how one begins, what follows when it fails. While a request is hedged, a failure is the client's business only when no other
/// attempt is under way or about to begin.
/// </content>
public sealed partial class RouterFilter
{
    /// <summary>The back-off is over.</summary>
    internal void Retry()
    {
        _retryPending = false;
        Attempt();
    }

    private void Attempt()
    {
        StreamInfo info = Stream.Info;
        if (_retry.Retries > 0)
        {
            long elapsed = _requestEnded ? (Now - info.Times.DownstreamReceiveEnd) / 1_000_000 : 0;
            _timeouts.Announce(Stream.RequestHeaders, _model.SuppressesEnvoyHeaders, elapsed);
        }

        // The reference, not the state of the first attempt: a retry sees the cluster and membership of now.
        ClusterState cluster = LocalAnswers.Reference(Stream, _forward)?.Current ?? _cluster!;
        WorkerCluster worker = Stream.Worker.Worker.Cluster(cluster);
        LoadBalancingRequest request = BalancingRequest(cluster);
        HostPick pick = worker.Pick(in request);
        IUpstreamHttpPool? pool = pick.Host is { } candidate ? PoolOf(worker, candidate, in request) : null;

        // A first attempt without a host or a pool is none: the count stays 0.
        if (pool is not null || _retry.Retries > 0)
        {
            info.Upstream.AttemptCount++;
        }

        if (pool is null)
        {
            NoHost(pick.Failure ?? EndReasons.NoHealthyUpstream);
            return;
        }

        if (_forward.IncludeAttemptCount && info.Upstream.AttemptCount > 1)
        {
            Stream.RequestHeaders.SetNumber(WellKnownHeader.XEnvoyAttemptCount, info.Upstream.AttemptCount);
        }

        Host host = pick.Host!;
        UpstreamAttempt attempt = NextAttempt();
        attempt.Start(host, Now);
        info.Times.UpstreamRequestBegin = attempt.Begin;
        info.Times.UpstreamPoolReady = 0;
        _retry.Remember(host);
        AttemptFacts.Picked(info, host);
        attempt.Acquire(pool);
    }

    // Null when max_connection_pools are in use.
    private IUpstreamHttpPool? PoolOf(WorkerCluster worker, Host host, in LoadBalancingRequest request)
    {
        StreamInfo info = Stream.Info;
        var priority = (RoutingPriority)_forward.Priority;
        UpstreamTransportOverrides? overrides =
            UpstreamOverrides.Of(info.Connection, info.FilterState, worker.State.Config, Stream.RequestHeaders, Stream.TransportOverrides);
        if (_isRaw)
        {
            return HostHttpPools.Of(worker, host, priority, overrides, UpstreamProtocol.Raw);
        }

        if (worker.Provision is not null)
        {
            HostHttpPools.Anticipate(worker, in request, priority, overrides, info.Protocol);
        }

        return HostHttpPools.Of(worker, host, priority, overrides, info.Protocol);
    }

    private LoadBalancingRequest BalancingRequest(ClusterState cluster)
    {
        bool again = _retry.Retries > 0;
        return new LoadBalancingRequest
        {
            Hash = _hash,
            Subset = Stream.WeightedCluster?.Subset ?? _forward.Subset,
            OriginalDestination = OriginalDestinations.Of(cluster, Stream.Info, Stream.RequestHeaders, Cells),
            Avoid = _retry.AvoidsPreviousHosts ? _retry.Tried : default,
            Tried = _retry.Tried,
            PriorityUpdateFrequency = again ? _retry.PriorityUpdateFrequency : 0,
            OmitsCanaries = again && _retry.OmitsCanaryHosts,
            Omits = again ? _retry.OmitsHosts : null,
            ReselectMax = again ? _retry.HostSelectionAttempts : 0,
            Attempt = (uint)_retry.Retries,
        };
    }

    // The one object of a request that is not hedged; one that goes on steps aside for a new one.
    private UpstreamAttempt NextAttempt()
    {
        if (_attempt is { IsInFlight: true } slow)
        {
            (_others ??= []).Add(slow);
            _attempt = null;
        }

        return _attempt ??= new UpstreamAttempt(this);
    }

    private void NoHost(EndReason reason)
    {
        AbandonAll();
        Charge(503, null);
        Answer(503, "no healthy upstream"u8, reason.About(_cluster!.Name));
    }

    internal void OnReady(UpstreamAttempt attempt, IUpstreamStream stream)
    {
        AttemptFacts.Connected(Stream.Info, attempt);
        RequestRewrite.ApplyScheme(Stream, stream.Connection);
        RequestRewrite.ApplyAutoHost(Stream, _forward, attempt.Host!.Hostname, _model.SuppressesEnvoyHeaders);
        UpstreamFilters?.OnRequestHeaders(Stream.RequestHeaders, Stream.Info, Stream.Worker.Scratch);
        _anyStarted = true;
        _named.Connected(Cells);
        attempt.Log?.Connected(attempt);
        bool hasBody = _body.Length > 0;
        bool endsWithHead = _requestEnded && !hasBody && _trailers is null && !_isUpgrade
            && (_metadata is null || stream.Protocol != HttpProtocol.Http2);
        _earlyData = WaitsForSwitch(Stream.RequestHeaders) ? EarlyData.Waits : EarlyData.None;
        stream.SendHeaders(Stream.RequestHeaders, endsWithHead, _isUpgrade);
        if (_isRaw)
        {
            SendProxyHeader(stream);
        }

        if (_metadata is not null)
        {
            SendHeldMetadata(stream);
        }

        if (_earlyData == EarlyData.None)
        {
            SendHeldBody(attempt, stream, hasBody || (_requestEnded && !endsWithHead && _trailers is null));
        }

        ArmTryTimer(attempt);
        ArmAttemptTimers(attempt);
    }

    internal void OnPoolFailure(UpstreamAttempt attempt, StreamResetReason reason, string? transportFailure)
    {
        Stream.Info.Times.UpstreamPoolReady = attempt.Ready;
        AttemptFailed(attempt, reason, transportFailure);
    }

    internal void OnReset(UpstreamAttempt attempt, StreamResetReason reason, string? transportFailure)
    {
        Cells.Add(_http.RqRxReset);
        if (_responseStarted)
        {
            Cells.Add(Stream.Hcm.Stats.RqResetAfterStart);
            Stream.End(StreamResetReasons.EndReason(reason, responseStarted: true, transportFailure), complete: false);
            return;
        }

        attempt.Host!.Monitor.OnResult(OutlierResult.RequestReset, Stream.Loop.NowMilliseconds);
        AttemptFailed(attempt, reason, transportFailure);
    }

    private void AttemptFailed(UpstreamAttempt attempt, StreamResetReason reason, string? transportFailure)
    {
        _others?.Remove(attempt);
        if (!attempt.IsHedged && TryTakeRetry(attempt, _retry.Wants(reason, _anyStarted), out _))
        {
            ScheduleRetry(afterTimeout: false);
            return;
        }

        int status = reason == StreamResetReason.ProtocolError ? 502 : 503;
        Charge(status, attempt);
        if (IsAnotherAwaited)
        {
            return;
        }

        EndReason end = StreamResetReasons.EndReason(reason, responseStarted: false, transportFailure);
        string body = ResetBody.Of(reason, _retry.Retries > 0, transportFailure);
        bool marks = reason == StreamResetReason.Overflow && !_model.SuppressesEnvoyHeaders;
        Answer(status, Encoding.ASCII.GetBytes(body), end.About(_cluster!.Name), marks ? WellKnownHeader.XEnvoyOverloaded : WellKnownHeader.None);
    }

    // What the router itself answers once it has tried: it tells how often, where upstreams' responses do. A mark is a header that says true.
    private void Answer(int status, ReadOnlySpan<byte> body, EndReason reason, WellKnownHeader mark = WellKnownHeader.None)
    {
        int attempts = _forward.IncludeAttemptCountInResponse ? (int)Stream.Info.Upstream.AttemptCount : 0;
        if (attempts > 0 || mark != WellKnownHeader.None)
        {
            Stream.Reply(status, body, reason, Marking(attempts, mark));
        }
        else
        {
            Stream.Reply(status, body, reason);
        }
    }

    // A method of its own: its closure would otherwise be allocated by every answer.
    private static Action<HeaderMap> Marking(int attempts, WellKnownHeader mark) => headers =>
    {
        if (mark != WellKnownHeader.None)
        {
            headers.Set(mark, "true"u8);
        }

        if (attempts > 0)
        {
            headers.SetNumber(WellKnownHeader.XEnvoyAttemptCount, attempts);
        }
    };

    /// <summary>Whether a response may still come: from an attempt under way, or from a retry that waits for its time.</summary>
    private bool IsAnotherAwaited => _retryPending || _others is { Count: > 0 } || _attempt is { IsInFlight: true };

    private bool MayRetry => !_informed && !_responseStarted && _body.IsComplete;

    /// <summary>Takes a retry if one is wanted and to be had. What forbids it is counted and flagged, even if another attempt answers.</summary>
    /// <param name="attempt">What failed, or takes too long.</param>
    /// <param name="wanted">Whether the policy asks for it.</param>
    /// <param name="refused">Whether it was wanted in vain.</param>
    private bool TryTakeRetry(UpstreamAttempt attempt, bool wanted, out bool refused)
    {
        refused = false;
        if (!wanted || !MayRetry)
        {
            return false;
        }

        RetryPermit permit = _retry.TryTake(_breaker, isCounted: attempt.Stream is not null, Stream.NextRandom());
        if (permit == RetryPermit.Granted)
        {
            return true;
        }

        if (permit == RetryPermit.Off)
        {
            return false;
        }

        refused = true;
        bool overflow = permit == RetryPermit.Overflow;
        Cells.Add(overflow ? _http.RqRetryOverflow : _http.RqRetryLimitExceeded);
        _named.RetryRefused(Cells, overflow);
        Stream.Info.Flags = Stream.Info.Flags.With(
            overflow ? ResponseFlag.UpstreamOverflow : ResponseFlag.UpstreamRetryLimitExceeded);
        return false;
    }

    private void ScheduleRetry(bool afterTimeout)
    {
        ResponseHeaders.Clear();
        if (_forward.IncludeTimeoutRetryHeader)
        {
            Stream.RequestHeaders.Set(WellKnownHeader.XEnvoyIsTimeoutRetry, afterTimeout ? "true"u8 : "false"u8);
        }

        _retryPending = true;
        Cells.Add(_http.RqRetry);
        _named.Retried(Cells);
        Cells.Add(_retry.IsRateLimited ? _http.RqRetryBackoffRateLimited : _http.RqRetryBackoff);
        Timers.BackOff(_retry.BackOffMilliseconds(Stream.NextRandom()));
    }

    private void Abandon(UpstreamAttempt attempt)
    {
        if (attempt.Abandon())
        {
            Cells.Add(_http.RqTxReset);
        }
    }

    private void AbandonAll()
    {
        _retryPending = false;
        _timers?.CancelBackOff();
        if (_attempt is { } attempt)
        {
            Abandon(attempt);
        }

        AbandonOthers(null);
    }

    /// <summary>Ends the attempts beside the one that answered, which becomes the request's only one.</summary>
    private void KeepOnly(UpstreamAttempt winner)
    {
        _retryPending = false;
        _timers?.CancelBackOff();
        if (_others is not { Count: > 0 } && winner == _attempt)
        {
            return;
        }

        if (_attempt is { } latest && latest != winner)
        {
            Abandon(latest);
        }

        AbandonOthers(winner);
        _attempt = winner;
        AttemptFacts.Restore(Stream.Info, winner);
    }

    private void AbandonOthers(UpstreamAttempt? kept)
    {
        if (_others is not { Count: > 0 } others)
        {
            return;
        }

        foreach (UpstreamAttempt other in others)
        {
            if (other != kept)
            {
                Abandon(other);
            }
        }

        others.Clear();
    }
}
