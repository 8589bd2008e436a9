namespace Pilotfish.Proxy.Health;

/// <summary>Which rule found a host to be an outlier.</summary>
internal enum OutlierKind : byte
{
    Consecutive5xx,
    ConsecutiveGatewayFailure,
    ConsecutiveLocalOriginFailure,
    SuccessRate,
    LocalOriginSuccessRate,
    FailurePercentage,
    LocalOriginFailurePercentage,
}
