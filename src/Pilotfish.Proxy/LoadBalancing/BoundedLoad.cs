using System.Buffers;
using Pilotfish.Proxy.Clusters;

namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>
/// Consistent hashing with bounded loads (arXiv 1608.01350): a host that carries more than its share times the factor is passed by for the
/// first that does not in a random order of all, which the hash alone decides (arXiv 1908.08762), as Envoy draws it.
/// </summary>
internal static class BoundedLoad
{
    // Orders up to here live on the stack.
    private const int StackHostsMax = 512;

    public static Host Choose(HashTable table, int at, ulong hash, int factorPercent)
    {
        Host[] hosts = table.Hosts;
        long active = 0;
        foreach (Host host in hosts)
        {
            active += host.ActiveRequests;
        }

        long slots = (((active + 1) * factorPercent) + 99) / 100;
        double load = Load(table, at, slots);
        return load <= 1 ? hosts[at] : Another(table, at, hash, slots, load);
    }

    private static Host Another(HashTable table, int at, ulong hash, long slots, double load)
    {
        Host[] hosts = table.Hosts;
        int[]? rented = hosts.Length > StackHostsMax ? ArrayPool<int>.Shared.Rent(hosts.Length) : null;
        Span<int> order = rented is null ? stackalloc int[hosts.Length] : rented.AsSpan(0, hosts.Length);
        for (int i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        var random = new MersenneTwister(stackalloc uint[MersenneTwister.Length], (uint)hash);
        int least = at;
        for (int i = 0; i < order.Length; i++)
        {
            int other = i + (int)random.NextBelow((uint)(order.Length - i));
            (order[i], order[other]) = (order[other], order[i]);
            int candidate = order[i];
            if (candidate == at)
            {
                continue;
            }

            double its = Load(table, candidate, slots);
            if (its < load)
            {
                (least, load) = (candidate, its);
            }

            if (its <= 1)
            {
                break;
            }
        }

        if (rented is not null)
        {
            ArrayPool<int>.Shared.Return(rented);
        }

        return hosts[least];
    }

    // Requests under way for each that it may have.
    private static double Load(HashTable table, int at, long slots) =>
        table.Hosts[at].ActiveRequests / Math.Max(1, Math.Ceiling(slots * table.Weights[at]));
}
