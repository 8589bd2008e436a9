using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.Http1;

/// <summary>Why a client's connection ended while no request ran.</summary>
internal static class DownstreamEnds
{
    public static readonly EndReason ByRemote = new(EndCause.Completed, EndSide.Downstream, ResponseDetails.DownstreamRemoteDisconnect,
        default, "The client closed the connection between requests.");

    public static readonly EndReason Idle = new(EndCause.IdleTimeout, EndSide.Proxy, "downstream_local_disconnect(on_idle_timeout)",
        default, "The connection was idle for longer than its idle timeout.");

    public static readonly EndReason MaxDuration = new(EndCause.Timeout, EndSide.Proxy,
        "downstream_local_disconnect(max_connection_duration_reached)", default, "The connection reached its maximum duration.");

    /// <summary>Of a request that is still running when the drain time is over.</summary>
    public static readonly EndReason DrainDeadline = new(EndCause.Drained, EndSide.Proxy,
        "downstream_local_disconnect(deferred_close_on_drained_connection)", ResponseFlags.Of(ResponseFlag.DownstreamConnectionTermination),
        "The listener or the process drains its connections, and the request outlasted the drain time.");

    public static readonly EndReason Drained = new(EndCause.Drained, EndSide.Proxy,
        "downstream_local_disconnect(deferred_close_on_drained_connection)", default, "The listener or the process drains its connections.");
}
