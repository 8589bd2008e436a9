namespace Pilotfish.Proxy.Clusters;

/// <summary>Which hosts of a priority a pick may use; <see cref="All"/> is panic.</summary>
internal enum HostAvailability
{
    Healthy,
    Degraded,
    All,
}
