using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Listeners;

/// <summary>`listener.ADDRESS.*`.</summary>
public sealed class ListenerStats
{
    // Two workers may make it at once: names resolve to the same cells, so either object is right.
    private Tls.TlsStats? _tls;

    internal ListenerStats(StatScope scope)
    {
        Scope = scope;
        CxTotal = scope.Counter("downstream_cx_total");
        CxDestroy = scope.Counter("downstream_cx_destroy");
        CxActive = scope.Gauge("downstream_cx_active");
        CxLengthMilliseconds = scope.Histogram("downstream_cx_length_ms");
        CxOverflow = scope.Counter("downstream_cx_overflow");
        CxOverloadReject = scope.Counter("downstream_cx_overload_reject");
        CxHandshakeTimeout = scope.Counter("downstream_cx_transport_socket_connect_timeout");
        PreCxActive = scope.Gauge("downstream_pre_cx_active");
        PreCxTimeout = scope.Counter("downstream_pre_cx_timeout");
        GlobalCxOverflow = scope.Counter("downstream_global_cx_overflow");
        FilterRemoteClose = scope.Counter("downstream_listener_filter_remote_close");
        FilterError = scope.Counter("downstream_listener_filter_error");
        ConfigMissing = scope.Counter("extension_config_missing");
        NetworkConfigMissing = scope.Counter("network_extension_config_missing");
        NoFilterChainMatch = scope.Counter("no_filter_chain_match");
    }

    public StatScope Scope { get; }

    public Counter CxTotal { get; }
    public Counter CxDestroy { get; }
    public Gauge CxActive { get; }
    public Histogram CxLengthMilliseconds { get; }
    public Counter CxOverflow { get; }
    public Counter CxOverloadReject { get; }
    public Counter CxHandshakeTimeout { get; }
    public Gauge PreCxActive { get; }
    public Counter PreCxTimeout { get; }
    public Counter GlobalCxOverflow { get; }
    public Counter FilterRemoteClose { get; }
    public Counter FilterError { get; }
    public Counter ConfigMissing { get; }
    public Counter NetworkConfigMissing { get; }
    public Counter NoFilterChainMatch { get; }

    /// <summary>`ssl.*`; made at the first handshake.</summary>
    public Tls.TlsStats Tls => _tls ??= new Tls.TlsStats(Scope, isServer: true);
}
