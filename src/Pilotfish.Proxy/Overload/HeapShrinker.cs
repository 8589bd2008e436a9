using System.Runtime;
using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Proxy.Overload;

/// <summary>shrink_heap: one thorough collection, then what malloc keeps goes back to the kernel; not more often than Envoy does.</summary>
internal sealed class HeapShrinker
{
    private const long IntervalMilliseconds = 10_000;

    private long _next;

    public bool IsDue(long nowMilliseconds) => nowMilliseconds >= _next;

    public void Shrink(long nowMilliseconds)
    {
        _next = nowMilliseconds + IntervalMilliseconds;
        GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        ProcessMemory.Trim();
    }
}
