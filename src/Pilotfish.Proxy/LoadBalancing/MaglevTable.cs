using System.IO.Hashing;
using System.Text;
using Pilotfish.Proxy.Clusters;

namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>
/// Maglev (NSDI '16, section 3.4): hosts take turns claiming table places along their own permutation; a host of weight w
/// plays in w of the turns.
/// </summary>
internal sealed class MaglevTable : HashTable
{
    private const int Free = -1;

    private readonly int[] _places;

    private MaglevTable(int[] places, int hostCount)
    {
        _places = places;
        PlacesPerHost = Extremes(places, hostCount);
    }

    public override int Size => _places.Length;

    public override (int Least, int Most) PlacesPerHost { get; }

    public static MaglevTable Create(LoadBalancingPolicyModel policy, Host[] hosts, double[] weights)
    {
        int size = policy.MaglevTableSize;
        var entries = new Entry[hosts.Length];
        double heaviest = 0;
        for (int i = 0; i < hosts.Length; i++)
        {
            string key = KeyOf(policy, hosts[i]);
            byte[] bytes = Encoding.UTF8.GetBytes(key);
            ulong offset = XxHash64.HashToUInt64(bytes) % (ulong)size;
            ulong skip = (XxHash64.HashToUInt64(bytes, 1) % (ulong)(size - 1)) + 1;
            entries[i] = new Entry(i, key, offset, skip, weights[i]);
            heaviest = Math.Max(heaviest, weights[i]);
        }

        // The order must not depend on the order in which endpoints were listed.
        Array.Sort(entries, (a, b) => string.CompareOrdinal(a.Key, b.Key));
        int[] places = new int[size];
        Array.Fill(places, Free);
        Fill(places, entries, heaviest);
        return new MaglevTable(places, hosts.Length);
    }

    public override int Find(ulong hash, uint attempt)
    {
        if (attempt > 0)
        {
            hash ^= ~0UL - attempt + 1;
        }

        return _places[hash % (ulong)_places.Length];
    }

    private static void Fill(int[] places, Entry[] entries, double heaviest)
    {
        int claimed = 0;
        for (uint turn = 1; claimed < places.Length; turn++)
        {
            for (int i = 0; i < entries.Length && claimed < places.Length; i++)
            {
                ref Entry entry = ref entries[i];
                if (turn * entry.Weight < entry.Target)
                {
                    continue;
                }

                entry.Target += heaviest;
                int place = entry.NextPlace(places.Length);
                while (places[place] != Free)
                {
                    place = entry.NextPlace(places.Length);
                }

                places[place] = entry.Host;
                claimed++;
            }
        }
    }

    private record struct Entry(int Host, string Key, ulong Offset, ulong Skip, double Weight)
    {
        private ulong _next;

        public double Target { get; set; }

        public int NextPlace(int size) => (int)((Offset + (Skip * _next++)) % (ulong)size);
    }
}
