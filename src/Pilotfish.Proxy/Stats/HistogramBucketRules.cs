namespace Pilotfish.Proxy.Stats;

/// <summary>Which buckets a histogram gets: those of the first rule whose pattern matches its name, else Envoy's.</summary>
internal sealed class HistogramBucketRules(IReadOnlyList<(StatNamePattern Pattern, HistogramBuckets Buckets)> rules)
{
    public static HistogramBucketRules Default { get; } = new([]);

    public HistogramBuckets For(string name)
    {
        foreach ((StatNamePattern pattern, HistogramBuckets buckets) in rules)
        {
            if (pattern.Matches(name))
            {
                return buckets;
            }
        }

        return HistogramBuckets.Default;
    }
}
