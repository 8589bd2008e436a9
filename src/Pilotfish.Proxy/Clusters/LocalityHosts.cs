namespace Pilotfish.Proxy.Clusters;

/// <summary>The hosts of one locality within one priority.</summary>
public sealed class LocalityHosts
{
    public required Locality Locality { get; init; }
    public required uint Weight { get; init; }
    public required HostList All { get; init; }
    public required HostList Healthy { get; init; }
    public required HostList Degraded { get; init; }

    internal HostList Select(HostAvailability availability) => availability switch
    {
        HostAvailability.Healthy => Healthy,
        HostAvailability.Degraded => Degraded,
        _ => All,
    };

    /// <summary>
    /// The share that a locality gets: its weight, less what its missing hosts could not serve, with the same
    /// over-provisioning as priorities have.
    /// </summary>
    internal double EffectiveWeight(HostAvailability availability, uint overprovisioningFactor)
    {
        int total = 0;
        foreach (Host host in All.Hosts)
        {
            total += host.IsExcluded ? 0 : 1;
        }

        int usable = Select(availability).Hosts.Length;
        if (total == 0 || usable == 0 || Weight == 0)
        {
            return 0;
        }

        return Weight * Math.Min(1.0, overprovisioningFactor / 100.0 * usable / total);
    }
}
