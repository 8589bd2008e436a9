using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Routing;

/// <summary>
/// Statistics of the requests of one virtual cluster (`vhost.HOST.vcluster.NAME.`) or of routes with one stat_prefix (`vhost.HOST.route.PREFIX.`; envoy
/// docs, http_filters/router_filter). Those of responses are made with the first one. Any worker.
/// </summary>
public sealed class RequestStats(StatScope scope)
{
    private ResponseStats? _responses;

    /// <summary>Gives the names up when the routes are replaced.</summary>
    internal StatScope Scope { get; } = scope;

    /// <summary>Attempts that had a connection.</summary>
    public Counter Total { get; } = scope.Counter("upstream_rq_total");

    public Counter Retry { get; } = scope.Counter("upstream_rq_retry");

    public Counter RetryLimitExceeded { get; } = scope.Counter("upstream_rq_retry_limit_exceeded");

    public Counter RetryOverflow { get; } = scope.Counter("upstream_rq_retry_overflow");

    public Counter RetrySuccess { get; } = scope.Counter("upstream_rq_retry_success");

    public Counter Timeout { get; } = scope.Counter("upstream_rq_timeout");

    public ResponseStats Responses => _responses ??= new ResponseStats(Scope, "");
}
