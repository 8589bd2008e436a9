using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Proxy.Overload;

/// <summary>
/// fixed_heap: the process's resident memory against a fixed amount. Native and managed memory are one to whoever pays for them,
/// so it is what the kernel counts, not what a collector does.
/// </summary>
internal sealed class HeapMonitor(long bytesMax, Func<long?> residentBytes) : ResourceMonitor
{
    public HeapMonitor(long bytesMax)
        : this(bytesMax, static () => ProcessMemory.ResidentBytes())
    {
    }

    public override double? ReadPressure() => residentBytes() is { } bytes ? (double)bytes / bytesMax : null;
}
