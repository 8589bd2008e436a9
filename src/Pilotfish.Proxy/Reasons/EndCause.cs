namespace Pilotfish.Proxy.Reasons;

/// <summary>The kind of end, coarse enough to switch on; <see cref="EndReason.Details"/> has the fine print.</summary>
public enum EndCause : byte
{
    /// <summary>The upstream's answer (or, for TCP, both directions) went through to the end.</summary>
    Completed,
    DirectResponse,
    Redirect,
    BadRequest,
    ClientGone,
    NoRoute,
    NoCluster,
    NoHealthyHost,
    Overflow,
    ConnectFailure,
    UpstreamReset,
    UpstreamProtocolError,
    LocalReset,
    Timeout,
    IdleTimeout,
    RetryLimit,
    PayloadTooLarge,
    FaultInjected,
    Denied,
    RateLimited,
    FilterReply,
    FilterConfigMissing,
    Overload,
    Drained,
    NoFilterChain,
    TransportFailure,
    Internal,
}
