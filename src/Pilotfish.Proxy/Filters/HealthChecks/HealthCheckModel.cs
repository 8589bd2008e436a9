using System.Text;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Filters.HealthChecks;

/// <summary>
/// The filter in a chain: takes part in health checks, and while this process fails them in every request, whose response then says so.
/// Any worker; the answer that is kept for a while is the process's.
/// </summary>
/// <param name="headers">What makes a request a health check.</param>
/// <param name="passesThrough">Whether the upstream answers while this process passes health checks.</param>
/// <param name="cacheMilliseconds">How long an answer of the upstream stands in for the next; 0 = not at all.</param>
/// <param name="clusters">Clusters of whose hosts so many percent must be healthy or degraded.</param>
/// <param name="process">Whether this process fails health checks.</param>
/// <param name="service">The name that checkers compare with what they expect.</param>
public sealed class HealthCheckModel(
    HeaderMatch[] headers, bool passesThrough, long cacheMilliseconds, (ClusterReference Cluster, int Percent)[] clusters, HealthSwitch process, string service)
    : HttpFilterModel
{
    private readonly byte[] _service = Encoding.UTF8.GetBytes(service);
    private volatile CachedAnswer? _cached;

    internal ReadOnlySpan<byte> Service => _service;

    internal bool ProcessFails => process.Fails;

    internal bool AsksClusters => clusters.Length > 0;

    public override HttpFilter? Create(HttpStream stream, string name)
    {
        bool isCheck = HeaderMatch.AllMatch(headers, stream.RequestHeaders);
        return isCheck || process.Fails ? new HealthCheckFilter(this, isCheck) : null;
    }

    /// <summary>Whether this proxy answers a health check itself.</summary>
    internal bool Answers(long nowMilliseconds) => !passesThrough || process.Fails || Cached(nowMilliseconds) is not null;

    /// <summary>What the upstream answered lately; null for nothing.</summary>
    internal CachedAnswer? Cached(long nowMilliseconds) => _cached is { } answer && nowMilliseconds < answer.UntilMilliseconds ? answer : null;

    internal void Keep(int status, bool degraded, long nowMilliseconds)
    {
        if (cacheMilliseconds > 0 && Cached(nowMilliseconds) is null)
        {
            _cached = new CachedAnswer(status, degraded, nowMilliseconds + cacheMilliseconds);
        }
    }

    /// <summary>Null when every cluster has enough healthy hosts; else why the check fails.</summary>
    internal Reasons.EndReason? Failure()
    {
        foreach ((ClusterReference reference, int percent) in clusters)
        {
            if (reference.Current is not { } cluster)
            {
                return HealthCheckFilter.NoCluster.About(reference.Name);
            }

            HostSet hosts = cluster.Hosts;
            if (hosts.All.Length == 0 && percent > 0)
            {
                return HealthCheckFilter.EmptyCluster.About(reference.Name);
            }

            if (100L * (hosts.HealthyCount + hosts.DegradedCount) < (long)hosts.All.Length * percent)
            {
                return HealthCheckFilter.UnhealthyCluster.About(reference.Name);
            }
        }

        return null;
    }

    /// <summary>What an upstream answered to a health check, and until when it stands in for the next.</summary>
    internal sealed record CachedAnswer(int Status, bool Degraded, long UntilMilliseconds);
}
