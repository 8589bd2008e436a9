using Pilotfish.Proxy.Clusters;

namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>A consistent-hash table over one list of hosts: ring or Maglev. Immutable, shared by all workers.</summary>
internal abstract class HashTable
{
    public static HashTable Build(LoadBalancingPolicyModel policy, Host[] hosts, double[] weights)
    {
        double sum = 0;
        foreach (double weight in weights)
        {
            sum += weight;
        }

        var normalized = new double[weights.Length];
        for (int i = 0; i < weights.Length; i++)
        {
            normalized[i] = sum > 0 ? weights[i] / sum : 1.0 / weights.Length;
        }

        HashTable table = policy.Algorithm == LoadBalancingAlgorithm.Maglev
            ? MaglevTable.Create(policy, hosts, normalized)
            : HashRing.Create(policy, hosts, normalized);
        table.Hosts = hosts;
        table.Weights = normalized;
        return table;
    }

    public Host[] Hosts { get; private set; } = [];

    /// <summary>Each host's share of the total, for bounded loads.</summary>
    public double[] Weights { get; private set; } = [];

    /// <summary>The index of the host for a hash; a later attempt of the same request gets another place.</summary>
    public abstract int Find(ulong hash, uint attempt);

    protected static string KeyOf(LoadBalancingPolicyModel policy, Host host) =>
        policy.HashByHostname && host.Hostname.Length > 0 ? host.Hostname : host.AddressText;
}
