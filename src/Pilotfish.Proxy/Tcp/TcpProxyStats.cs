using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Tcp;

/// <summary>`tcp.PREFIX.*`.</summary>
internal sealed class TcpProxyStats(StatScope scope)
{
    public Counter CxTotal { get; } = scope.Counter("downstream_cx_total");

    public Counter CxNoRoute { get; } = scope.Counter("downstream_cx_no_route");

    public Counter RxBytesTotal { get; } = scope.Counter("downstream_cx_rx_bytes_total");

    public Counter TxBytesTotal { get; } = scope.Counter("downstream_cx_tx_bytes_total");

    /// <summary>A client was not read because its upstream took no more.</summary>
    public Counter FlowPaused { get; } = scope.Counter("downstream_flow_control_paused_reading_total");

    public Counter FlowResumed { get; } = scope.Counter("downstream_flow_control_resumed_reading_total");

    /// <summary>A client had spoken before its upstream was connected (max_early_data_bytes).</summary>
    public Counter EarlyDataReceived { get; } = scope.Counter("early_data_received_count_total");

    public Counter IdleTimeout { get; } = scope.Counter("idle_timeout");

    public Counter MaxDuration { get; } = scope.Counter("max_downstream_connection_duration");

    public Counter UpstreamFlushTotal { get; } = scope.Counter("upstream_flush_total");

    public Gauge UpstreamFlushActive { get; } = scope.Gauge("upstream_flush_active");
}
