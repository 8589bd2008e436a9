namespace Pilotfish.Proxy.Reasons;

/// <summary>Values of <c>%RESPONSE_CODE_DETAILS%</c>, spelt as Envoy spells them.</summary>
public static class ResponseDetails
{
    public const string ViaUpstream = "via_upstream";
    public const string DirectResponse = "direct_response";
    public const string RequestPayloadTooLarge = "request_payload_too_large";
    public const string ResponsePayloadTooLarge = "response_payload_too_large";
    public const string RequestPayloadExceededRetryBufferLimit = "request_payload_exceeded_retry_buffer_limit";
    public const string StreamIdleTimeout = "stream_idle_timeout";
    public const string MaxDurationTimeout = "max_duration_timeout";
    public const string RequestOverallTimeout = "request_overall_timeout";
    public const string RequestHeaderTimeout = "request_header_timeout";
    public const string Overload = "overload";
    public const string LowVersion = "low_version";
    public const string MissingHostHeader = "missing_host_header";
    public const string InvalidEnvoyRequestHeaders = "request_headers_failed_strict_check";
    public const string MissingPath = "missing_path_rejected";
    public const string AbsolutePath = "absolute_path_rejected";
    public const string PathNormalizationFailed = "path_normalization_failed";
    public const string UpgradeFailed = "upgrade_failed";
    public const string WebSocketHandshakeUnsuccessful = "websocket_handshake_unsuccessful";
    public const string RouteConfigurationNotFound = "route_configuration_not_found";
    public const string RouteNotFound = "route_not_found";
    public const string ClusterNotFound = "cluster_not_found";
    public const string MaintenanceMode = "maintenance_mode";
    public const string DropOverload = "drop_overload";
    public const string UnconditionalDropOverload = "unconditional_drop_overload";
    public const string NoHealthyUpstream = "no_healthy_upstream";
    public const string ResponseTimeout = "response_timeout";
    public const string PerTryTimeout = "upstream_per_try_timeout";
    public const string PerTryIdleTimeout = "upstream_per_try_idle_timeout";
    public const string UpstreamMaxStreamDuration = "upstream_max_stream_duration_reached";
    public const string FilterChainNotFound = "filter_chain_not_found";
    public const string DownstreamRemoteDisconnect = "downstream_remote_disconnect";
    public const string DownstreamLocalDisconnect = "downstream_local_disconnect";
    public const string EarlyConnectData = "early_connect_data";
    public const string OriginalIpDetectionFailed = "rejecting_because_detection_failed";
    public const string InternalRedirect = "internal_redirect";
    public const string FilterRemovedRequiredRequestHeaders = "filter_removed_required_request_headers";
    public const string FilterRemovedRequiredResponseHeaders = "filter_removed_required_response_headers";
    public const string FilterConfigNotFound = "filter_config_not_found";
    public const string FaultAbort = "fault_filter_abort";
    public const string CorsResponse = "cors_response";
    public const string LocalRateLimited = "local_rate_limited";
    public const string RequestRateLimited = "request_rate_limited";
    public const string RateLimiterError = "rate_limiter_error";
    public const string HealthCheckOk = "health_check_ok";
    public const string HealthCheckOkClusterHealthy = "health_check_ok_cluster_healthy";
    public const string HealthCheckCached = "health_check_cached";
    public const string HealthCheckFailed = "health_check_failed";
    public const string HealthCheckFailedNoCluster = "health_check_failed_no_cluster_found";
    public const string HealthCheckFailedClusterEmpty = "health_check_failed_cluster_empty";
    public const string HealthCheckFailedClusterUnhealthy = "health_check_failed_cluster_unhealthy";

    public const string InvalidAuthority = "http.invalid_authority";
    public const string Http1CodecError = "http1.codec_error";
    public const string Http1BodyDisallowed = "http1.body_disallowed";
    public const string Http1ConnectionHeaderRejected = "http1.connection_header_rejected";
    public const string Http1ContentLengthAndChunked = "http1.content_length_and_chunked_not_allowed";
    public const string Http1ContentLengthNotAllowed = "http1.content_length_not_allowed";
    public const string Http1HeadersTooLarge = "http1.headers_too_large";
    public const string Http1InvalidCharacters = "http1.invalid_characters";
    public const string Http1InvalidTransferEncoding = "http1.invalid_transfer_encoding";
    public const string Http1InvalidUrl = "http1.invalid_url";
    public const string Http1TooManyHeaders = "http1.too_many_headers";
    public const string Http1TrailersTooLarge = "http1.trailers_too_large";
    public const string Http1TransferEncodingNotAllowed = "http1.transfer_encoding_not_allowed";
    public const string Http1UnexpectedUnderscore = "http1.unexpected_underscore";

    /// <summary>White space becomes an underscore, as the operator prints it.</summary>
    public static string Printable(string details) => details.Replace(' ', '_');
}
