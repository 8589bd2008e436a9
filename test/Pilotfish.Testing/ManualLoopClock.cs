using Pilotfish.Runtime.Loops;

namespace Pilotfish.Testing;

/// <summary>Time that stands still until a test moves it. Any thread may move it; attached loops are woken.</summary>
public sealed class ManualLoopClock : ILoopClock
{
    private readonly Lock _lock = new();
    private readonly List<EventLoop> _loops = [];

    // An odd start and an odd wall time show code that takes one clock for the other.
    private long _nanoseconds = 7_777_000_123;
    private DateTimeOffset _wall = new(2031, 3, 7, 11, 13, 17, 19, TimeSpan.Zero);

    public long NowNanoseconds
    {
        get
        {
            lock (_lock)
            {
                return _nanoseconds;
            }
        }
    }

    public DateTimeOffset WallNow
    {
        get
        {
            lock (_lock)
            {
                return _wall;
            }
        }
    }

    public bool RunsByItself => false;

    /// <summary>Wakes this loop whenever time is moved.</summary>
    public void Attach(EventLoop loop)
    {
        lock (_lock)
        {
            _loops.Add(loop);
        }
    }

    public void Advance(TimeSpan time)
    {
        EventLoop[] loops;
        lock (_lock)
        {
            _nanoseconds += time.Ticks * 100;
            _wall += time;
            loops = [.. _loops];
        }

        foreach (EventLoop loop in loops)
        {
            loop.Post(static _ => { }, null);
        }
    }

    public void AdvanceMilliseconds(long milliseconds) => Advance(TimeSpan.FromMilliseconds(milliseconds));

    /// <summary>Moves the wall clock alone, as an administrator or NTP does.</summary>
    public void JumpWall(TimeSpan by)
    {
        lock (_lock)
        {
            _wall += by;
        }
    }
}
