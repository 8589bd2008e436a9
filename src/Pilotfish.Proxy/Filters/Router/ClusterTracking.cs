using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>
/// What track_cluster_stats adds to a cluster's statistics: how much of their timeouts requests use, and how large requests and responses are (envoy docs,
/// cluster_manager/cluster_stats). Any worker.
/// </summary>
public sealed class ClusterTracking
{
    private const long Percent = 100;

    // Default histograms record nothing.
    private readonly Histogram _budget;
    private readonly Histogram _tryBudget;
    private readonly Histogram _requestHeadersSize;
    private readonly Histogram _requestHeadersCount;
    private readonly Histogram _requestBodySize;
    private readonly Histogram _responseHeadersSize;
    private readonly Histogram _responseHeadersCount;
    private readonly Histogram _responseBodySize;

    /// <param name="scope">`cluster.NAME`.</param>
    /// <param name="budgets">timeout_budgets.</param>
    /// <param name="sizes">request_response_sizes.</param>
    public ClusterTracking(StatScope scope, bool budgets, bool sizes)
    {
        if (budgets)
        {
            _budget = scope.Histogram("upstream_rq_timeout_budget_percent_used");
            _tryBudget = scope.Histogram("upstream_rq_timeout_budget_per_try_percent_used");
        }

        if (sizes)
        {
            _requestHeadersSize = scope.Histogram("upstream_rq_headers_size");
            _requestHeadersCount = scope.Histogram("upstream_rq_headers_count");
            _requestBodySize = scope.Histogram("upstream_rq_body_size");
            _responseHeadersSize = scope.Histogram("upstream_rs_headers_size");
            _responseHeadersCount = scope.Histogram("upstream_rs_headers_count");
            _responseBodySize = scope.Histogram("upstream_rs_body_size");
        }
    }

    /// <summary>A request was answered, or its timeout was over.</summary>
    internal void Responded(StatCells cells, long milliseconds, long timeoutMilliseconds) =>
        cells.Record(_budget, Share(milliseconds, timeoutMilliseconds));

    /// <summary>An attempt is over, however it went.</summary>
    internal void Ended(StatCells cells, UpstreamAttempt attempt, HeaderMap request, long milliseconds, long timeoutMilliseconds)
    {
        cells.Record(_tryBudget, Share(milliseconds, timeoutMilliseconds));
        cells.Record(_requestHeadersSize, request.ByteSize);
        cells.Record(_requestHeadersCount, request.Count);
        cells.Record(_requestBodySize, attempt.BodySent);
        if (attempt.ResponseHeaderCount > 0)
        {
            cells.Record(_responseHeadersSize, attempt.ResponseHeaderBytes);
            cells.Record(_responseHeadersCount, attempt.ResponseHeaderCount);
            cells.Record(_responseBodySize, attempt.BodyReceived);
        }
    }

    // Of a timeout that never comes nothing is used.
    private static long Share(long milliseconds, long timeoutMilliseconds) => timeoutMilliseconds <= 0 ? 0 : milliseconds * Percent / timeoutMilliseconds;
}
