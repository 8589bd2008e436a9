using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// The statistics of one cluster that every protocol uses, under `cluster.NAME.`. Made when the cluster is first used: a mesh
/// pushes thousands of clusters and most sidecars talk to a few.
/// </summary>
public sealed class ClusterStats
{
    // Two workers may make it at once: names resolve to the same cells, so either object is right.
    private Tls.TlsStats? _tls;
    private ZoneStats? _zones;

    internal ClusterStats(StatScope scope)
    {
        Scope = scope;
        CxTotal = scope.Counter("upstream_cx_total");
        CxActive = scope.Gauge("upstream_cx_active");
        CxConnectFail = scope.Counter("upstream_cx_connect_fail");
        CxConnectTimeout = scope.Counter("upstream_cx_connect_timeout");
        CxConnectAttemptsExceeded = scope.Counter("upstream_cx_connect_attempts_exceeded");
        CxOverflow = scope.Counter("upstream_cx_overflow");
        CxPoolOverflow = scope.Counter("upstream_cx_pool_overflow");
        CxDestroy = scope.Counter("upstream_cx_destroy");
        CxDestroyLocal = scope.Counter("upstream_cx_destroy_local");
        CxDestroyRemote = scope.Counter("upstream_cx_destroy_remote");
        CxIdleTimeout = scope.Counter("upstream_cx_idle_timeout");
        CxNoneHealthy = scope.Counter("upstream_cx_none_healthy");
        CxRxBytesTotal = scope.Counter("upstream_cx_rx_bytes_total");
        CxTxBytesTotal = scope.Counter("upstream_cx_tx_bytes_total");
        CxConnectMilliseconds = scope.Histogram("upstream_cx_connect_ms");
        CxLengthMilliseconds = scope.Histogram("upstream_cx_length_ms");
        RqTotal = scope.Counter("upstream_rq_total");
        RqActive = scope.Gauge("upstream_rq_active");
        RqPendingTotal = scope.Counter("upstream_rq_pending_total");
        RqPendingActive = scope.Gauge("upstream_rq_pending_active");
        RqPendingOverflow = scope.Counter("upstream_rq_pending_overflow");
        RqPendingFailureEject = scope.Counter("upstream_rq_pending_failure_eject");
        RqActiveOverflow = scope.Counter("upstream_rq_active_overflow");
        BindErrors = scope.Counter("bind_errors");
        LbHealthyPanic = scope.Counter("lb_healthy_panic");
        LbSubsetsSelected = scope.Counter("lb_subsets_selected");
        LbSubsetsFallback = scope.Counter("lb_subsets_fallback");
        LbSubsetsFallbackPanic = scope.Counter("lb_subsets_fallback_panic");
        DropOverload = scope.Counter("upstream_rq_drop_overload");
        MaintenanceMode = scope.Counter("upstream_rq_maintenance_mode");
        OriginalDestinationInvalid = scope.Counter("original_dst_host_invalid");
    }

    /// <summary>For what one protocol adds (upstream_rq_2xx, http1.*, ...).</summary>
    public StatScope Scope { get; }

    public Counter CxTotal { get; }
    public Gauge CxActive { get; }
    public Counter CxConnectFail { get; }
    public Counter CxConnectTimeout { get; }
    public Counter CxConnectAttemptsExceeded { get; }
    public Counter CxOverflow { get; }
    public Counter CxPoolOverflow { get; }
    public Counter CxDestroy { get; }
    public Counter CxDestroyLocal { get; }
    public Counter CxDestroyRemote { get; }
    public Counter CxIdleTimeout { get; }
    public Counter CxNoneHealthy { get; }
    public Counter CxRxBytesTotal { get; }
    public Counter CxTxBytesTotal { get; }
    public Histogram CxConnectMilliseconds { get; }
    public Histogram CxLengthMilliseconds { get; }
    public Counter RqTotal { get; }
    public Gauge RqActive { get; }
    public Counter RqPendingTotal { get; }
    public Gauge RqPendingActive { get; }
    public Counter RqPendingOverflow { get; }
    public Counter RqPendingFailureEject { get; }
    public Counter RqActiveOverflow { get; }
    public Counter BindErrors { get; }
    public Counter LbHealthyPanic { get; }
    public Counter LbSubsetsSelected { get; }
    public Counter LbSubsetsFallback { get; }
    public Counter LbSubsetsFallbackPanic { get; }
    public Counter DropOverload { get; }

    public Counter MaintenanceMode { get; }
    public Counter OriginalDestinationInvalid { get; }

    /// <summary>`lb_zone_*`; made with the first request that is routed by zones.</summary>
    internal ZoneStats Zones => _zones ??= new ZoneStats(Scope);

    /// <summary>`ssl.*`; made at the first handshake.</summary>
    public Tls.TlsStats Tls => _tls ??= new Tls.TlsStats(Scope, isServer: false);
}
