using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>
/// Statistics of responses under one prefix of a cluster, as a whole and by origin: `internal.` or `external.`, `canary.`, and
/// `zone.FROM.TO.` where both zones are known (envoy docs, cluster_manager/cluster_stats). Each part is made when it is first counted. Any worker.
/// </summary>
internal sealed class DividedResponses
{
    // Zones come with pushed endpoints: a proxy sees a few. Responses of more are told of by the other parts alone.
    private const int ZonesMax = 256;

    private readonly StatScope _scope;
    private readonly string _prefix;
    private readonly string _zone;
    private readonly ResponseStats _all;
    private readonly Lock _lock = new();
    private ResponseStats? _internal;
    private ResponseStats? _external;
    private ResponseStats? _canary;

    // Replaced whole, under the lock.
    private volatile Zone[] _zones = [];

    /// <param name="scope">`cluster.NAME`.</param>
    /// <param name="prefix">What names have before `upstream_rq_`, with its last dot; empty for none.</param>
    /// <param name="zone">Where this proxy runs; empty when not stated.</param>
    public DividedResponses(StatScope scope, string prefix, string zone)
    {
        _scope = scope;
        _prefix = prefix;
        _zone = zone;
        _all = new ResponseStats(scope, prefix);
    }

    /// <param name="cells">The worker's.</param>
    /// <param name="status">100 to 599; others do not count.</param>
    /// <param name="origin">Of the request and the response.</param>
    /// <param name="hidesStatus">Whether the whole counts `upstream_rq_completed` only (suppress_grpc_request_failure_code_stats).</param>
    public void Count(StatCells cells, int status, in ResponseOrigin origin, bool hidesStatus)
    {
        if (hidesStatus)
        {
            _all.Statuses.CountCompleted(cells);
        }
        else
        {
            _all.Statuses.Count(cells, status);
        }

        Side(origin.IsInternal).Statuses.Count(cells, status);
        if (origin.IsCanary)
        {
            Canary.Statuses.Count(cells, status);
        }

        if (ZoneOf(in origin) is { } zone)
        {
            zone.Statuses.Count(cells, status);
        }
    }

    /// <summary>A response is complete.</summary>
    /// <param name="cells">The worker's.</param>
    /// <param name="milliseconds">Since the request was complete.</param>
    /// <param name="origin">Of the request and the response.</param>
    public void Took(StatCells cells, long milliseconds, in ResponseOrigin origin)
    {
        cells.Record(_all.Time, milliseconds);
        cells.Record(Side(origin.IsInternal).Time, milliseconds);
        if (origin.IsCanary)
        {
            cells.Record(Canary.Time, milliseconds);
        }

        if (ZoneOf(in origin) is { } zone)
        {
            cells.Record(zone.Time, milliseconds);
        }
    }

    // Two workers may make one at once: names resolve to the same cells, so either object is right.
    private ResponseStats Side(bool isInternal) => isInternal
        ? _internal ??= new ResponseStats(_scope, _prefix + "internal.")
        : _external ??= new ResponseStats(_scope, _prefix + "external.");

    private ResponseStats Canary => _canary ??= new ResponseStats(_scope, _prefix + "canary.");

    private ResponseStats? ZoneOf(in ResponseOrigin origin)
    {
        if (_zone.Length == 0 || origin.Host?.Locality.Zone is not { Length: > 0 } name)
        {
            return null;
        }

        return Find(_zones, name) ?? MakeZone(name);
    }

    private static ResponseStats? Find(Zone[] zones, string name)
    {
        foreach (Zone zone in zones)
        {
            if (zone.Name == name)
            {
                return zone.Stats;
            }
        }

        return null;
    }

    private ResponseStats? MakeZone(string name)
    {
        lock (_lock)
        {
            if (Find(_zones, name) is { } known)
            {
                return known;
            }

            if (_zones.Length >= ZonesMax)
            {
                return null;
            }

            var stats = new ResponseStats(_scope, $"{_prefix}zone.{_zone}.{name}.");
            _zones = [.. _zones, new Zone(name, stats)];
            return stats;
        }
    }

    private readonly record struct Zone(string Name, ResponseStats Stats);
}
