using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters.Fault;

/// <summary>The filter in a chain: its default policy, its statistics, and the faults in progress of all workers.</summary>
public sealed class FaultModel(FaultPolicy policy, FaultStats stats) : HttpFilterModel
{
    private int _active;

    public FaultStats Stats { get; } = stats;

    public override HttpFilter? Create(HttpStream stream, string name)
    {
        FaultPolicy applied = stream.RouteConfigOf<FaultPolicy>(name) ?? policy;
        return applied.IsIdle || !applied.AppliesTo(stream)
            ? null
            : new FaultFilter(this, applied);
    }

    internal bool TryBegin(uint max)
    {
        if ((uint)Interlocked.Increment(ref _active) <= max)
        {
            return true;
        }

        Interlocked.Decrement(ref _active);
        return false;
    }

    internal void End() => Interlocked.Decrement(ref _active);
}
