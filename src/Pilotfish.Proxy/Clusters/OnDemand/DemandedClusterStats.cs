using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Clusters.OnDemand;

/// <summary>
/// <c>cluster.NAME.on_demand.</c>: the requests that the HTTP filter asked for a cluster, and how long each waited (envoy docs, on_demand filter).
/// Only clusters that came have it: clients make names up, and each would be a statistic for ever. Main loop.
/// </summary>
internal sealed class DemandedClusterStats(StatsStore stats)
{
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>A cluster is here, and so many requests had asked for it.</summary>
    public void Asked(string cluster, int requests)
    {
        if (requests > 0)
        {
            stats.Main.Add(Of(cluster).Requests, requests);
        }
    }

    /// <summary>One of them waits no longer.</summary>
    public void Answered(string cluster, long milliseconds) => stats.Main.Record(Of(cluster).Time, milliseconds);

    /// <summary>There is no such cluster, or none any more.</summary>
    public void Forget(string cluster)
    {
        if (_entries.Remove(cluster, out Entry? entry))
        {
            entry.Scope.Dispose();
        }
    }

    private Entry Of(string cluster)
    {
        if (!_entries.TryGetValue(cluster, out Entry? entry))
        {
            StatScope scope = stats.Scope($"cluster.{cluster}.on_demand");
            entry = new Entry(scope, scope.Counter("cds_rq_total"), scope.Histogram("cds_rq_time"));
            _entries.Add(cluster, entry);
        }

        return entry;
    }

    private sealed record Entry(StatScope Scope, Counter Requests, Histogram Time);
}
