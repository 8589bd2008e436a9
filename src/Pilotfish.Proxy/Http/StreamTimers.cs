using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Overload;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Routing;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Http;

/// <summary>
/// The timers of one request: idle, whole request, maximum duration, periodic log. Each exists only once a config asks for it; Istio's
/// default config asks for none. Touching a timer writes one field.
/// </summary>
internal sealed class StreamTimers(HttpStream stream)
{
    private const long NoLimit = -1;

    private ScaledTimer? _idle;
    private LoopTimer? _request;
    private LoopTimer? _duration;
    private LoopTimer? _log;
    private long _idleMilliseconds;

    public void Start()
    {
        HcmModel hcm = stream.Hcm;
        SetIdle(hcm.StreamIdleTimeoutMilliseconds);
        if (hcm.RequestTimeoutMilliseconds > 0 && !stream.IsRequestComplete)
        {
            _request ??= new LoopTimer(stream.Loop, static state => ((StreamTimers)state!).RequestFired(), this);
            _request.Schedule(hcm.RequestTimeoutMilliseconds);
        }

        SetDuration(hcm.MaxStreamDurationMilliseconds > 0 ? hcm.MaxStreamDurationMilliseconds : NoLimit);
        if (hcm.AccessLogMilliseconds > 0)
        {
            _log ??= new LoopTimer(stream.Loop, static state => ((StreamTimers)state!).LogFired(), this);
            _log.Schedule(hcm.AccessLogMilliseconds);
        }
    }

    /// <summary>The route's own timeouts replace the connection manager's.</summary>
    public void ApplyRoute(ForwardModel route)
    {
        if (route.IdleTimeoutMilliseconds is { } idle)
        {
            SetIdle(idle);
        }

        if (MaxDuration(route) is { } duration)
        {
            SetDuration(duration);
        }
    }

    public void Touch()
    {
        if (_idleMilliseconds > 0)
        {
            _idle!.Schedule(stream.Connection.Listener.Overload, _idleMilliseconds);
        }
    }

    public void RequestCompleted() => _request?.Cancel();

    /// <summary>request_timeout is about requests that nobody has answered yet; an upgrade's bytes are not a request.</summary>
    public void ResponseStarted() => _request?.Cancel();

    public void Stop()
    {
        _idle?.Cancel();
        _request?.Cancel();
        _duration?.Cancel();
        _log?.Cancel();
        _idleMilliseconds = 0;
    }

    // Null: what the connection manager allows stays.
    private long? MaxDuration(ForwardModel route)
    {
        HeaderMap headers = stream.RequestHeaders;
        long? duration = route.MaxStreamDurationMilliseconds is { } own ? (own == 0 ? NoLimit : own) : null;
        if (route.GrpcTimeoutMaxMilliseconds is { } most && GrpcText.TryReadTimeout(headers[WellKnownHeader.GrpcTimeout], out long asked))
        {
            long granted = most == 0 ? asked : Math.Min(asked, most);
            duration = Math.Max(0, granted - route.GrpcTimeoutOffsetMilliseconds);
        }

        // The upstream is told what counts, whichever setting it comes from.
        long told = duration ?? (stream.Hcm.MaxStreamDurationMilliseconds is > 0 and var common ? common : NoLimit);
        if (route.UsesStreamDuration && told >= 0 && GrpcText.IsGrpcRequest(headers))
        {
            GrpcText.SetTimeout(headers, told);
        }

        return duration;
    }

    private void SetIdle(long milliseconds)
    {
        _idleMilliseconds = milliseconds;
        if (milliseconds <= 0)
        {
            _idle?.Cancel();
            return;
        }

        _idle ??= new ScaledTimer(stream.Loop, ScaledTimerType.HttpDownstreamStreamIdle, static state => ((StreamTimers)state!).IdleFired(), this);
        _idle.Schedule(stream.Connection.Listener.Overload, milliseconds);
    }

    // 0 = at once: a grpc-timeout of which the offset leaves nothing.
    private void SetDuration(long milliseconds)
    {
        if (milliseconds < 0)
        {
            _duration?.Cancel();
            return;
        }

        _duration ??= new LoopTimer(stream.Loop, static state => ((StreamTimers)state!).DurationFired(), this);
        _duration.Schedule(milliseconds);
    }

    private int TimeoutStatus => stream.IsRequestComplete ? 504 : 408;

    private void IdleFired()
    {
        stream.Worker.Stats.Add(stream.Hcm.Stats.RqIdleTimeout);
        stream.Reply(TimeoutStatus, "stream timeout"u8, EndReasons.StreamIdleTimeout);
    }

    private void RequestFired()
    {
        stream.Worker.Stats.Add(stream.Hcm.Stats.RqTimeout);
        stream.Reply(TimeoutStatus, "request timeout"u8, EndReasons.RequestOverallTimeout);
    }

    private void LogFired()
    {
        stream.WriteLog(AccessLogType.DownstreamPeriodic);
        _log!.Schedule(stream.Hcm.AccessLogMilliseconds);
    }

    private void DurationFired()
    {
        stream.Worker.Stats.Add(stream.Hcm.Stats.RqMaxDuration);
        stream.Reply(TimeoutStatus, "downstream duration timeout"u8, EndReasons.MaxStreamDuration, null, 4);
    }
}
