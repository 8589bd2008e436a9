namespace Pilotfish.Bench.Peers;

/// <summary>Seconds of a processor, in a program's own code and in the kernel for it.</summary>
internal readonly record struct CpuTime(double UserSeconds, double SystemSeconds)
{
    public double Seconds => UserSeconds + SystemSeconds;

    public static CpuTime operator +(CpuTime a, CpuTime b) => new(a.UserSeconds + b.UserSeconds, a.SystemSeconds + b.SystemSeconds);

    public static CpuTime operator -(CpuTime a, CpuTime b) => new(a.UserSeconds - b.UserSeconds, a.SystemSeconds - b.SystemSeconds);
}
