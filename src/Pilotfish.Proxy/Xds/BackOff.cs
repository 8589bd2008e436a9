namespace Pilotfish.Proxy.Xds;

/// <summary>Exponential back-off with full jitter: a fleet that lost its control plane must not return in step.</summary>
internal sealed class BackOff(long baseMilliseconds, long capMilliseconds, Func<double> random)
{
    private int _failures;

    public void Reset() => _failures = 0;

    /// <summary>The wait before the next attempt: uniform up to a bound that doubles with each failure.</summary>
    public long NextMilliseconds()
    {
        // 2^20 times any base is beyond every cap; stopping there keeps the shift in range.
        const int DoublingsMax = 20;
        long bound = Math.Min(capMilliseconds, baseMilliseconds << Math.Min(_failures, DoublingsMax));
        _failures++;
        return (long)(random() * bound);
    }
}
