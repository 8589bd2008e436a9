using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Tcp;

/// <summary>`tcp.PREFIX.*`.</summary>
internal sealed class TcpProxyStats(StatScope scope)
{
    public Counter CxTotal { get; } = scope.Counter("downstream_cx_total");

    public Counter CxNoRoute { get; } = scope.Counter("downstream_cx_no_route");

    public Counter RxBytesTotal { get; } = scope.Counter("downstream_cx_rx_bytes_total");

    public Counter TxBytesTotal { get; } = scope.Counter("downstream_cx_tx_bytes_total");

    public Counter IdleTimeout { get; } = scope.Counter("idle_timeout");

    public Counter MaxDuration { get; } = scope.Counter("max_downstream_connection_duration");

    public Counter UpstreamFlushTotal { get; } = scope.Counter("upstream_flush_total");

    public Gauge UpstreamFlushActive { get; } = scope.Gauge("upstream_flush_active");
}
