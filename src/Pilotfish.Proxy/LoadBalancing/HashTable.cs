using Pilotfish.Proxy.Clusters;

namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>A consistent-hash table over one list of hosts: ring or Maglev. Immutable, shared by all workers.</summary>
internal abstract class HashTable
{
    /// <param name="policy">Which table, and of what size.</param>
    /// <param name="hosts">At least one.</param>
    /// <param name="weights">Each host's share of all, 0 to 1; hosts without one take no part.</param>
    public static HashTable Build(LoadBalancingPolicyModel policy, Host[] hosts, double[] weights)
    {
        if (Array.Exists(weights, static weight => weight == 0) && Array.Exists(weights, static weight => weight > 0))
        {
            double[] all = weights;
            hosts = Array.FindAll(hosts, host => all[Array.IndexOf(hosts, host)] > 0);
            weights = Array.FindAll(all, static weight => weight > 0);
        }

        HashTable table = policy.Algorithm == LoadBalancingAlgorithm.Maglev
            ? MaglevTable.Create(policy, hosts, weights)
            : HashRing.Create(policy, hosts, weights);
        table.Hosts = hosts;
        table.Weights = weights;
        return table;
    }

    public Host[] Hosts { get; private set; } = [];

    /// <summary>Each host's share of the total, for bounded loads.</summary>
    public double[] Weights { get; private set; } = [];

    /// <summary>The index of the host for a hash; a later attempt of the same request gets another place.</summary>
    public abstract int Find(ulong hash, uint attempt);

    /// <summary>Places of the table.</summary>
    public abstract int Size { get; }

    /// <summary>Places of the host that has fewest and of the one that has most.</summary>
    public abstract (int Least, int Most) PlacesPerHost { get; }

    // hash_key under envoy.lb goes before what the policy says.
    protected static string KeyOf(LoadBalancingPolicyModel policy, Host host) =>
        host.Config.Metadata.HashKey is { Length: > 0 } key ? key
        : policy.HashByHostname && host.Hostname.Length > 0 ? host.Hostname
        : host.AddressText;

    protected static (int Least, int Most) Extremes(ReadOnlySpan<int> places, int hosts)
    {
        int[] counts = new int[hosts];
        foreach (int host in places)
        {
            counts[host]++;
        }

        (int least, int most) = (int.MaxValue, 0);
        foreach (int count in counts)
        {
            (least, most) = (Math.Min(least, count), Math.Max(most, count));
        }

        return (least, most);
    }
}
