using System.Runtime.InteropServices;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>
/// How requests of this zone spread over the zones of a cluster, given where the proxies of its own kind run (envoy docs, load_balancing/zone_aware):
/// all stay when the zone has at least its share of hosts; else as many as it can take stay and the rest go where hosts are to spare.
/// Immutable, for one version of both memberships.
/// </summary>
internal sealed class ZoneRouting
{
    // What shares are counted in.
    private const ulong Whole = 10_000;

    private readonly bool _allStay;
    private readonly ulong _staying;

    // Room to spare of each zone and those before it.
    private readonly ulong[] _spare;

    private ZoneRouting(bool allStay, ulong staying, ulong[] spare)
    {
        _allStay = allStay;
        _staying = staying;
        _spare = spare;
    }

    /// <param name="level">The first priority of the cluster, with two localities or more.</param>
    /// <param name="local">The membership of the proxies of this proxy's kind.</param>
    public static ZoneRouting Of(PriorityLevel level, HostSet local)
    {
        var own = new Dictionary<Locality, ulong>();
        ulong ownTotal = 0;
        if (local.Priorities.Length > 0)
        {
            foreach (Host host in local.Priorities[0].Healthy.Hosts)
            {
                CollectionsMarshal.GetValueRefOrAddDefault(own, host.Locality, out _)++;
                ownTotal++;
            }
        }

        ulong total = (ulong)level.Healthy.Hosts.Length;
        var shares = new (ulong Own, ulong Theirs)[level.Localities.Length];
        for (int i = 0; i < shares.Length; i++)
        {
            // A zone without hosts takes no part, however many proxies it has.
            ulong hosts = (ulong)level.Localities[i].Healthy.Hosts.Length;
            shares[i] = hosts == 0 ? (0, 0) : (Share(own.GetValueOrDefault(level.Localities[i].Locality), ownTotal), Share(hosts, total));
        }

        bool here = level.HasLocalLocality;
        if (here && shares[0].Theirs > 0 && shares[0].Theirs >= shares[0].Own)
        {
            return new ZoneRouting(allStay: true, 0, []);
        }

        var spare = new ulong[shares.Length];
        ulong sum = 0;
        for (int i = 0; i < shares.Length; i++)
        {
            sum += (i > 0 || !here) && shares[i].Theirs > shares[i].Own ? shares[i].Theirs - shares[i].Own : 0;
            spare[i] = sum;
        }

        return new ZoneRouting(allStay: false, here && shares[0].Own > 0 ? shares[0].Theirs * Whole / shares[0].Own : 0, spare);
    }

    /// <summary>The index of the locality for one request.</summary>
    public int Choose(WorkerRandom random, out ZoneChoice choice)
    {
        if (_allStay)
        {
            choice = ZoneChoice.AllDirectly;
            return 0;
        }

        if ((ulong)random.NextBelow((int)Whole) < _staying)
        {
            choice = ZoneChoice.Sampled;
            return 0;
        }

        ulong spare = _spare[^1];
        choice = spare == 0 ? ZoneChoice.NoCapacityLeft : ZoneChoice.CrossZone;
        if (spare == 0)
        {
            // Shares were rounded; any zone will do.
            return random.NextBelow(_spare.Length);
        }

        ulong at = (ulong)random.NextBelow((int)spare);
        int i = 0;
        while (at >= _spare[i])
        {
            i++;
        }

        return i;
    }

    private static ulong Share(ulong part, ulong whole) => whole == 0 ? 0 : Whole * part / whole;
}
