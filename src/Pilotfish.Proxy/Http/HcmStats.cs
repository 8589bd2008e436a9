using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Http;

/// <summary>The statistics of a connection manager, under <c>http.STAT_PREFIX.</c></summary>
public sealed class HcmStats
{
    public HcmStats(StatScope scope)
    {
        CxTotal = scope.Counter("downstream_cx_total");
        CxHttp1Total = scope.Counter("downstream_cx_http1_total");
        CxHttp2Total = scope.Counter("downstream_cx_http2_total");
        CxActive = scope.Gauge("downstream_cx_active");
        CxHttp1Active = scope.Gauge("downstream_cx_http1_active");
        CxHttp2Active = scope.Gauge("downstream_cx_http2_active");
        CxDestroy = scope.Counter("downstream_cx_destroy");
        CxDestroyRemote = scope.Counter("downstream_cx_destroy_remote");
        CxDestroyLocal = scope.Counter("downstream_cx_destroy_local");
        CxDestroyActiveRq = scope.Counter("downstream_cx_destroy_active_rq");
        CxDestroyLocalActiveRq = scope.Counter("downstream_cx_destroy_local_active_rq");
        CxDestroyRemoteActiveRq = scope.Counter("downstream_cx_destroy_remote_active_rq");
        CxProtocolError = scope.Counter("downstream_cx_protocol_error");
        CxRxBytes = scope.Counter("downstream_cx_rx_bytes_total");
        CxTxBytes = scope.Counter("downstream_cx_tx_bytes_total");
        CxIdleTimeout = scope.Counter("downstream_cx_idle_timeout");
        CxMaxDuration = scope.Counter("downstream_cx_max_duration_reached");
        CxMaxRequests = scope.Counter("downstream_cx_max_requests_reached");
        CxDrainClose = scope.Counter("downstream_cx_drain_close");
        CxOverloadDisableKeepAlive = scope.Counter("downstream_cx_overload_disable_keepalive");
        RqOverloadClose = scope.Counter("downstream_rq_overload_close");
        CxDelayedClose = scope.Counter("downstream_cx_delayed_close_timeout");
        CxUpgradesTotal = scope.Counter("downstream_cx_upgrades_total");
        CxUpgradesActive = scope.Gauge("downstream_cx_upgrades_active");
        CxLength = scope.Histogram("downstream_cx_length_ms");
        RqTotal = scope.Counter("downstream_rq_total");
        RqHttp1Total = scope.Counter("downstream_rq_http1_total");
        RqHttp2Total = scope.Counter("downstream_rq_http2_total");
        RqTooManyPrematureResets = scope.Counter("downstream_rq_too_many_premature_resets");
        RqActive = scope.Gauge("downstream_rq_active");
        RqCompleted = scope.Counter("downstream_rq_completed");
        RqClasses = [scope.Counter("downstream_rq_1xx"), scope.Counter("downstream_rq_2xx"), scope.Counter("downstream_rq_3xx"),
            scope.Counter("downstream_rq_4xx"), scope.Counter("downstream_rq_5xx")];
        RqRxReset = scope.Counter("downstream_rq_rx_reset");
        RqTxReset = scope.Counter("downstream_rq_tx_reset");
        RqNonRelativePath = scope.Counter("downstream_rq_non_relative_path");
        RqTooLarge = scope.Counter("downstream_rq_too_large");
        RqFailedPathNormalization = scope.Counter("downstream_rq_failed_path_normalization");
        RqRedirectedPath = scope.Counter("downstream_rq_redirected_with_normalized_path");
        RqBeforeComplete = scope.Counter("downstream_rq_response_before_rq_complete");
        RqRejectedViaIpDetection = scope.Counter("downstream_rq_rejected_via_ip_detection");
        RqUpgradeRefused = scope.Counter("downstream_rq_ws_on_non_ws_route");
        RqIdleTimeout = scope.Counter("downstream_rq_idle_timeout");
        RqMaxDuration = scope.Counter("downstream_rq_max_duration_reached");
        RqTimeout = scope.Counter("downstream_rq_timeout");
        RqHeaderTimeout = scope.Counter("downstream_rq_header_timeout");
        RqTime = scope.Histogram("downstream_rq_time");
        FlowPaused = scope.Counter("downstream_flow_control_paused_reading_total");
        FlowResumed = scope.Counter("downstream_flow_control_resumed_reading_total");
        ResponseTooLarge = scope.Counter("rs_too_large");
        NoRoute = scope.Counter("no_route");
        NoCluster = scope.Counter("no_cluster");
        RqRedirect = scope.Counter("rq_redirect");
        RqDirectResponse = scope.Counter("rq_direct_response");
        RqRouted = scope.Counter("rq_total");
        RedirectBadLocation = scope.Counter("passthrough_internal_redirect_bad_location");
        RedirectUnsafeScheme = scope.Counter("passthrough_internal_redirect_unsafe_scheme");
        RedirectTooMany = scope.Counter("passthrough_internal_redirect_too_many_redirects");
        RedirectNoRoute = scope.Counter("passthrough_internal_redirect_no_route");
        RedirectPredicate = scope.Counter("passthrough_internal_redirect_predicate");
        RqResetAfterStart = scope.Counter("rq_reset_after_downstream_response_started");
    }

    public Counter CxOverloadDisableKeepAlive { get; }
    public Counter RqOverloadClose { get; }
    public Counter CxTotal { get; }
    public Counter CxHttp1Total { get; }
    public Counter CxHttp2Total { get; }
    public Gauge CxActive { get; }
    public Gauge CxHttp1Active { get; }
    public Gauge CxHttp2Active { get; }
    public Counter CxDestroy { get; }
    public Counter CxDestroyRemote { get; }
    public Counter CxDestroyLocal { get; }
    public Counter CxDestroyActiveRq { get; }
    public Counter CxDestroyLocalActiveRq { get; }
    public Counter CxDestroyRemoteActiveRq { get; }
    public Counter CxProtocolError { get; }
    public Counter CxRxBytes { get; }
    public Counter CxTxBytes { get; }
    public Counter CxIdleTimeout { get; }
    public Counter CxMaxDuration { get; }
    public Counter CxMaxRequests { get; }
    public Counter CxDrainClose { get; }
    public Counter CxDelayedClose { get; }
    public Counter CxUpgradesTotal { get; }
    public Gauge CxUpgradesActive { get; }
    public Histogram CxLength { get; }
    public Counter RqTotal { get; }
    public Counter RqHttp1Total { get; }
    public Counter RqHttp2Total { get; }
    public Counter RqTooManyPrematureResets { get; }
    public Gauge RqActive { get; }
    public Counter RqCompleted { get; }

    /// <summary>By the status' first digit less one.</summary>
    public Counter[] RqClasses { get; }
    public Counter RqRxReset { get; }
    public Counter RqTxReset { get; }
    public Counter RqNonRelativePath { get; }
    public Counter RqTooLarge { get; }
    public Counter RqFailedPathNormalization { get; }
    public Counter RqRedirectedPath { get; }
    public Counter RqBeforeComplete { get; }
    public Counter RqRejectedViaIpDetection { get; }
    public Counter RqUpgradeRefused { get; }
    public Counter RqIdleTimeout { get; }
    public Counter RqMaxDuration { get; }
    public Counter RqTimeout { get; }
    public Counter RqHeaderTimeout { get; }
    public Histogram RqTime { get; }
    public Counter FlowPaused { get; }
    public Counter FlowResumed { get; }
    public Counter ResponseTooLarge { get; }
    public Counter NoRoute { get; }
    public Counter NoCluster { get; }
    public Counter RqRedirect { get; }
    public Counter RqDirectResponse { get; }
    public Counter RqRouted { get; }
    public Counter RedirectBadLocation { get; }
    public Counter RedirectUnsafeScheme { get; }
    public Counter RedirectTooMany { get; }
    public Counter RedirectNoRoute { get; }
    public Counter RedirectPredicate { get; }
    public Counter RqResetAfterStart { get; }

    /// <summary>Counts an HTTP/1 connection that begins.</summary>
    public void Http1Started(StatCells cells)
    {
        cells.Add(CxTotal);
        cells.Add(CxHttp1Total);
        cells.Increment(CxActive);
        cells.Increment(CxHttp1Active);
    }

    /// <summary>The connection turned out to be HTTP/2, which counts it itself.</summary>
    public void Http1HandedOver(StatCells cells)
    {
        cells.Add(CxTotal, -1);
        cells.Add(CxHttp1Total, -1);
        cells.Decrement(CxActive);
        cells.Decrement(CxHttp1Active);
    }

    public void Http2Started(StatCells cells)
    {
        cells.Add(CxTotal);
        cells.Add(CxHttp2Total);
        cells.Increment(CxActive);
        cells.Increment(CxHttp2Active);
    }

    public void Http1Finished(StatCells cells, bool byRemote, long bytesSent, long milliseconds)
    {
        cells.Decrement(CxHttp1Active);
        Finished(cells, byRemote, bytesSent, milliseconds);
    }

    public void Http2Finished(StatCells cells, bool byRemote, long bytesSent, long milliseconds)
    {
        cells.Decrement(CxHttp2Active);
        Finished(cells, byRemote, bytesSent, milliseconds);
    }

    /// <summary>A connection ends while requests run on it.</summary>
    public void ConnectionLostRequests(StatCells cells, bool byRemote)
    {
        cells.Add(CxDestroyActiveRq);
        cells.Add(byRemote ? CxDestroyRemoteActiveRq : CxDestroyLocalActiveRq);
    }

    private void Finished(StatCells cells, bool byRemote, long bytesSent, long milliseconds)
    {
        cells.Decrement(CxActive);
        cells.Add(CxDestroy);
        cells.Add(byRemote ? CxDestroyRemote : CxDestroyLocal);
        cells.Add(CxTxBytes, bytesSent);
        cells.Record(CxLength, milliseconds);
    }
}
