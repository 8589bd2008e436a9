namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Decides whether a stream is logged. Immutable; called on workers.</summary>
internal abstract class AccessLogFilter
{
    public abstract bool Passes(in FormatSource source);

    /// <summary>A filter from a predicate, for conditions on one fact.</summary>
    public static AccessLogFilter When(Condition condition) => new FactFilter(condition);

    public static AccessLogFilter All(IReadOnlyList<AccessLogFilter> filters) => new Combination([.. filters], all: true);

    public static AccessLogFilter Any(IReadOnlyList<AccessLogFilter> filters) => new Combination([.. filters], all: false);

    internal delegate bool Condition(in FormatSource source);

    private sealed class FactFilter(Condition condition) : AccessLogFilter
    {
        public override bool Passes(in FormatSource source) => condition(in source);
    }

    private sealed class Combination(AccessLogFilter[] filters, bool all) : AccessLogFilter
    {
        public override bool Passes(in FormatSource source)
        {
            foreach (AccessLogFilter filter in filters)
            {
                if (filter.Passes(in source) != all)
                {
                    return !all;
                }
            }

            return all;
        }
    }
}
