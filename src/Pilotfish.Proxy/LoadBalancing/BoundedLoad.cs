using Pilotfish.Proxy.Clusters;

namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>
/// Consistent hashing with bounded loads: a host that carries more than factor percent of its share is passed by, the
/// replacement being found along a sequence that the hash alone decides.
/// </summary>
internal static class BoundedLoad
{
    public static Host Choose(HashTable table, int at, ulong hash, int factorPercent)
    {
        Host[] hosts = table.Hosts;
        long active = 0;
        foreach (Host host in hosts)
        {
            active += host.ActiveRequests;
        }

        double slots = Math.Ceiling((active + 1) * factorPercent / 100.0);
        if (IsFree(table, at, slots))
        {
            return hosts[at];
        }

        // A stride coprime to the count visits each host once.
        int stride = hosts.Length < 2 ? 1 : 1 + (int)((hash >> 17) % (ulong)(hosts.Length - 1));
        while (GreatestCommonDivisor(stride, hosts.Length) != 1)
        {
            stride--;
        }

        int least = at;
        for (int i = 1; i < hosts.Length; i++)
        {
            int next = (int)((at + ((long)i * stride)) % hosts.Length);
            if (IsFree(table, next, slots))
            {
                return hosts[next];
            }

            least = hosts[next].ActiveRequests < hosts[least].ActiveRequests ? next : least;
        }

        return hosts[least];
    }

    private static bool IsFree(HashTable table, int at, double slots) =>
        table.Hosts[at].ActiveRequests < Math.Max(1, Math.Ceiling(slots * table.Weights[at]));

    private static int GreatestCommonDivisor(int a, int b)
    {
        while (b != 0)
        {
            (a, b) = (b, a % b);
        }

        return a;
    }
}
