namespace Pilotfish.Proxy.Stats;

/// <summary>histogram_buckets of a report: how histograms are shown.</summary>
internal enum HistogramForm : byte
{
    /// <summary>Quantiles.</summary>
    Summary,

    /// <summary>Each bucket with everything below its bound.</summary>
    Cumulative,

    /// <summary>Each bucket with what fell into it alone.</summary>
    Disjoint,

    /// <summary>Buckets that hold something, with their bounds, and quantiles.</summary>
    Detailed,
}
