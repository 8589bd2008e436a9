using Pilotfish.Proxy.Health;
using Pilotfish.Proxy.Http;
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
            _shadows.Complete();
        }

        if (_timeouts.GlobalMilliseconds > 0 && !Stream.IsEnded && !_responseStarted)
        {
            Timers.Global(_timeouts.GlobalMilliseconds);
        }

        if (_upstream is not null)
        {
            ArmTryTimer();
        }
    }

    private void ArmTryTimer()
    {
        if (_timeouts.PerTryMilliseconds > 0 && _requestEnded && !_responseStarted)
        {
            Timers.Try(_timeouts.PerTryMilliseconds);
        }
    }

    /// <summary>What is counted from the moment an attempt has a connection.</summary>
    private void ArmAttemptTimers()
    {
        if (_streamMilliseconds > 0)
        {
            Timers.Duration(_streamMilliseconds);
        }

        TouchTry();
    }

    // Any byte either way is a sign of life.
    private void TouchTry()
    {
        if (_forward.Retry is { PerTryIdleTimeoutMilliseconds: > 0 } policy && _upstream is not null)
        {
            Timers.TryIdle(policy.PerTryIdleTimeoutMilliseconds);
        }
    }

    internal void GlobalTimeout()
    {
        Cells.Add(_http.RqTimeout);
        DropAttempt();
        TimeoutReply(EndReasons.RequestTimeout);
    }

    internal void TryTimeout()
    {
        Cells.Add(_http.RqPerTryTimeout);
        TryEnded(EndReasons.PerTryTimeout);
    }

    internal void TryIdleTimeout()
    {
        Cells.Add(_http.RqPerTryIdleTimeout);
        TryEnded(EndReasons.PerTryIdleTimeout);
    }

    /// <summary>The upstream took longer for the whole exchange than its cluster (or a trusted client) allows.</summary>
    internal void StreamDurationReached()
    {
        Cells.Add(_http.RqMaxDuration);
        DropAttempt();
        if (MayRetry() && _retry.Wants(StreamResetReason.LocalReset, requestStarted: true) && _retry.TryTake(_breaker) == RetryPermit.Granted)
        {
            ScheduleRetry();
            return;
        }

        int status = Stream.IsRequestComplete ? 504 : 408;
        CountLocal(status);
        Stream.Reply(status, "upstream max stream duration reached"u8, EndReasons.UpstreamMaxStreamDuration.About(_cluster!.Name));
    }

    private void TryEnded(EndReason reason)
    {
        DropAttempt();
        if (MayRetry() && _retry.IsEnabled && _retry.WantsAfterTimeout() && _retry.TryTake(_breaker) == RetryPermit.Granted)
        {
            if (_forward.IncludeTimeoutRetryHeader)
            {
                Stream.RequestHeaders.Set(WellKnownHeader.XEnvoyIsTimeoutRetry, "true"u8);
            }

            ScheduleRetry();
            return;
        }

        TimeoutReply(reason);
    }

    private bool MayRetry() => !_informed && !_responseStarted && _body.IsComplete;

    private void CountLocal(int status)
    {
        if (!_responseStarted)
        {
            _http.Count(Cells, status);
        }
    }

    private void TimeoutReply(EndReason reason)
    {
        int status = _timeouts.AltResponse ? 204 : 504;
        CountLocal(status);
        Stream.Reply(status, _timeouts.AltResponse ? default : "upstream request timeout"u8, reason.About(_cluster!.Name));
    }

    private void DropAttempt()
    {
        _timers?.CancelBackOff();
        _timers?.CancelAttempt();
        if (_pool is { } pool)
        {
            _pool = null;
            pool.GiveUp(this);
        }

        if (_upstream is { } upstream)
        {
            _upstream = null;
            _host!.Monitor.OnResult(OutlierResult.RequestTimeout, Stream.Loop.NowMilliseconds);
            Cells.Add(_http.RqTxReset);
            upstream.Reset();
        }
    }
}
