using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Overload;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Http2;

/// <summary>The timeouts of a client's HTTP/2 connection; each timer exists once it was needed.</summary>
internal sealed class Http2DownstreamTimers(HcmModel hcm, OverloadState overload, Http2DownstreamConnection connection)
{
    private ScaledTimer? _idle;
    private ScaledTimer? _duration;
    private LoopTimer? _drain;
    private LoopTimer? _linger;
    private ScaledTimer? _flush;
    private long _flushMilliseconds;
    private LoopTimer? _head;

    public void ConnectionStarted()
    {
        if (hcm.IdleTimeoutMilliseconds > 0)
        {
            _idle = new ScaledTimer(connection.Loop, ScaledTimerType.HttpDownstreamConnectionIdle, static state => ((Http2DownstreamTimers)state!).IdleFired(), this);
            _idle.Schedule(overload, hcm.IdleTimeoutMilliseconds);
        }

        if (hcm.MaxConnectionDurationMilliseconds > 0)
        {
            _duration = new ScaledTimer(connection.Loop, ScaledTimerType.HttpDownstreamConnectionMax, static state => ((Http2DownstreamTimers)state!).DurationFired(), this);
            _duration.Schedule(overload, hcm.MaxConnectionDurationMilliseconds);
        }
    }

    public void StreamEnded() => _idle?.Schedule(overload, hcm.IdleTimeoutMilliseconds);

    /// <summary>A request's head has begun to arrive in more than one frame.</summary>
    public void HeadStarted()
    {
        if (hcm.RequestHeadersTimeoutMilliseconds > 0)
        {
            _head ??= new LoopTimer(connection.Loop, static state => ((Http2DownstreamTimers)state!).HeadFired(), this);
            _head.Schedule(hcm.RequestHeadersTimeoutMilliseconds);
        }
    }

    public void HeadEnded() => _head?.Cancel();

    public void DrainStarted()
    {
        _drain ??= new LoopTimer(connection.Loop, static state => ((Http2DownstreamTimers)state!).DrainFired(), this);
        _drain.Schedule(hcm.DrainTimeoutMilliseconds);
    }

    public void LingerStarted()
    {
        _linger ??= new LoopTimer(connection.Loop, static state => ((Http2DownstreamTimers)state!).LingerFired(), this);
        _linger.Schedule(hcm.DelayedCloseMilliseconds);
    }

    /// <summary>A response waits for its client's window after its request has ended.</summary>
    /// <param name="milliseconds">How long it may; 0 = for ever.</param>
    public void FlushStarted(long milliseconds)
    {
        if (milliseconds > 0)
        {
            _flush ??= new ScaledTimer(connection.Loop, ScaledTimerType.HttpDownstreamStreamFlush, static state => ((Http2DownstreamTimers)state!).FlushFired(), this);
            if (!_flush.IsScheduled || milliseconds < _flushMilliseconds)
            {
                _flushMilliseconds = milliseconds;
                _flush.Schedule(overload, milliseconds);
            }
        }
    }

    public void Stop()
    {
        _idle?.Cancel();
        _duration?.Cancel();
        _drain?.Cancel();
        _linger?.Cancel();
        _flush?.Cancel();
        _head?.Cancel();
    }

    private void HeadFired() => connection.OnHeadTimeout();

    private void DurationFired() => connection.OnMaxDuration();

    private void DrainFired() => connection.OnDrainTime();

    private void LingerFired() => connection.OnLingerTime();

    private void FlushFired()
    {
        long shortest = connection.EndStalled();
        if (shortest > 0)
        {
            _flushMilliseconds = Math.Max(1, shortest / 4);
            _flush!.Schedule(overload, _flushMilliseconds);
        }
    }

    public long ScaledFlush(long milliseconds) => overload.Scaled(ScaledTimerType.HttpDownstreamStreamFlush, milliseconds);

    private void IdleFired()
    {
        if (connection.IsBusy)
        {
            _idle!.Schedule(overload, hcm.IdleTimeoutMilliseconds);
        }
        else
        {
            connection.OnIdleTimeout();
        }
    }
}
