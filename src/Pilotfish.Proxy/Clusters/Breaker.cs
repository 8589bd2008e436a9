namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// One limit of a circuit breaker, exact over all workers: a compare-and-swap admits, so the count never passes the limit,
/// and nobody is refused while there is room.
/// </summary>
public sealed class Breaker(long limit)
{
    private long _active;
    private long _limit = limit;

    public long Limit => Volatile.Read(ref _limit);

    public long Active => Volatile.Read(ref _active);

    public long Remaining => Math.Max(0, Limit - Active);

    public bool IsOpen => Active >= Limit;

    /// <summary>Takes one place, given back by <see cref="Release"/>; false when all are taken.</summary>
    public bool TryAcquire() => TryAcquire(Limit);

    /// <summary>Takes one place whatever the limit: a pool without a connection may open its first.</summary>
    public void Acquire() => Interlocked.Increment(ref _active);

    public void Release() => Interlocked.Decrement(ref _active);

    /// <summary>Another limit from now on; what is taken stays taken.</summary>
    internal void SetLimit(long limit) => Volatile.Write(ref _limit, limit);

    /// <summary>As <see cref="TryAcquire()"/> with a limit of the moment (retry budgets).</summary>
    internal bool TryAcquire(long limit)
    {
        long seen = Volatile.Read(ref _active);
        while (seen < limit)
        {
            long before = Interlocked.CompareExchange(ref _active, seen + 1, seen);
            if (before == seen)
            {
                return true;
            }

            seen = before;
        }

        return false;
    }
}
