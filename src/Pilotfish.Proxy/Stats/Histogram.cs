namespace Pilotfish.Proxy.Stats;

/// <summary>
/// A histogram created while config compiles: one block of cells, laid out as sum, then one cell per bucket, the last being
/// the bucket without upper bound. The default value is legal and records nothing.
/// </summary>
public readonly record struct Histogram(int FirstCell, HistogramBuckets? Buckets)
{
    internal int SumCell => FirstCell;

    internal int BucketCell(int bucket) => FirstCell + 1 + bucket;
}
