using Pilotfish.Proxy.Health;
using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.Filters.Router;

/// <content>What the router does when time is up: for the request, for one attempt, for an attempt that is silent.</content>
public sealed partial class RouterFilter
{
    // Timeouts

    private void RequestComplete()
    {
        if (_shadows is { IsEmpty: false })
        {
            _shadows.Complete(_trailers);
        }

        if (_timeouts.GlobalMilliseconds > 0 && !Stream.IsEnded && !_responseStarted)
        {
            Timers.Global(_timeouts.GlobalMilliseconds);
        }

        if (_attempt is { Stream: not null } attempt)
        {
            ArmTryTimer(attempt);
        }
    }

    private void ArmTryTimer(UpstreamAttempt attempt)
    {
        if (_timeouts.PerTryMilliseconds > 0 && _requestEnded && !_responseStarted)
        {
            attempt.LimitTry(_timeouts.PerTryMilliseconds);
        }
    }

    /// <summary>What is counted from the moment an attempt has a connection.</summary>
    private void ArmAttemptTimers(UpstreamAttempt attempt)
    {
        // The answer may have come while the request was being sent.
        if (attempt.Stream is null)
        {
            return;
        }

        if (_streamMilliseconds > 0)
        {
            attempt.LimitDuration(_streamMilliseconds);
        }

        TouchTry(attempt);
    }

    // Any byte either way is a sign of life.
    private void TouchTry(UpstreamAttempt attempt)
    {
        if (_retryPolicy is { PerTryIdleTimeoutMilliseconds: > 0 } policy && attempt is { Stream: not null, IsHedged: false })
        {
            attempt.LimitIdle(policy.PerTryIdleTimeoutMilliseconds);
        }
    }

    /// <summary>The route's timeout counts for each attempt that it ends.</summary>
    internal void GlobalTimeout()
    {
        TimeOutOne(_attempt);
        if (_others is { Count: > 0 } others)
        {
            foreach (UpstreamAttempt other in others)
            {
                TimeOutOne(other);
            }
        }

        AbandonAll();
        TimeoutReply(EndReasons.RequestTimeout);
    }

    private void TimeOutOne(UpstreamAttempt? attempt)
    {
        if (attempt is not { IsInFlight: true })
        {
            return;
        }

        Cells.Add(_http.RqTimeout);
        _named.TimedOut(Cells);
        if (!_responseStarted)
        {
            TellTimeout(attempt);
            Charge(TimeoutStatus, attempt);
        }
    }

    internal void TryTimeout(UpstreamAttempt attempt)
    {
        attempt.Log?.TimedOut(ResponseFlag.UpstreamRequestTimeout);
        if (!_hedges)
        {
            Cells.Add(_http.RqPerTryTimeout);
        }

        TryEnded(attempt, EndReasons.PerTryTimeout);
    }

    internal void TryIdleTimeout(UpstreamAttempt attempt)
    {
        attempt.Log?.TimedOut(ResponseFlag.StreamIdleTimeout);
        if (!_hedges)
        {
            Cells.Add(_http.RqPerTryIdleTimeout);
        }

        TryEnded(attempt, EndReasons.PerTryIdleTimeout);
    }

    /// <summary>The upstream took longer for the whole exchange than its cluster (or a trusted client) allows.</summary>
    internal void StreamDurationReached(UpstreamAttempt attempt)
    {
        Cells.Add(_http.RqMaxDuration);
        _others?.Remove(attempt);
        Abandon(attempt);
        if (!attempt.IsHedged && TryTakeRetry(attempt, _retry.Wants(StreamResetReason.LocalReset, _anyStarted), out _))
        {
            ScheduleRetry(afterTimeout: false);
            return;
        }

        AbandonAll();
        int status = Stream.IsRequestComplete ? 504 : 408;
        Answer(status, "upstream max stream duration reached"u8, EndReasons.UpstreamMaxStreamDuration.About(_cluster!.Name));
    }

    private void TryEnded(UpstreamAttempt attempt, EndReason reason)
    {
        if (_hedges)
        {
            Hedge(attempt);
            return;
        }

        if (!_responseStarted)
        {
            TellTimeout(attempt);
        }

        Abandon(attempt);
        if (TryTakeRetry(attempt, _retry.Wants(StreamResetReason.LocalReset, _anyStarted), out _))
        {
            ScheduleRetry(afterTimeout: true);
            return;
        }

        if (!_responseStarted)
        {
            Charge(TimeoutStatus, attempt);
        }

        TimeoutReply(reason);
    }

    /// <summary>The attempt goes on; another one begins beside it if the policy's retries and the breaker have one left.</summary>
    private void Hedge(UpstreamAttempt attempt)
    {
        if (_responseStarted || attempt.TimeoutTold)
        {
            return;
        }

        TellTimeout(attempt);
        if (TryTakeRetry(attempt, _retry.IsActive, out _))
        {
            attempt.IsHedged = true;
            ScheduleRetry(afterTimeout: true);
        }
    }

    // Once: a hedged attempt was reported when its time was up, and the route's timeout may end it later.
    private void TellTimeout(UpstreamAttempt attempt)
    {
        if (!attempt.TimeoutTold)
        {
            attempt.TimeoutTold = true;
            attempt.Host!.Monitor.OnResult(OutlierResult.RequestTimeout, Stream.Loop.NowMilliseconds);
        }
    }

    private int TimeoutStatus => _timeouts.AltResponse ? 204 : 504;

    private void TimeoutReply(EndReason reason)
    {
        if (_requestEnded)
        {
            _http.Tracked?.Responded(Cells, (Now - Stream.Info.Times.DownstreamReceiveEnd) / 1_000_000, _timeouts.GlobalMilliseconds);
        }

        Answer(TimeoutStatus, _timeouts.AltResponse ? default : "upstream request timeout"u8, reason.About(_cluster!.Name));
    }

    /// <summary>An attempt that was under way is over; asked of clusters that keep figures of attempts.</summary>
    internal void Track(UpstreamAttempt attempt) => _http.Tracked?.Ended(
        Cells, attempt, Stream.RequestHeaders, (Now - attempt.Begin) / 1_000_000, _timeouts.PerTryMilliseconds);
}
