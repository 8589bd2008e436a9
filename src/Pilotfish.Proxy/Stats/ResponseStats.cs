namespace Pilotfish.Proxy.Stats;

/// <summary>Counters by status and `upstream_rq_time` of the responses under one prefix of a scope; the time's name is made with the first. Any worker.</summary>
/// <param name="scope">Where the names begin.</param>
/// <param name="prefix">What they have before `upstream_rq_`, with its last dot; empty for none.</param>
public sealed class ResponseStats(StatScope scope, string prefix)
{
    private Spread? _time;

    public StatusCounters Statuses { get; } = new(scope, prefix);

    /// <summary>`upstream_rq_time`, in milliseconds.</summary>
    public Histogram Time => (_time ??= new Spread(scope.Histogram(prefix + "upstream_rq_time"))).Histogram;

    // A reference is published whole; a struct with a torn write would not be. Two workers that make it at once make the same.
    private sealed record Spread(Histogram Histogram);
}
