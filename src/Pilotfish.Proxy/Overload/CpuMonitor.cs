using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Proxy.Overload;

/// <summary>
/// cpu_utilization: how busy the processors were since the last look, smoothed as Envoy smooths it (each look counts 5 %, so that a spike of one refresh does
/// not shed load). The first look only remembers.
/// </summary>
/// <param name="read">The machine's or the container's counters; null when they cannot be read.</param>
internal sealed class CpuMonitor(Func<CpuTimes?> read) : ResourceMonitor
{
    private const double LatestShare = 0.05;

    private CpuTimes? _before;
    private double _utilization;

    public override double? ReadPressure()
    {
        if (read() is not { } now)
        {
            return null;
        }

        if (_before is not { } before)
        {
            _before = now;
            return 0;
        }

        double work = now.Work - before.Work;
        double total = now.Total - before.Total;
        if (work < 0 || total < 0)
        {
            // Counters that go back: another file system, or a machine that was restored.
            _before = now;
            return null;
        }

        if (total > 0)
        {
            _before = now;
            _utilization = (Math.Clamp(work / total / now.Processors, 0, 1) * LatestShare) + (_utilization * (1 - LatestShare));
        }

        return _utilization;
    }
}
