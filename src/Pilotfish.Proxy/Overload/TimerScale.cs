namespace Pilotfish.Proxy.Overload;

/// <summary>The shortest a time-out becomes under full pressure: a time, or a share of what is configured.</summary>
/// <param name="MinMilliseconds">The time; negative when <paramref name="MinShare"/> counts.</param>
/// <param name="MinShare">From 0 to 1.</param>
internal readonly record struct TimerScale(long MinMilliseconds, double MinShare)
{
    public long Min(long configured) =>
        Math.Min(configured, MinMilliseconds >= 0 ? MinMilliseconds : (long)(configured * MinShare));
}
