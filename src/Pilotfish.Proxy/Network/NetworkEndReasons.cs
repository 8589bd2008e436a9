using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.Network;

/// <summary>Why TCP connections end. Details follow Envoy's words where it has some.</summary>
public static class NetworkEndReasons
{
    public static readonly EndReason TcpCompleted = new(
        EndCause.Completed, EndSide.Downstream, "via_upstream", default, "Both sides finished sending.");

    public static readonly EndReason UpstreamClosedByHost = new(
        EndCause.Completed, EndSide.Upstream, "upstream_remote_close", default, "The host closed the upstream connection.");

    public static readonly EndReason UpstreamClosedHere = new(
        EndCause.Completed, EndSide.Proxy, "upstream_local_close", default, "The proxy closed the upstream connection.");

    public static readonly EndReason HandshakeFailed = new(
        EndCause.TransportFailure, EndSide.Downstream, "downstream_transport_failure", default,
        "The TLS handshake with the client failed.");

    public static readonly EndReason FilterConfigMissing = new(
        EndCause.FilterConfigMissing, EndSide.Proxy, "no_filter_config_found", ResponseFlags.Of(ResponseFlag.NoFilterConfigFound),
        "A network filter's config did not arrive by ECDS, and there is no default.");

    public static readonly EndReason NoCluster = new(
        EndCause.NoCluster, EndSide.Proxy, "cluster_not_found", ResponseFlags.Of(ResponseFlag.NoClusterFound),
        "The cluster that the TCP proxy names does not exist.");

    public static readonly EndReason UpstreamOverflow = new(
        EndCause.Overflow, EndSide.Proxy, "upstream_overflow", ResponseFlags.Of(ResponseFlag.UpstreamOverflow),
        "The cluster's connection limit is reached (circuit breaker max_connections).");

    /// <summary>Every attempt failed; Envoy prints UF,URX.</summary>
    public static readonly EndReason ConnectFailed = new(
        EndCause.ConnectFailure, EndSide.Upstream, "upstream_connect_failed",
        ResponseFlags.Of(ResponseFlag.UpstreamConnectionFailure).With(ResponseFlag.UpstreamRetryLimitExceeded),
        "No connection to an endpoint of the cluster could be made.");

    public static readonly EndReason ClientGoneEarly = new(
        EndCause.ClientGone, EndSide.Downstream, "downstream_remote_disconnect",
        ResponseFlags.Of(ResponseFlag.DownstreamConnectionTermination), "The client left before the upstream connection stood.");

    public static readonly EndReason DownstreamReset = new(
        EndCause.ClientGone, EndSide.Downstream, "downstream_remote_disconnect", default, "The client reset the connection.");

    public static readonly EndReason UpstreamReset = new(
        EndCause.UpstreamReset, EndSide.Upstream, "upstream_remote_disconnect", default, "The upstream reset the connection.");

    public static readonly EndReason HostFailed = new(
        EndCause.NoHealthyHost, EndSide.Proxy, "upstream_host_unhealthy", default,
        "The upstream host failed its health check or was ejected, and close_connections_on_host_health_failure ends its connections.");

    public static readonly EndReason IdleTimeout = new(
        EndCause.IdleTimeout, EndSide.Proxy, "tcp_session_idle_timeout", default,
        "No byte passed in either direction for the idle time-out.");

    public static readonly EndReason MaxDuration = new(
        EndCause.Timeout, EndSide.Proxy, "max_connection_duration_reached", ResponseFlags.Of(ResponseFlag.DurationTimeout),
        "The connection reached max_downstream_connection_duration.");

    public static readonly EndReason Overloaded = new(
        EndCause.Overload, EndSide.Proxy, "overload", ResponseFlags.Of(ResponseFlag.OverloadManagerTerminated),
        "The process is short of a resource: the overload manager refuses work.");

    public static readonly EndReason Drained = new(
        EndCause.Drained, EndSide.Proxy, "deferred_close_on_drained_connection", default,
        "The drain time of the connection's listener or filter chain is over.");
}
