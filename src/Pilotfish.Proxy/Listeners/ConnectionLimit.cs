namespace Pilotfish.Proxy.Listeners;

/// <summary>An exact count of connections against a limit, shared by workers.</summary>
public sealed class ConnectionLimit(long limit)
{
    private readonly Clusters.Breaker _breaker = new(limit);

    public static long None => long.MaxValue;

    public long Active => _breaker.Active;

    public bool TryAcquire() => _breaker.TryAcquire();

    public void Acquire() => _breaker.Acquire();

    public void Release() => _breaker.Release();
}
