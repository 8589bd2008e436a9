using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Routing;

/// <summary>
/// The statistics that one route configuration names. Equal names are one object; all are given up when the configuration is replaced, after its
/// successor has taken those that it names, too. Main loop.
/// </summary>
public sealed class RequestStatScopes(StatsStore stats) : IDisposable
{
    private readonly Dictionary<string, RequestStats> _byPrefix = new(StringComparer.Ordinal);

    /// <summary>`vhost.HOST.route.PREFIX`; null without a prefix.</summary>
    public RequestStats? Route(string host, string prefix) => prefix.Length == 0 ? null : Get($"vhost.{host}.route.{prefix}");

    /// <summary>`vhost.HOST.vcluster.NAME` of each, and of `other` behind them; null without virtual clusters.</summary>
    public RequestStats[]? VirtualClusters(string host, VirtualClusterModel[] clusters)
    {
        if (clusters.Length == 0)
        {
            return null;
        }

        var all = new RequestStats[clusters.Length + 1];
        for (int i = 0; i < clusters.Length; i++)
        {
            all[i] = Get($"vhost.{host}.vcluster.{clusters[i].Name}");
        }

        all[^1] = Get($"vhost.{host}.vcluster.{VirtualClusterModel.CatchAll}");
        return all;
    }

    public void Dispose()
    {
        foreach (RequestStats one in _byPrefix.Values)
        {
            one.Scope.Dispose();
        }

        _byPrefix.Clear();
    }

    private RequestStats Get(string prefix)
    {
        if (!_byPrefix.TryGetValue(prefix, out RequestStats? known))
        {
            known = new RequestStats(stats.Scope(prefix));
            _byPrefix.Add(prefix, known);
        }

        return known;
    }
}
