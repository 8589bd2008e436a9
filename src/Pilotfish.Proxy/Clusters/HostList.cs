using Pilotfish.Proxy.LoadBalancing;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// Hosts that one balancing decision chooses among (all, healthy or degraded; of a priority or of one of its localities).
/// Immutable; <see cref="Index"/> is where each worker keeps its place in this list.
/// </summary>
public sealed class HostList
{
    internal static readonly HostList Empty = new(0, []);

    internal HostList(int index, Host[] hosts)
    {
        Index = index;
        Hosts = hosts;
        HasEqualWeights = AreEqual(hosts);
    }

    internal int Index { get; }

    public Host[] Hosts { get; }

    public bool HasEqualWeights { get; }

    /// <summary>The consistent-hash table over these hosts, when the policy has one.</summary>
    internal HashTable? Table { get; init; }

    private static bool AreEqual(Host[] hosts)
    {
        for (int i = 1; i < hosts.Length; i++)
        {
            if (hosts[i].Weight != hosts[0].Weight)
            {
                return false;
            }
        }

        return true;
    }
}
