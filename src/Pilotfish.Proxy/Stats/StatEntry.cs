namespace Pilotfish.Proxy.Stats;

/// <summary>One named statistic: its scope and leaf make the name, its first cell the value.</summary>
internal sealed class StatEntry(StatScope scope, string leaf, StatKind kind, int cell)
{
    public StatScope Scope { get; } = scope;

    public string Leaf { get; } = leaf;

    public StatKind Kind { get; } = kind;

    public int Cell { get; } = cell;

    public HistogramBuckets? Buckets { get; init; }

    public TextReadout? Text { get; init; }

    /// <summary>Where the value of a gauge or counter without a cell comes from.</summary>
    public Func<long>? Source { get; init; }

    public string Name => Scope.NameOf(Leaf);

    public Histogram Histogram => new(Cell, Buckets);
}
