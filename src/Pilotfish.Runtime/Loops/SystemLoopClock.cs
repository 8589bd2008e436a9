using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace Pilotfish.Runtime.Loops;

/// <summary>The machine's clocks. The one place that asks them.</summary>
[SuppressMessage("ApiDesign", "RS0030:Do not use banned APIs", Justification = "The ban sends every other reader of time here.")]
public sealed class SystemLoopClock : ILoopClock
{
    private SystemLoopClock()
    {
    }

    public static SystemLoopClock Instance { get; } = new();

    // Stopwatch counts nanoseconds on Linux (CLOCK_MONOTONIC through the vDSO, about 20 ns per call).
    public long NowNanoseconds => Stopwatch.GetTimestamp();

    public DateTimeOffset WallNow => DateTimeOffset.UtcNow;

    public bool RunsByItself => true;
}
