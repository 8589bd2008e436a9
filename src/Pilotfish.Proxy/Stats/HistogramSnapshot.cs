namespace Pilotfish.Proxy.Stats;

/// <summary>The values of one histogram at a moment: how many fell into each bucket, and their sum.</summary>
internal sealed class HistogramSnapshot(HistogramBuckets buckets, long[] counts, long sum)
{
    public HistogramBuckets Buckets { get; } = buckets;

    public ReadOnlySpan<long> Counts => counts;

    public long Sum { get; } = sum;

    public long Total
    {
        get
        {
            long total = 0;
            foreach (long count in counts)
            {
                total += count;
            }

            return total;
        }
    }

    /// <summary>The buckets that hold records: lower bound, width, count. The last has no upper bound and is given its lower one as width.</summary>
    public IEnumerable<(double Lower, double Width, long Count)> Filled()
    {
        for (int i = 0; i < counts.Length; i++)
        {
            if (counts[i] > 0)
            {
                double lower = i == 0 ? 0 : Buckets.Bounds[i - 1];
                yield return (lower, i < Buckets.Bounds.Length ? Buckets.Bounds[i] - lower : lower, counts[i]);
            }
        }
    }

    /// <summary>
    /// The value below which the given share of records lies, interpolated inside its bucket. Records beyond the last bound
    /// count as the last bound, which understates them: the buckets know no more.
    /// </summary>
    public double Quantile(double share)
    {
        double rank = share * Total;
        double below = 0;
        ReadOnlySpan<double> bounds = Buckets.Bounds;
        for (int i = 0; i < counts.Length; i++)
        {
            if (counts[i] == 0)
            {
                continue;
            }

            if (below + counts[i] >= rank)
            {
                double low = i == 0 ? 0 : bounds[i - 1];
                double high = i < bounds.Length ? bounds[i] : low;
                return low + ((high - low) * Math.Clamp((rank - below) / counts[i], 0, 1));
            }

            below += counts[i];
        }

        return bounds.Length == 0 ? 0 : bounds[^1];
    }
}
