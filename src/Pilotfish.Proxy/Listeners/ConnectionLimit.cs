namespace Pilotfish.Proxy.Listeners;

/// <summary>An exact count of connections against a limit, shared by workers.</summary>
public sealed class ConnectionLimit(long limit)
{
    private readonly Clusters.Breaker _breaker = new(limit);
    private long _limit = limit;

    public static long None => long.MaxValue;

    public long Active => _breaker.Active;

    public bool TryAcquire() => _breaker.TryAcquire(Volatile.Read(ref _limit));

    public void Acquire() => _breaker.Acquire();

    public void Release() => _breaker.Release();

    /// <summary>Another part of the configuration allows fewer; the smaller limit counts.</summary>
    internal void Lower(long limit) => Volatile.Write(ref _limit, Math.Min(limit, _limit));
}
