using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Routing;

/// <summary>Where one request counts besides its cluster: its virtual cluster and its route's stat_prefix, each if there is one.</summary>
internal readonly record struct NamedRequestStats(RequestStats? VirtualCluster, RequestStats? Route)
{
    private bool IsEmpty => VirtualCluster is null && Route is null;

    public void Connected(StatCells cells)
    {
        // Of every request, most of which have none of these: not even the delegate is fetched for them.
        if (!IsEmpty)
        {
            Add(cells, static stats => stats.Total);
        }
    }

    public void Retried(StatCells cells) => Add(cells, static stats => stats.Retry);

    public void RetrySucceeded(StatCells cells) => Add(cells, static stats => stats.RetrySuccess);

    public void TimedOut(StatCells cells) => Add(cells, static stats => stats.Timeout);

    /// <summary>A retry was wanted and refused.</summary>
    /// <param name="cells">The worker's.</param>
    /// <param name="overflow">By the breaker; else by num_retries.</param>
    public void RetryRefused(StatCells cells, bool overflow) =>
        Add(cells, overflow ? static stats => stats.RetryOverflow : static stats => stats.RetryLimitExceeded);

    public void Responded(StatCells cells, int status)
    {
        if (!IsEmpty)
        {
            VirtualCluster?.Responses.Statuses.Count(cells, status);
            Route?.Responses.Statuses.Count(cells, status);
        }
    }

    public void Took(StatCells cells, long milliseconds)
    {
        if (!IsEmpty)
        {
            Record(cells, VirtualCluster, milliseconds);
            Record(cells, Route, milliseconds);
        }
    }

    private void Add(StatCells cells, Func<RequestStats, Counter> counter)
    {
        if (IsEmpty)
        {
            return;
        }

        if (VirtualCluster is not null)
        {
            cells.Add(counter(VirtualCluster));
        }

        if (Route is not null)
        {
            cells.Add(counter(Route));
        }
    }

    private static void Record(StatCells cells, RequestStats? stats, long milliseconds)
    {
        if (stats is not null)
        {
            cells.Record(stats.Responses.Time, milliseconds);
        }
    }
}
