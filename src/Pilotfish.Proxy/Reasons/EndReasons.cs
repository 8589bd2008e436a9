namespace Pilotfish.Proxy.Reasons;

/// <summary>The shared reasons. Failures with a subject derive from these by <see cref="EndReason.About"/>.</summary>
public static class EndReasons
{
    public static readonly EndReason ViaUpstream = new(
        EndCause.Completed, EndSide.Upstream, ResponseDetails.ViaUpstream, default, "The upstream answered.");

    public static readonly EndReason DirectResponse = new(
        EndCause.DirectResponse, EndSide.Proxy, ResponseDetails.DirectResponse, default, "The route answers this request itself.");

    public static readonly EndReason Redirect = new(
        EndCause.Redirect, EndSide.Proxy, ResponseDetails.DirectResponse, default, "The route redirects this request.");

    public static readonly EndReason NoRoute = Of(EndCause.NoRoute, EndSide.Proxy, ResponseDetails.RouteNotFound,
        ResponseFlag.NoRouteFound, "No virtual host or route matches the request.");

    public static readonly EndReason NoRouteConfig = Of(EndCause.NoRoute, EndSide.Proxy, ResponseDetails.RouteConfigurationNotFound,
        ResponseFlag.NoRouteFound, "The route configuration of this listener has not arrived from the control plane.");

    public static readonly EndReason ClusterNotFound = Of(EndCause.NoCluster, EndSide.Proxy, ResponseDetails.ClusterNotFound,
        ResponseFlag.NoClusterFound, "The route names a cluster that does not exist.");

    public static readonly EndReason NoHealthyUpstream = Of(EndCause.NoHealthyHost, EndSide.Upstream, ResponseDetails.NoHealthyUpstream,
        ResponseFlag.NoHealthyUpstream, "The cluster has no endpoint that may take traffic.");

    public static readonly EndReason MaintenanceMode = Of(EndCause.Overflow, EndSide.Proxy, ResponseDetails.MaintenanceMode,
        ResponseFlag.UpstreamOverflow, "The cluster is in maintenance mode.");

    public static readonly EndReason DropOverload = Of(EndCause.Overflow, EndSide.Proxy, ResponseDetails.DropOverload,
        ResponseFlag.DropOverload, "The control plane asked for a share of this cluster's requests to be dropped.");

    public static readonly EndReason UnconditionalDropOverload = Of(EndCause.Overflow, EndSide.Proxy,
        ResponseDetails.UnconditionalDropOverload, ResponseFlag.UnconditionalDropOverload,
        "The control plane asked for all of this cluster's requests to be dropped.");

    public static readonly EndReason WebSocketHandshake = new(EndCause.UpstreamProtocolError, EndSide.Upstream,
        ResponseDetails.WebSocketHandshakeUnsuccessful, default,
        "The upstream neither switched to the WebSocket protocol nor answered with an error.");

    public static readonly EndReason InvalidEnvoyHeader = Of(EndCause.BadRequest, EndSide.Downstream,
        ResponseDetails.InvalidEnvoyRequestHeaders, ResponseFlag.InvalidEnvoyRequestHeaders,
        "A header that steers the router has a value that it cannot have, and the router is to check it.");

    public static readonly EndReason RequestHeadSpoilt = Of(EndCause.Internal, EndSide.Proxy,
        ResponseDetails.FilterRemovedRequiredRequestHeaders, ResponseFlag.DownstreamProtocolError,
        "A filter removed a header without which no request can be sent.");

    public static readonly EndReason ResponseHeadSpoilt = new(EndCause.Internal, EndSide.Proxy,
        ResponseDetails.FilterRemovedRequiredResponseHeaders + "{missing_required_header:_:status}", default,
        "A filter removed the response's status.");

    public static readonly EndReason ClientGone = Of(EndCause.ClientGone, EndSide.Downstream, ResponseDetails.DownstreamRemoteDisconnect,
        ResponseFlag.DownstreamConnectionTermination, "The client closed the connection before the response was complete.");

    public static readonly EndReason LocalDisconnect = Of(EndCause.LocalReset, EndSide.Proxy, ResponseDetails.DownstreamLocalDisconnect,
        ResponseFlag.LocalReset, "The proxy closed the client's connection.");

    public static readonly EndReason RequestTimeout = Of(EndCause.Timeout, EndSide.Upstream, ResponseDetails.ResponseTimeout,
        ResponseFlag.UpstreamRequestTimeout, "The upstream did not answer within the route's timeout.");

    public static readonly EndReason PerTryTimeout = Of(EndCause.Timeout, EndSide.Upstream, ResponseDetails.PerTryTimeout,
        ResponseFlag.UpstreamRequestTimeout, "The upstream did not answer within the per-try timeout.");

    public static readonly EndReason PerTryIdleTimeout = Of(EndCause.Timeout, EndSide.Upstream, ResponseDetails.PerTryIdleTimeout,
        ResponseFlag.UpstreamRequestTimeout, "The upstream was silent for longer than the per-try idle timeout.");

    public static readonly EndReason StreamIdleTimeout = Of(EndCause.IdleTimeout, EndSide.Proxy, ResponseDetails.StreamIdleTimeout,
        ResponseFlag.StreamIdleTimeout, "Neither side sent anything within the stream idle timeout.");

    public static readonly EndReason MaxStreamDuration = new(EndCause.Timeout, EndSide.Proxy, ResponseDetails.MaxDurationTimeout, default,
        "The request lasted longer than the maximum stream duration.");

    public static readonly EndReason InternalRedirect = new(EndCause.Redirect, EndSide.Upstream, ResponseDetails.InternalRedirect, default,
        "The upstream redirected the request and the proxy followed by the route's policy.");

    public static readonly EndReason UpstreamMaxStreamDuration = Of(EndCause.Timeout, EndSide.Upstream,
        ResponseDetails.UpstreamMaxStreamDuration, ResponseFlag.UpstreamMaxStreamDurationReached,
        "The upstream stream lasted longer than its maximum duration.");

    public static readonly EndReason RequestOverallTimeout = new(EndCause.Timeout, EndSide.Downstream,
        ResponseDetails.RequestOverallTimeout, default, "The client did not send the whole request within request_timeout.");

    public static readonly EndReason RequestHeaderTimeout = new(EndCause.Timeout, EndSide.Downstream,
        ResponseDetails.RequestHeaderTimeout, default, "The client did not send the request's head within request_headers_timeout.");

    public static readonly EndReason RequestPayloadTooLarge = new(EndCause.PayloadTooLarge, EndSide.Downstream,
        ResponseDetails.RequestPayloadTooLarge, default, "A filter buffers the request body and the body is larger than the buffer limit.");

    public static readonly EndReason ResponsePayloadTooLarge = new(EndCause.PayloadTooLarge, EndSide.Upstream,
        ResponseDetails.ResponsePayloadTooLarge, default, "A filter buffers the response body and the body is larger than the buffer limit.");

    public static readonly EndReason RetryBufferExceeded = new(EndCause.PayloadTooLarge, EndSide.Downstream,
        ResponseDetails.RequestPayloadExceededRetryBufferLimit, default,
        "The request body outgrew the retry buffer while the request waited for its next attempt.");

    public static readonly EndReason UpgradeFailed = new(EndCause.Denied, EndSide.Downstream, ResponseDetails.UpgradeFailed, default,
        "The requested protocol upgrade is not allowed here.");

    public static readonly EndReason EarlyConnectData = new(EndCause.BadRequest, EndSide.Downstream, ResponseDetails.EarlyConnectData, default,
        "The client sent into a CONNECT tunnel before it was answered, and the router is to refuse that.");

    public static readonly EndReason ClientAddressUnknown = new(EndCause.Denied, EndSide.Downstream,
        ResponseDetails.OriginalIpDetectionFailed, default, "The client's address could not be told from the request's headers.");

    public static readonly EndReason LowVersion = new(EndCause.BadRequest, EndSide.Downstream, ResponseDetails.LowVersion, default,
        "The client speaks HTTP/1.0 and accept_http_10 is off.");

    public static readonly EndReason MissingHost = new(EndCause.BadRequest, EndSide.Downstream, ResponseDetails.MissingHostHeader, default,
        "The request names no host.");

    public static readonly EndReason MissingPath = new(EndCause.BadRequest, EndSide.Downstream, ResponseDetails.MissingPath, default,
        "The request has no path.");

    public static readonly EndReason AbsolutePath = new(EndCause.BadRequest, EndSide.Downstream, ResponseDetails.AbsolutePath, default,
        "The request's path does not start with '/'.");

    public static readonly EndReason PathNormalizationFailed = new(EndCause.BadRequest, EndSide.Downstream,
        ResponseDetails.PathNormalizationFailed, default, "The request's path cannot be normalised.");

    public static readonly EndReason FilterConfigMissing = Of(EndCause.FilterConfigMissing, EndSide.Proxy,
        ResponseDetails.FilterConfigNotFound, ResponseFlag.NoFilterConfigFound, "A filter's configuration has not arrived and it has no default.");

    public static readonly EndReason FaultAbort = Of(EndCause.FaultInjected, EndSide.Proxy, ResponseDetails.FaultAbort,
        ResponseFlag.FaultInjected, "The fault filter aborted the request as configured.");

    public static readonly EndReason FilterChainNotFound = Of(EndCause.NoFilterChain, EndSide.Proxy, ResponseDetails.FilterChainNotFound,
        ResponseFlag.NoRouteFound, "No filter chain of the listener matches the connection.");

    private static EndReason Of(EndCause cause, EndSide side, string details, ResponseFlag flag, string sentence) =>
        new(cause, side, details, ResponseFlags.Of(flag), sentence);
}
