using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.Drain;

/// <summary>
/// Tells a connection whether what it belongs to drains. Any worker may ask at every response; it is one volatile read per
/// level while nothing drains.
/// </summary>
public sealed class DrainWatcher
{
    private readonly DrainWatcher? _parent;
    private volatile Schedule? _schedule;

    internal DrainWatcher(DrainWatcher? parent) => _parent = parent;

    public bool IsDraining => _schedule is not null || (_parent?.IsDraining ?? false);

    /// <summary>Whether to end this connection now (connection: close, GOAWAY).</summary>
    public bool ShouldClose(WorkerRandom random, long nowMilliseconds)
    {
        if (_schedule is { } schedule && schedule.ShouldClose(random, nowMilliseconds))
        {
            return true;
        }

        return _parent is not null && _parent.ShouldClose(random, nowMilliseconds);
    }

    internal void Begin(long now, long duration, DrainStrategy strategy) =>
        _schedule ??= new Schedule(now, duration, strategy);

    private sealed record Schedule(long Start, long Duration, DrainStrategy Strategy)
    {
        public bool ShouldClose(WorkerRandom random, long now)
        {
            long elapsed = now - Start;
            return Strategy == DrainStrategy.Immediate || elapsed >= Duration
                || random.NextBelow((int)Math.Min(int.MaxValue, Math.Max(1, Duration))) < elapsed;
        }
    }
}
