namespace Pilotfish.Proxy.Drain;

/// <summary>Starts a drain (of the process, a listener or a filter chain). Main loop; its watcher is read by workers.</summary>
public sealed class DrainTrigger(DrainWatcher? parent = null)
{
    public DrainWatcher Watcher { get; } = new(parent);

    /// <summary>Idempotent: a drain under way keeps its first schedule.</summary>
    public void Start(long nowMilliseconds, long durationMilliseconds, DrainStrategy strategy) =>
        Watcher.Begin(nowMilliseconds, durationMilliseconds, strategy);
}
