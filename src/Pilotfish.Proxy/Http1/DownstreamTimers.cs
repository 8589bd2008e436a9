using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Overload;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Http1;

/// <summary>The timeouts of a client's connection. The idle timer stays armed during requests, since moving it costs one field.</summary>
internal sealed class DownstreamTimers
{
    private readonly HcmModel _hcm;
    private readonly EventLoop _loop;
    private readonly OverloadState _overload;
    private readonly Http1DownstreamConnection _connection;
    private ScaledTimer? _idle;
    private LoopTimer? _head;
    private ScaledTimer? _duration;
    private LoopTimer? _linger;
    private LoopTimer? _drain;

    public DownstreamTimers(HcmModel hcm, EventLoop loop, OverloadState overload, Http1DownstreamConnection connection)
    {
        _hcm = hcm;
        _loop = loop;
        _overload = overload;
        _connection = connection;
    }

    /// <summary>Whether to read on for a moment after the last response, because the client may still be sending.</summary>
    public bool Lingers { get; set; }

    public void ConnectionStarted()
    {
        if (_hcm.IdleTimeoutMilliseconds > 0)
        {
            _idle = new ScaledTimer(_loop, ScaledTimerType.HttpDownstreamConnectionIdle, static state => ((DownstreamTimers)state!).IdleFired(), this);
            _idle.Schedule(_overload, _hcm.IdleTimeoutMilliseconds);
        }

        if (_hcm.MaxConnectionDurationMilliseconds > 0)
        {
            _duration = new ScaledTimer(_loop, ScaledTimerType.HttpDownstreamConnectionMax, static state => ((DownstreamTimers)state!)._connection.OnMaxDuration(), this);
            _duration.Schedule(_overload, _hcm.MaxConnectionDurationMilliseconds);
        }
    }

    public void HeadStarted()
    {
        if (_hcm.RequestHeadersTimeoutMilliseconds > 0 && _head is not { IsScheduled: true })
        {
            _head ??= new LoopTimer(_loop, static state => ((DownstreamTimers)state!)._connection.OnHeadTimeout(), this);
            _head.Schedule(_hcm.RequestHeadersTimeoutMilliseconds);
        }
    }

    public void RequestStarted() => _head?.Cancel();

    public void RequestEnded() => _idle?.Schedule(_overload, _hcm.IdleTimeoutMilliseconds);

    /// <summary>What the client had taken when the delayed close's time began.</summary>
    public long LingeredAt { get; private set; }

    public void LingerStarted(long bytesSent)
    {
        LingeredAt = bytesSent;
        _linger ??= new LoopTimer(_loop, static state => ((DownstreamTimers)state!)._connection.OnDelayedClose(), this);
        _linger.Schedule(_hcm.DelayedCloseMilliseconds);
    }

    public void DrainStarted()
    {
        _drain ??= new LoopTimer(_loop, static state => ((DownstreamTimers)state!)._connection.OnDrainTime(), this);
        _drain.Schedule(_hcm.DrainTimeoutMilliseconds);
    }

    public void Stop()
    {
        _drain?.Cancel();
        _idle?.Cancel();
        _head?.Cancel();
        _duration?.Cancel();
        _linger?.Cancel();
    }

    private void IdleFired()
    {
        if (_connection.IsBusy)
        {
            _idle!.Schedule(_overload, _hcm.IdleTimeoutMilliseconds);
        }
        else
        {
            _connection.OnIdleTimeout();
        }
    }
}
