namespace Pilotfish.Proxy.Clusters;

/// <summary>Why a host is not (fully) usable; none of them means healthy. Spelt in /clusters as Envoy does.</summary>
[Flags]
public enum HostHealth
{
    Healthy = 0,
    FailedActiveHealthCheck = 1,
    FailedOutlierCheck = 2,
    FailedEdsHealth = 4,
    DegradedActiveHealthCheck = 8,
    DegradedEdsHealth = 16,
    PendingDynamicRemoval = 32,
    PendingActiveHealthCheck = 64,
    ExcludedViaImmediateHealthCheckFailure = 128,
    ActiveHealthCheckTimeout = 256,
    EdsStatusDraining = 512,
}
