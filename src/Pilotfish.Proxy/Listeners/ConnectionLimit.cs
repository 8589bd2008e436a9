using Pilotfish.Proxy.RuntimeLayers;

namespace Pilotfish.Proxy.Listeners;

/// <summary>An exact count of connections against a limit, shared by workers.</summary>
/// <param name="limit">What counts while the runtime says nothing.</param>
/// <param name="key">The runtime key that counts in its place; null for none.</param>
public sealed class ConnectionLimit(long limit, RuntimeKey? key = null)
{
    private readonly Clusters.Breaker _breaker = new(limit);
    private readonly long _limit = limit;
    private long _most = None;

    public static long None => long.MaxValue;

    public long Active => _breaker.Active;

    public bool TryAcquire() => _breaker.TryAcquire(
        Math.Min(Volatile.Read(ref _most), key?.Entry?.Integer is { } live ? (long)Math.Min(live, long.MaxValue) : _limit));

    public void Acquire() => _breaker.Acquire();

    public void Release() => _breaker.Release();

    /// <summary>Another part of the configuration allows fewer; the smaller limit counts.</summary>
    internal void Lower(long limit) => Volatile.Write(ref _most, Math.Min(limit, _most));
}
