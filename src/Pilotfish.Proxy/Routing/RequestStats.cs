using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Routing;

/// <summary>
/// Statistics of the requests of one virtual cluster (`vhost.HOST.vcluster.NAME.`) or of routes with one stat_prefix (`vhost.HOST.route.PREFIX.`; envoy
/// docs, http_filters/router_filter). Those of responses are made with the first one. Any worker.
/// </summary>
public sealed class RequestStats(StatScope scope)
{
    private StatusCounters? _statuses;
    private Spread? _time;

    /// <summary>Gives the names up when the routes are replaced.</summary>
    internal StatScope Scope { get; } = scope;

    /// <summary>Attempts that had a connection.</summary>
    public Counter Total { get; } = scope.Counter("upstream_rq_total");

    public Counter Retry { get; } = scope.Counter("upstream_rq_retry");

    public Counter RetryLimitExceeded { get; } = scope.Counter("upstream_rq_retry_limit_exceeded");

    public Counter RetryOverflow { get; } = scope.Counter("upstream_rq_retry_overflow");

    public Counter RetrySuccess { get; } = scope.Counter("upstream_rq_retry_success");

    public Counter Timeout { get; } = scope.Counter("upstream_rq_timeout");

    public StatusCounters Statuses => _statuses ??= new StatusCounters(Scope);

    /// <summary>`upstream_rq_time`, in milliseconds.</summary>
    public Histogram Time => (_time ??= new Spread(Scope.Histogram("upstream_rq_time"))).Histogram;

    // A reference is published whole; a struct with a torn write would not be.
    private sealed record Spread(Histogram Histogram);
}
