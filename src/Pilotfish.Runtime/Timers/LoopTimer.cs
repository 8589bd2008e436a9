using Pilotfish.Runtime.Loops;

namespace Pilotfish.Runtime.Timers;

/// <summary>
/// A reusable timer, itself the node of its loop's wheel: scheduling allocates nothing and moving a deadline further away (idle
/// time-outs on every request) only writes a field. Loop-affine. It fires never early and at most one turn late.
/// </summary>
public sealed class LoopTimer
{
    internal LoopTimer? Previous;
    internal LoopTimer? Next;

    /// <summary>Where the wheel holds it: level * 64 + slot; -1 when it is not in the wheel.</summary>
    internal int Position = -1;

    /// <summary>The time at which the wheel looks at it; not after <see cref="Deadline"/>.</summary>
    internal long WheelDeadline;

    internal long Deadline;

    private readonly EventLoop _loop;
    private readonly Action<object?> _callback;
    private readonly object? _state;

    public LoopTimer(EventLoop loop, Action<object?> callback, object? state)
    {
        _loop = loop;
        _callback = callback;
        _state = state;
    }

    public bool IsScheduled => Position >= 0;

    /// <summary>
    /// Arms or re-arms: the callback runs once, this long after the turn's coarse time. Any number will do, for peers choose some of them:
    /// a time in the past is now, one beyond what a clock can tell never comes.
    /// </summary>
    public void Schedule(long milliseconds)
    {
        _loop.AssertCurrent();
        long now = _loop.NowMilliseconds;
        _loop.Schedule(this, now + Math.Clamp(milliseconds, 0, long.MaxValue - now));
    }

    public void Cancel()
    {
        _loop.AssertCurrent();
        _loop.Cancel(this);
    }

    internal void Fire() => _callback(_state);
}
