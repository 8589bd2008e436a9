namespace Pilotfish.Proxy.Streams;

/// <summary>Why the proxy closed a client's connection, as <c>%DOWNSTREAM_LOCAL_CLOSE_REASON%</c> names it (Envoy's LocalCloseReasons).</summary>
internal static class LocalCloseReasons
{
    /// <summary>A connection that was to end after its last request.</summary>
    public const string DrainedConnection = "deferred_close_on_drained_connection";

    public const string IdleTimeout = "on_idle_timeout";

    /// <summary>The client did not close within delayed_close_timeout after it was asked to.</summary>
    public const string DelayedClose = "triggered_delayed_close_timeout";

    public const string PingTimeout = "http2_ping_timeout";

    /// <summary>The client makes the proxy send and does not read.</summary>
    public const string Http2Violation = "http2_connection_protocol_violation";

    public const string TcpIdleTimeout = "tcp_session_idle_timeout";

    public const string MaxDuration = "max_connection_duration_reached";
}
