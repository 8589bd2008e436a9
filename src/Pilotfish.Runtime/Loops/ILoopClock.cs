namespace Pilotfish.Runtime.Loops;

/// <summary>Where a loop gets its time. Any thread may read it.</summary>
public interface ILoopClock
{
    /// <summary>Monotonic; the origin means nothing.</summary>
    long NowNanoseconds { get; }

    DateTimeOffset WallNow { get; }

    /// <summary>False for a clock moved by hand: the loop then waits without a time limit and relies on being posted to.</summary>
    bool RunsByItself { get; }
}
