using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Http2;

/// <summary>
/// connection_keepalive: a PING each interval, and before a request after a silence, and the connection's end when none is answered in time.
/// Traffic puts it off.
/// </summary>
internal sealed class Http2Keepalive
{
    private readonly Http2Session _session;
    private readonly Http2Options _options;
    private readonly LoopTimer _interval;
    private readonly LoopTimer _timeout;
    private uint _jitterState = 0x9E3779B9;
    private long _receivedAt;

    public Http2Keepalive(Http2Session session, Http2Options options)
    {
        _session = session;
        _options = options;
        _interval = new LoopTimer(session.Loop, static state => ((Http2Keepalive)state!).SendPing(), this);
        _timeout = new LoopTimer(session.Loop, static state => ((Http2Keepalive)state!)._session.OnPingTimeout(), this);
    }

    public void Start()
    {
        _receivedAt = _session.Loop.NowMilliseconds;
        if (_options.KeepaliveMilliseconds > 0)
        {
            _interval.Schedule(NextInterval());
        }
    }

    public void Stop()
    {
        _interval.Cancel();
        _timeout.Cancel();
    }

    /// <summary>Any byte of the peer proves as much as an answer.</summary>
    public void OnReceived()
    {
        _receivedAt = _session.Loop.NowMilliseconds;
        _timeout.Cancel();
    }

    /// <summary>A request is about to go out: whether anybody is there is asked ahead of it when nothing was heard for connection_idle_interval.</summary>
    public void OnRequest()
    {
        if (_options.IdlePingMilliseconds > 0 && !_timeout.IsScheduled
            && _session.Loop.NowMilliseconds - _receivedAt > _options.IdlePingMilliseconds)
        {
            Ping();
        }
    }

    public void OnPong() => _timeout.Cancel();

    private void SendPing()
    {
        Ping();
        _interval.Schedule(NextInterval());
    }

    private void Ping()
    {
        _session.Output.Ping("pilotfis"u8, ack: false);
        if (!_timeout.IsScheduled)
        {
            _timeout.Schedule(_options.KeepaliveTimeoutMilliseconds);
        }
    }

    // Spreads the pings of connections that were opened together; a cheap generator will do.
    private long NextInterval()
    {
        _jitterState ^= (uint)_session.Loop.NowMilliseconds;
        _jitterState = (_jitterState * 1664525) + 1013904223;
        long jitter = _options.KeepaliveMilliseconds * _options.KeepaliveJitterPercent / 100;
        return _options.KeepaliveMilliseconds + (jitter > 0 ? (_jitterState >> 8) % jitter : 0);
    }
}
