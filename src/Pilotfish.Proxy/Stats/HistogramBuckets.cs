namespace Pilotfish.Proxy.Stats;

/// <summary>The upper bounds of a histogram's buckets, ascending; shared by all histograms that use the same bounds.</summary>
public sealed class HistogramBuckets
{
    // Keeps a histogram's cells within one chunk of StatCells and a scrape line count in reason.
    public const int BoundsMax = 120;

    private readonly double[] _bounds;

    // Whole-number twins of the bounds: recorded values are whole, so "value <= 0.5" equals "value <= 0".
    private readonly long[] _wholeBounds;

    public HistogramBuckets(ReadOnlySpan<double> bounds)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bounds.Length, BoundsMax);
        _bounds = bounds.ToArray();
        _wholeBounds = new long[bounds.Length];
        for (int i = 0; i < bounds.Length; i++)
        {
            _wholeBounds[i] = (long)Math.Floor(bounds[i]);
        }
    }

    /// <summary>Envoy's default buckets; the same numbers serve milliseconds and bytes.</summary>
    public static HistogramBuckets Default { get; } = new(
    [
        0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000,
    ]);

    public ReadOnlySpan<double> Bounds => _bounds;

    /// <summary>Bounded buckets plus the one without upper bound.</summary>
    public int Count => _bounds.Length + 1;

    public int IndexOf(long value)
    {
        long[] bounds = _wholeBounds;
        for (int i = 0; i < bounds.Length; i++)
        {
            if (value <= bounds[i])
            {
                return i;
            }
        }

        return bounds.Length;
    }
}
