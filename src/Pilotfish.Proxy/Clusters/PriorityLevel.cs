namespace Pilotfish.Proxy.Clusters;

/// <summary>The hosts of one priority, as lists that picks use directly.</summary>
public sealed class PriorityLevel
{
    public required HostList All { get; init; }
    public required HostList Healthy { get; init; }
    public required HostList Degraded { get; init; }

    /// <summary>The proxy's own locality, when it has hosts here, is first.</summary>
    public required LocalityHosts[] Localities { get; init; }

    public required bool HasLocalLocality { get; init; }

    public required int ExcludedCount { get; init; }

    /// <summary>How many of its hosts that are not excluded are healthy or degraded.</summary>
    internal double UsablePercent
    {
        get
        {
            int hosts = All.Hosts.Length - ExcludedCount;
            return hosts == 0 ? 0 : 100.0 * (Healthy.Hosts.Length + Degraded.Hosts.Length) / hosts;
        }
    }

    /// <summary>The number of healthy hosts, or the sum of their weights where weighted_priority_health says so.</summary>
    internal ulong HealthyMass { get; init; }

    /// <summary>The same of degraded hosts.</summary>
    internal ulong DegradedMass { get; init; }

    /// <summary>The same of all that are not excluded.</summary>
    internal ulong Mass { get; init; }

    internal HostList Select(HostAvailability availability) => availability switch
    {
        HostAvailability.Healthy => Healthy,
        HostAvailability.Degraded => Degraded,
        _ => All,
    };
}
