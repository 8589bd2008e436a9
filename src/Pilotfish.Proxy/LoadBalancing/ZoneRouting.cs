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

    /// <summary>Null where zones do not count: <paramref name="why"/> tells what of that is counted.</summary>
    /// <param name="level">The first priority of the cluster, with two localities or more.</param>
    /// <param name="local">The membership of the proxies of this proxy's kind; null while there is none.</param>
    /// <param name="here">This proxy's locality.</param>
    /// <param name="policy">The cluster's rules.</param>
    /// <param name="why">None with a routing.</param>
    public static ZoneRouting? Of(PriorityLevel level, HostSet? local, Locality here, ZoneAwarePolicy policy, out ZoneChoice why)
    {
        why = ZoneChoice.None;
        bool isHere = false;
        var own = new Dictionary<Locality, ulong>();
        var zones = new HashSet<Locality>();
        ulong ownTotal = 0;
        if (local is { Priorities.Length: > 0 })
        {
            foreach (Host host in local.Priorities[0].All.Hosts)
            {
                zones.Add(host.Locality);
                isHere |= host.Locality == here;
            }

            foreach (Host host in local.Priorities[0].Healthy.Hosts)
            {
                CollectionsMarshal.GetValueRefOrAddDefault(own, host.Locality, out _) += Mass(host);
                ownTotal += Mass(host);
            }
        }

        // With all proxies in one zone any spread over zones is that over hosts.
        uint? forced = policy.LocalSizeMin;
        if (zones.Count < 2 && forced is null)
        {
            return null;
        }

        if (!isHere || (ulong)level.Healthy.Hosts.Length < policy.SizeMin)
        {
            why = isHere ? ZoneChoice.TooSmall : ZoneChoice.LocalNotOk;
            return null;
        }

        ulong total = Sum(level.Healthy.Hosts);
        var shares = new (ulong Own, ulong Theirs)[level.Localities.Length];
        for (int i = 0; i < shares.Length; i++)
        {
            // A zone without hosts takes no part, however many proxies it has.
            ulong hosts = Sum(level.Localities[i].Healthy.Hosts);
            shares[i] = hosts == 0 ? (0, 0) : (Share(own.GetValueOrDefault(level.Localities[i].Locality), ownTotal), Share(hosts, total));
        }

        bool has = level.HasLocalLocality;
        if (has && ((shares[0].Theirs > 0 && shares[0].Theirs >= shares[0].Own) || level.Localities[0].Healthy.Hosts.Length >= forced))
        {
            return new ZoneRouting(allStay: true, 0, []);
        }

        var spare = new ulong[shares.Length];
        ulong sum = 0;
        for (int i = 0; i < shares.Length; i++)
        {
            sum += (i > 0 || !has) && shares[i].Theirs > shares[i].Own ? shares[i].Theirs - shares[i].Own : 0;
            spare[i] = sum;
        }

        return new ZoneRouting(allStay: false, has && shares[0].Own > 0 ? shares[0].Theirs * Whole / shares[0].Own : 0, spare);

        ulong Mass(Host host) => policy.CountsWeights ? host.Weight : 1;

        ulong Sum(Host[] hosts)
        {
            ulong sum = 0;
            foreach (Host host in hosts)
            {
                sum += Mass(host);
            }

            return sum;
        }
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
        choice = spare == 0 ? ZoneChoice.CrossZone | ZoneChoice.NoCapacityLeft : ZoneChoice.CrossZone;
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
