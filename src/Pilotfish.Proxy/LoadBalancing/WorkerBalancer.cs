using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>
/// One worker's place in one host set: rotation indexes and schedulers, made on the first pick after a membership change.
/// A pick allocates nothing.
/// </summary>
internal sealed class WorkerBalancer
{
    private readonly LoadBalancingPolicyModel _policy;
    private readonly HostSet _hosts;
    private readonly WorkerRandom _random;
    private readonly ListState?[] _lists;
    private readonly EdfScheduler?[] _localities;
    private int _foreseen;
    private bool _zonesKnown;
    private HostSet? _zonesLocal;
    private ZoneRouting? _zones;
    private bool _zonesPanic;
    private ZoneChoice _zonesNews;

    public WorkerBalancer(LoadBalancingPolicyModel policy, HostSet hosts, WorkerRandom random)
    {
        _policy = policy;
        _hosts = hosts;
        _random = random;
        _lists = new ListState?[hosts.ListCount];
        _localities = new EdfScheduler?[hosts.Priorities.Length * 3];
    }

    /// <param name="hash">The request's hash, or null.</param>
    /// <param name="attempt">Attempts before this one.</param>
    /// <param name="nowMilliseconds">Loop time, for slow start.</param>
    /// <param name="panicked">Whether unhealthy hosts were allowed because too few are healthy.</param>
    /// <param name="loads">In place of the membership's own, for a retry that leaves priorities out.</param>
    public Host? Pick(ulong? hash, uint attempt, long nowMilliseconds, out bool panicked, PriorityLoads? loads = null)
    {
        panicked = false;
        Zone = ZoneChoice.None;
        if (_hosts.Priorities.Length == 0)
        {
            return null;
        }

        ulong point = _policy.UsesTable && hash is { } given ? given : _random.NextUInt64();
        (int priority, HostAvailability availability) = (loads ?? _hosts.Loads).Choose(point);
        panicked = availability == HostAvailability.All;
        if (panicked && _policy.FailTrafficOnPanic)
        {
            return null;
        }

        if (ChooseList(priority, availability) is not { Hosts.Length: > 0 } list)
        {
            return null;
        }

        return _policy.Algorithm switch
        {
            LoadBalancingAlgorithm.LeastRequest => LeastRequest(list, nowMilliseconds),
            LoadBalancingAlgorithm.Random => Random(list, nowMilliseconds),
            LoadBalancingAlgorithm.RingHash or LoadBalancingAlgorithm.Maglev => ByTable(list, point, attempt),
            _ => RoundRobin(list, nowMilliseconds),
        };
    }

    /// <summary>
    /// Makes a later pick now: the host that it will be. Null where picks depend on what happens until then (least request, tables), and
    /// when as many picks are foreseen as there are healthy hosts.
    /// </summary>
    /// <param name="nowMilliseconds">Loop time, for slow start.</param>
    public Host? Foresee(long nowMilliseconds)
    {
        if (_policy.UsesTable || _hosts.Priorities.Length == 0 || _foreseen >= HealthyCount())
        {
            return null;
        }

        (int priority, HostAvailability availability) = _hosts.Loads.Choose(_random.NextUInt64());
        if (ChooseList(priority, availability, isPick: false) is not { Hosts.Length: > 0 } list)
        {
            return null;
        }

        ListState state = StateOf(list, nowMilliseconds);
        if (_policy.Algorithm == LoadBalancingAlgorithm.LeastRequest && state.Scheduler is null)
        {
            return null;
        }

        int index = _policy.Algorithm == LoadBalancingAlgorithm.Random
            ? _random.NextBelow(list.Hosts.Length)
            : NextOf(list, state, nowMilliseconds);
        (state.Foreseen ??= new Queue<int>()).Enqueue(index);
        _foreseen++;
        return list.Hosts[index];
    }

    private int HealthyCount()
    {
        int count = 0;
        foreach (PriorityLevel level in _hosts.Priorities)
        {
            count += level.Healthy.Hosts.Length;
        }

        return count;
    }

    private HostList? ChooseList(int priority, HostAvailability availability, bool isPick = true)
    {
        PriorityLevel level = _hosts.Priorities[priority];
        if (_policy.UsesTable || level.Localities.Length < 2)
        {
            return level.Select(availability);
        }

        if (_policy.LocalityWeighted && availability != HostAvailability.All)
        {
            return ByLocalityWeight(level, priority, availability, isPick);
        }

        return _policy.ZoneAware is { LocalCluster: { } proxies } zones && priority == 0 && availability != HostAvailability.All
            ? ByZone(level, availability, zones, proxies, isPick)
            : level.Select(availability);
    }

    /// <summary>What zone aware routing made of the last pick.</summary>
    public ZoneChoice Zone { get; private set; }

    // Null when this proxy's kind panics and fail_traffic_on_panic says so.
    private HostList? ByZone(PriorityLevel level, HostAvailability availability, ZoneAwarePolicy zones, ClusterReference proxies, bool isPick)
    {
        HostSet? local = proxies.Current?.Hosts;
        if (!_zonesKnown || _zonesLocal != local)
        {
            Reckon(level, local, zones);
        }

        if (isPick)
        {
            Zone = _zonesNews;
            _zonesNews = ZoneChoice.None;
        }

        HostList all = level.Select(availability);
        if (_zones is null || _random.NextBelow(100) >= zones.EnabledPercent)
        {
            return all;
        }

        if (_zonesPanic)
        {
            Zone |= ZoneChoice.LocalNotOk;
            return _policy.FailTrafficOnPanic ? null : all;
        }

        HostList chosen = level.Localities[_zones.Choose(_random, out ZoneChoice choice)].Select(availability);
        Zone |= choice;
        return chosen.Hosts.Length > 0 ? chosen : all;
    }

    // Once for each version of the two memberships.
    private void Reckon(PriorityLevel level, HostSet? local, ZoneAwarePolicy zones)
    {
        _zones = ZoneRouting.Of(level, local, _hosts.Local, zones, out ZoneChoice why);
        _zonesNews |= ZoneChoice.Recalculated | why;
        _zonesPanic = _zones is not null && local!.Priorities[0].UsablePercent < Math.Min(100, _hosts.PanicThresholdPercent);
        _zonesLocal = local;
        _zonesKnown = true;
    }

    private HostList ByLocalityWeight(PriorityLevel level, int priority, HostAvailability availability, bool isPick)
    {
        int slot = (priority * 3) + (int)availability;
        EdfScheduler? scheduler = _localities[slot];
        if (scheduler is null)
        {
            scheduler = new EdfScheduler(level.Localities.Length);
            for (int i = 0; i < level.Localities.Length; i++)
            {
                double weight = level.Localities[i].EffectiveWeight(availability, _hosts.OverprovisioningFactor);
                if (weight > 0)
                {
                    scheduler.Add(i, weight);
                }
            }

            _localities[slot] = scheduler;
            Advance(scheduler, i => level.Localities[i].EffectiveWeight(availability, _hosts.OverprovisioningFactor));
        }

        if (scheduler.Count == 0)
        {
            return level.Select(availability);
        }

        LocalityHosts locality = level.Localities[scheduler.Peek()];
        if (isPick)
        {
            scheduler.Reinsert(locality.EffectiveWeight(availability, _hosts.OverprovisioningFactor));
        }

        return locality.Select(availability);
    }

    private Host RoundRobin(HostList list, long now)
    {
        ListState state = StateOf(list, now);
        return list.Hosts[state.Foreseen is { Count: > 0 } foreseen ? Take(foreseen) : NextOf(list, state, now)];
    }

    private Host Random(HostList list, long now)
    {
        // Only foreseen picks need a state.
        return list.Hosts[_foreseen > 0 && StateOf(list, now).Foreseen is { Count: > 0 } foreseen
            ? Take(foreseen)
            : _random.NextBelow(list.Hosts.Length)];
    }

    private int NextOf(HostList list, ListState state, long now)
    {
        if (state.Scheduler is not { } scheduler)
        {
            return (int)(state.Next++ % (uint)list.Hosts.Length);
        }

        int next = scheduler.Peek();
        scheduler.Reinsert(WeightOf(list.Hosts[next], now));
        return next;
    }

    private int Take(Queue<int> foreseen)
    {
        _foreseen--;
        return foreseen.Dequeue();
    }

    private Host LeastRequest(HostList list, long now)
    {
        ListState state = StateOf(list, now);
        if (state.Scheduler is not null)
        {
            return list.Hosts[state.Foreseen is { Count: > 0 } foreseen ? Take(foreseen) : NextOf(list, state, now)];
        }

        Host[] hosts = list.Hosts;
        Host best = hosts[_random.NextBelow(hosts.Length)];
        if (_policy.FullScan)
        {
            foreach (Host host in hosts)
            {
                best = host.ActiveRequests < best.ActiveRequests ? host : best;
            }

            return best;
        }

        for (int choice = 1; choice < _policy.ChoiceCount; choice++)
        {
            Host other = hosts[_random.NextBelow(hosts.Length)];
            best = other.ActiveRequests < best.ActiveRequests ? other : best;
        }

        return best;
    }

    private Host ByTable(HostList list, ulong hash, uint attempt)
    {
        HashTable table = list.Table!;
        int at = table.Find(hash, attempt);
        return _policy.HashBalanceFactor == 0 ? table.Hosts[at] : BoundedLoad.Choose(table, at, hash, _policy.HashBalanceFactor);
    }

    private ListState StateOf(HostList list, long now)
    {
        ref ListState? state = ref _lists[list.Index];
        return state ??= NewState(list, now);
    }

    private ListState NewState(HostList list, long now)
    {
        // Workers start at different places, or all of them would send their first requests to the same host.
        uint start = (uint)_random.NextBelow(list.Hosts.Length);
        bool weighted = !list.HasEqualWeights || (_policy.SlowStart is { } slowStart && IsAnyNew(list, slowStart, now));
        if (!weighted)
        {
            return new ListState { Next = start };
        }

        var scheduler = new EdfScheduler(list.Hosts.Length);
        for (int i = 0; i < list.Hosts.Length; i++)
        {
            scheduler.Add(i, WeightOf(list.Hosts[i], now));
        }

        Advance(scheduler, i => WeightOf(list.Hosts[i], now));
        return new ListState { Scheduler = scheduler };
    }

    // Hosts that all served for longer than the window weigh the same.
    private static bool IsAnyNew(HostList list, SlowStartPolicy slowStart, long now) =>
        Array.Exists(list.Hosts, host => now - host.HealthySinceMilliseconds < slowStart.WindowMilliseconds);

    private void Advance(EdfScheduler scheduler, Func<int, double> weightOf)
    {
        for (int i = scheduler.Count == 0 ? 0 : _random.NextBelow(scheduler.Count); i > 0; i--)
        {
            scheduler.Reinsert(weightOf(scheduler.Peek()));
        }
    }

    private double WeightOf(Host host, long now)
    {
        double weight = Math.Max(1, host.Weight);
        if (_policy.SlowStart is { } slowStart)
        {
            weight *= slowStart.Factor(now - host.HealthySinceMilliseconds);
        }

        double bias = _policy.Algorithm == LoadBalancingAlgorithm.LeastRequest ? _policy.ActiveRequestBias.Current : 0;
        if (bias == 0)
        {
            return weight;
        }

        // A bias below zero would prefer the busy; as in Envoy 1 counts then.
        int load = host.ActiveRequests + 1;
        return bias == 1 || !(bias > 0) ? weight / load : weight / Math.Pow(load, bias);
    }

    private sealed class ListState
    {
        public uint Next;
        public EdfScheduler? Scheduler;

        /// <summary>Picks made before their requests came; null until there is one.</summary>
        public Queue<int>? Foreseen;
    }
}
