using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Overload;

/// <summary>
/// A time-out that pressure may shorten after it was armed: it looks again after the shortest time that it could become. Without
/// reduce_timeouts for its kind it is a plain timer. Moving it writes two fields. One loop.
/// </summary>
internal sealed class ScaledTimer
{
    private readonly EventLoop _loop;
    private readonly ScaledTimerType _type;
    private readonly Action<object?> _callback;
    private readonly object? _state;
    private readonly LoopTimer _timer;
    private OverloadState _overload = OverloadState.Inactive;
    private long _start;
    private long _configured;

    public ScaledTimer(EventLoop loop, ScaledTimerType type, Action<object?> callback, object? state)
    {
        _loop = loop;
        _type = type;
        _callback = callback;
        _state = state;
        _timer = new LoopTimer(loop, static timer => ((ScaledTimer)timer!).Fire(), this);
    }

    public bool IsScheduled => _timer.IsScheduled;

    public void Schedule(OverloadState overload, long milliseconds)
    {
        _overload = overload;
        _start = _loop.NowMilliseconds;
        _configured = milliseconds;
        Arm(_overload.Scales(_type) ? _overload.Scaled(_type, milliseconds) : milliseconds);
    }

    public void Cancel() => _timer.Cancel();

    // Zero would fire in this turn again and again when the least is zero: one second is the overload manager's own pace.
    private void Arm(long left) =>
        _timer.Schedule(_overload.Scales(_type) ? Math.Min(left, Math.Max(_overload.Shortest(_type, _configured), 1000)) : left);

    private void Fire()
    {
        long left = _overload.Scaled(_type, _configured) - (_loop.NowMilliseconds - _start);
        if (left > 0)
        {
            Arm(left);
        }
        else
        {
            _callback(_state);
        }
    }
}
