using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Proxy.Config;

/// <summary>What the process uses, as the kernel counts it.</summary>
/// <param name="ProcessorTime">Of all threads since the start.</param>
/// <param name="OwnBytes">Resident bytes that no file holds.</param>
internal sealed record MemoryReadings(Func<TimeSpan> ProcessorTime, Func<long> OwnBytes)
{
    public static readonly MemoryReadings OfProcess = new(
        static () => Environment.CpuUsage.TotalTime, static () => ProcessMemory.AnonymousBytes() ?? 0);
}
