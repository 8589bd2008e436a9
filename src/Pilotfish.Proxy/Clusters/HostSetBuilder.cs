using System.Runtime.InteropServices;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.LoadBalancing;

namespace Pilotfish.Proxy.Clusters;

/// <summary>Sorts hosts into priorities, localities and health, and precomputes what picks need. Main loop.</summary>
internal sealed class HostSetBuilder(LoadBalancingPolicyModel policy, Locality local, int workerCount, RuntimeValues? runtime = null)
{
    /// <summary>The runtime key that counts instead of every cluster's healthy_panic_threshold; a whole percentage.</summary>
    public const string PanicKey = "upstream.healthy_panic_threshold";

    // Hosts of each locality in the whole, for subsets whose localities' weights shrink; else null.
    private Dictionary<(uint Priority, Locality Locality), int>? _localitySizes;

    public HostSet Build(
        IReadOnlyList<Host> hosts, uint overprovisioningFactor = PriorityLoads.DefaultOverprovisioningFactor, uint dropPerMillion = 0,
        bool weighsHealth = false)
    {
        SubsetIndex? subsets = policy.Subsets is { } subsetPolicy
            ? SubsetIndex.Build(subsetPolicy, hosts, OfSubset(subsetPolicy, hosts, overprovisioningFactor, weighsHealth))
            : null;
        return BuildOne(hosts, overprovisioningFactor, dropPerMillion, weighsHealth, subsets);
    }

    // Localities have weights within a subset only where it says so, and there perhaps less than in the whole.
    private Func<IReadOnlyList<Host>, HostSet> OfSubset(
        SubsetPolicy subsets, IReadOnlyList<Host> hosts, uint overprovisioningFactor, bool weighsHealth)
    {
        var builder = new HostSetBuilder(
            policy with { LocalityWeighted = policy.LocalityWeighted && subsets.LocalityWeightAware }, local, workerCount, runtime)
        {
            _localitySizes = subsets.ScalesLocalityWeight ? Sizes(hosts) : null,
        };
        return members => builder.BuildOne(members, overprovisioningFactor, 0, weighsHealth, null);
    }

    private static Dictionary<(uint Priority, Locality Locality), int> Sizes(IReadOnlyList<Host> hosts)
    {
        var sizes = new Dictionary<(uint, Locality), int>();
        foreach (Host host in hosts)
        {
            CollectionsMarshal.GetValueRefOrAddDefault(sizes, (host.Config.Priority, host.Locality), out _)++;
        }

        return sizes;
    }

    private uint LocalityWeight(List<Host> hosts)
    {
        uint weight = hosts[0].Config.LocalityWeight;
        return _localitySizes is null
            ? weight
            : (uint)Math.Round(weight * (double)hosts.Count / _localitySizes[(hosts[0].Config.Priority, hosts[0].Locality)], MidpointRounding.AwayFromZero);
    }

    private HostSet BuildOne(IReadOnlyList<Host> hosts, uint overprovisioningFactor, uint dropPerMillion, bool weighsHealth, SubsetIndex? subsets)
    {
        Host[] all = [.. hosts];
        int nextList = 0;
        PriorityLevel[] levels = BuildLevels(all, weighsHealth, ref nextList);
        (int healthy, int degraded, int excluded) = (0, 0, 0);
        foreach (PriorityLevel level in levels)
        {
            healthy += level.Healthy.Hosts.Length;
            degraded += level.Degraded.Hosts.Length;
            excluded += level.ExcludedCount;
        }

        double panicThreshold = runtime?.Number(PanicKey) ?? policy.PanicThresholdPercent;
        return new HostSet(all, levels, Math.Max(1, nextList), workerCount)
        {
            HealthyCount = healthy,
            DegradedCount = degraded,
            ExcludedCount = excluded,
            Loads = PriorityLoads.Compute(levels, overprovisioningFactor, panicThreshold),
            PanicThresholdPercent = panicThreshold,
            Local = local,
            OverprovisioningFactor = overprovisioningFactor,
            Subsets = subsets,
            DropPerMillion = dropPerMillion,
            WeighsHealth = weighsHealth,
        };
    }

    private PriorityLevel[] BuildLevels(Host[] all, bool weighsHealth, ref int nextList)
    {
        uint priorityMax = 0;
        foreach (Host host in all)
        {
            priorityMax = Math.Max(priorityMax, host.Config.Priority);
        }

        var levels = new PriorityLevel[all.Length == 0 ? 0 : priorityMax + 1];
        for (uint priority = 0; priority < levels.Length; priority++)
        {
            levels[priority] = BuildLevel(all, priority, weighsHealth, ref nextList);
        }

        return levels;
    }

    private PriorityLevel BuildLevel(Host[] all, uint priority, bool weighsHealth, ref int nextList)
    {
        var members = new List<Host>();
        int excluded = 0;
        (ulong healthy, ulong degraded, ulong sum) = (0, 0, 0);
        foreach (Host host in all)
        {
            if (host.Config.Priority == priority)
            {
                members.Add(host);
                excluded += host.IsExcluded ? 1 : 0;
                ulong mass = weighsHealth ? host.Weight : 1;
                sum += host.IsExcluded ? 0 : mass;
                healthy += Is(host, HostAvailability.Healthy) ? mass : 0;
                degraded += Is(host, HostAvailability.Degraded) ? mass : 0;
            }
        }

        LocalityHosts[] localities = policy.LocalityWeighted || policy.ZoneAware is { LocalCluster: not null }
            ? BuildLocalities(members, ref nextList)
            : [];
        bool byLocality = policy.LocalityWeighted;
        return new PriorityLevel
        {
            // In panic localities have no weights.
            All = List(members, HostAvailability.All, [], ref nextList),
            Healthy = List(members, HostAvailability.Healthy, byLocality ? localities : [], ref nextList),
            Degraded = List(members, HostAvailability.Degraded, byLocality ? localities : [], ref nextList),
            Localities = localities,
            HasLocalLocality = localities.Length > 0 && localities[0].Locality == local,
            ExcludedCount = excluded,
            HealthyMass = healthy,
            DegradedMass = degraded,
            Mass = sum,
        };
    }

    private LocalityHosts[] BuildLocalities(List<Host> members, ref int nextList)
    {
        var groups = new List<(Locality Locality, List<Host> Hosts)>();
        foreach (Host host in members)
        {
            int at = groups.FindIndex(group => group.Locality == host.Locality);
            if (at < 0)
            {
                at = groups.Count;
                groups.Add((host.Locality, []));
            }

            groups[at].Hosts.Add(host);
        }

        groups.Sort((a, b) => (b.Locality == local).CompareTo(a.Locality == local));
        var localities = new LocalityHosts[groups.Count];
        for (int i = 0; i < localities.Length; i++)
        {
            (Locality locality, List<Host> hosts) = groups[i];
            localities[i] = new LocalityHosts
            {
                Locality = locality,
                Weight = LocalityWeight(hosts),
                All = List(hosts, HostAvailability.All, null, ref nextList),
                Healthy = List(hosts, HostAvailability.Healthy, null, ref nextList),
                Degraded = List(hosts, HostAvailability.Degraded, null, ref nextList),
            };
        }

        return localities;
    }

    /// <param name="members">The hosts to choose from.</param>
    /// <param name="availability">Which of them belong into the list.</param>
    /// <param name="localities">Weights for the hash table; null when the list needs no table.</param>
    /// <param name="nextList">The next free list number of the set.</param>
    private HostList List(
        List<Host> members, HostAvailability availability, LocalityHosts[]? localities, ref int nextList)
    {
        Host[] hosts = availability == HostAvailability.All
            ? [.. members]
            : [.. members.FindAll(host => Is(host, availability))];
        return new HostList(nextList++, hosts)
        {
            Table = policy.UsesTable && localities is not null && hosts.Length > 0
                ? HashTable.Build(policy, hosts, Weights(hosts, localities, availability))
                : null,
        };
    }

    // Each host's share of all: of its locality's weight, however many of the locality's hosts are healthy, or of all hosts' weights.
    private static double[] Weights(Host[] hosts, LocalityHosts[] localities, HostAvailability availability)
    {
        var weights = new double[hosts.Length];
        double localityWeights = 0;
        foreach (LocalityHosts locality in localities)
        {
            localityWeights += locality.Weight;
        }

        double all = Sum(hosts);
        for (int i = 0; i < hosts.Length; i++)
        {
            LocalityHosts? locality = localityWeights == 0 ? null : Array.Find(localities, candidate => candidate.Locality == hosts[i].Locality);
            weights[i] = locality is null
                ? hosts[i].Weight / all
                : locality.Weight / localityWeights * hosts[i].Weight / Sum(locality.Select(availability).Hosts);
        }

        return weights;
    }

    private static double Sum(Host[] hosts)
    {
        double sum = 0;
        foreach (Host host in hosts)
        {
            sum += host.Weight;
        }

        return Math.Max(1, sum);
    }

    private static bool Is(Host host, HostAvailability availability)
    {
        if (host.IsExcluded || host.IsUnhealthy)
        {
            return false;
        }

        return host.IsDegraded == (availability == HostAvailability.Degraded);
    }
}
