namespace Pilotfish.Proxy.Routing;

/// <summary>The conditions of retry_on and x-envoy-retry-on.</summary>
[Flags]
public enum RetryOn : uint
{
    None = 0,
    ServerError = 1 << 0,
    GatewayError = 1 << 1,
    Reset = 1 << 2,
    ResetBeforeRequest = 1 << 3,
    ConnectFailure = 1 << 4,
    EnvoyRateLimited = 1 << 5,
    Retriable4xx = 1 << 6,
    RefusedStream = 1 << 7,
    RetriableStatusCodes = 1 << 8,
    RetriableHeaders = 1 << 9,
    GrpcCancelled = 1 << 10,
    GrpcDeadlineExceeded = 1 << 11,
    GrpcInternal = 1 << 12,
    GrpcResourceExhausted = 1 << 13,
    GrpcUnavailable = 1 << 14,
    AnyGrpc = GrpcCancelled | GrpcDeadlineExceeded | GrpcInternal | GrpcResourceExhausted | GrpcUnavailable,
}
