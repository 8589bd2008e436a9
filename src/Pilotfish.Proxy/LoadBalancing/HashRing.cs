using System.Globalization;
using System.IO.Hashing;
using System.Text;
using Pilotfish.Proxy.Clusters;

namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>
/// Ketama-like ring: each host gets entries in proportion to its weight, hashed from "KEY_i"; a request takes the first entry
/// at or after its hash.
/// </summary>
internal sealed class HashRing : HashTable
{
    private readonly ulong[] _hashes;
    private readonly int[] _hosts;

    private HashRing(ulong[] hashes, int[] hosts, int hostCount)
    {
        _hashes = hashes;
        _hosts = hosts;
        PlacesPerHost = Extremes(hosts, hostCount);
    }

    public override int Size => _hashes.Length;

    public override (int Least, int Most) PlacesPerHost { get; }

    public static HashRing Create(LoadBalancingPolicyModel policy, Host[] hosts, double[] weights)
    {
        double smallest = 1;
        foreach (double weight in weights)
        {
            smallest = weight > 0 ? Math.Min(smallest, weight) : smallest;
        }

        // The scale makes the smallest host's share a whole number of entries, so that the others' shares are exact too.
        double scale = Math.Min(Math.Ceiling(smallest * policy.RingSizeMin) / smallest, policy.RingSizeMax);
        var hashes = new List<ulong>((int)Math.Ceiling(scale));
        var owners = new List<int>((int)Math.Ceiling(scale));
        double current = 0;
        double target = 0;
        for (int i = 0; i < hosts.Length; i++)
        {
            byte[] key = Encoding.UTF8.GetBytes(KeyOf(policy, hosts[i]) + "_");
            byte[] buffer = new byte[key.Length + 20];
            key.CopyTo(buffer, 0);
            target += scale * weights[i];
            for (int n = 0; current < target; n++, current++)
            {
                n.TryFormat(buffer.AsSpan(key.Length), out int digits, default, CultureInfo.InvariantCulture);
                ReadOnlySpan<byte> text = buffer.AsSpan(0, key.Length + digits);
                hashes.Add(policy.UseMurmurHash ? MurmurHash2.Hash(text) : XxHash64.HashToUInt64(text));
                owners.Add(i);
            }
        }

        ulong[] sorted = [.. hashes];
        int[] sortedOwners = [.. owners];
        Array.Sort(sorted, sortedOwners);
        return new HashRing(sorted, sortedOwners, hosts.Length);
    }

    public override int Find(ulong hash, uint attempt)
    {
        int at = Array.BinarySearch(_hashes, hash);
        at = at < 0 ? ~at : at;
        return _hosts[(int)((at + attempt) % (uint)_hashes.Length)];
    }
}
