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
    private long _startMilliseconds;

    public void Start()
    {
        HcmModel hcm = stream.Hcm;
        _startMilliseconds = stream.Loop.NowMilliseconds;
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

    /// <summary>
    /// The timeouts of the route that was chosen, also of one that was chosen anew, replace the connection manager's. Time that the request
    /// has used counts. An idle timeout stays when a later route names none, as in Envoy.
    /// </summary>
    public void ApplyRoute(ForwardModel route)
    {
        if (route.IdleTimeoutMilliseconds is { } idle)
        {
            SetIdle(idle);
        }

        long duration = DurationOf(route);
        bool tells = route.UsesStreamDuration && GrpcText.IsGrpcRequest(stream.RequestHeaders);
        if (duration >= 0)
        {
            // The upstream is told what counts, whichever setting it comes from.
            if (tells)
            {
                GrpcText.SetTimeout(stream.RequestHeaders, duration);
            }

            SetDuration(Math.Max(0, duration - (stream.Loop.NowMilliseconds - _startMilliseconds)));
            return;
        }

        if (_duration is not { IsScheduled: true })
        {
            return;
        }

        _duration.Cancel();
        if (tells)
        {
            stream.RequestHeaders.Remove(WellKnownHeader.GrpcTimeout);
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

    private long DurationOf(ForwardModel route)
    {
        if (route.GrpcTimeoutMaxMilliseconds is { } most
            && GrpcText.TryReadTimeout(stream.RequestHeaders[WellKnownHeader.GrpcTimeout], out long asked))
        {
            long granted = most == 0 ? asked : Math.Min(asked, most);
            return Math.Max(0, granted - route.GrpcTimeoutOffsetMilliseconds);
        }

        long configured = route.MaxStreamDurationMilliseconds ?? stream.Hcm.MaxStreamDurationMilliseconds;
        return configured > 0 ? configured : NoLimit;
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
