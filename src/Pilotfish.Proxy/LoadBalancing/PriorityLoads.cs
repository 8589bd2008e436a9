using Pilotfish.Proxy.Clusters;

namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>
/// How many percent of the picks each priority gets, for its healthy and for its degraded hosts, and which priorities panic.
/// Integer percentages; what rounding leaves over goes to the first priority that has any load (Envoy's rule).
/// </summary>
internal sealed class PriorityLoads
{
    public const uint DefaultOverprovisioningFactor = 140;

    // Two arrays of so many numbers; more priorities are not configured in practice.
    private const int StackMax = 16;

    private readonly byte[] _healthy;
    private readonly byte[] _degraded;
    private readonly bool[] _panic;

    public static PriorityLoads None { get; } = new(0);

    private PriorityLoads(int count)
    {
        _healthy = new byte[count];
        _degraded = new byte[count];
        _panic = new bool[count];
    }

    public ReadOnlySpan<byte> Healthy => _healthy;

    public ReadOnlySpan<byte> Degraded => _degraded;

    public bool IsPanic(int priority) => _panic[priority];

    public static PriorityLoads Compute(PriorityLevel[] levels, uint overprovisioningFactor, double panicThresholdPercent)
    {
        var loads = new PriorityLoads(levels.Length);
        if (levels.Length == 0)
        {
            return loads;
        }

        Span<uint> healthy = levels.Length <= StackMax ? stackalloc uint[levels.Length] : new uint[levels.Length];
        Span<uint> degraded = levels.Length <= StackMax ? stackalloc uint[levels.Length] : new uint[levels.Length];
        uint total = Availabilities(levels, overprovisioningFactor, excluded: 0, healthy, degraded);
        loads.Distribute(healthy, degraded, total);
        loads.FindPanic(levels, total, panicThresholdPercent);
        return loads;
    }

    /// <summary>
    /// The same loads spread over the priorities that are not excluded (a bit each); null when none of those has a usable host. Which
    /// priorities panic stays as it is.
    /// </summary>
    public PriorityLoads? Without(ulong excluded, PriorityLevel[] levels, uint overprovisioningFactor)
    {
        var loads = new PriorityLoads(levels.Length);
        Span<uint> healthy = levels.Length <= StackMax ? stackalloc uint[levels.Length] : new uint[levels.Length];
        Span<uint> degraded = levels.Length <= StackMax ? stackalloc uint[levels.Length] : new uint[levels.Length];
        uint total = Availabilities(levels, overprovisioningFactor, excluded, healthy, degraded);
        if (total == 0)
        {
            return null;
        }

        loads.Distribute(healthy, degraded, total);
        _panic.CopyTo(loads._panic, 0);
        return loads;
    }

    /// <summary>The priority for a hash in the loads' percent scale, and whether its degraded hosts serve it.</summary>
    public (int Priority, HostAvailability Availability) Choose(ulong hash)
    {
        uint point = (uint)(hash % 100) + 1;
        uint sum = 0;
        for (int i = 0; i < _healthy.Length; i++)
        {
            sum += _healthy[i];
            if (point <= sum)
            {
                return (i, _panic[i] ? HostAvailability.All : HostAvailability.Healthy);
            }
        }

        for (int i = 0; i < _degraded.Length; i++)
        {
            sum += _degraded[i];
            if (point <= sum)
            {
                return (i, _panic[i] ? HostAvailability.All : HostAvailability.Degraded);
            }
        }

        return (0, _panic[0] ? HostAvailability.All : HostAvailability.Healthy);
    }

    private static uint Availabilities(
        PriorityLevel[] levels, uint overprovisioningFactor, ulong excluded, Span<uint> healthy, Span<uint> degraded)
    {
        uint total = 0;
        for (int i = 0; i < levels.Length; i++)
        {
            bool takesPart = i >= 64 || (excluded & (1ul << i)) == 0;
            healthy[i] = takesPart ? Availability(levels[i].HealthyMass, levels[i].Mass, overprovisioningFactor) : 0;
            degraded[i] = takesPart ? Availability(levels[i].DegradedMass, levels[i].Mass, overprovisioningFactor) : 0;
            total = Math.Min(100, total + healthy[i] + degraded[i]);
        }

        return total;
    }

    private static uint Availability(ulong usable, ulong all, uint factor) => all == 0 ? 0 : (uint)UInt128.Min(100, (UInt128)factor * usable / all);

    private void Distribute(ReadOnlySpan<uint> healthy, ReadOnlySpan<uint> degraded, uint total)
    {
        if (total == 0)
        {
            _healthy[0] = 100;
            return;
        }

        uint left = 100;
        byte[]? firstLoads = null;
        int first = 0;
        Spread(healthy, _healthy, total, ref left, ref firstLoads, ref first);
        Spread(degraded, _degraded, total, ref left, ref firstLoads, ref first);
        if (firstLoads is not null)
        {
            firstLoads[first] += (byte)left;
        }
    }

    private static void Spread(
        ReadOnlySpan<uint> availability, byte[] loads, uint total, ref uint left, ref byte[]? firstLoads, ref int first)
    {
        for (int i = 0; i < availability.Length; i++)
        {
            if (firstLoads is null && availability[i] > 0)
            {
                (firstLoads, first) = (loads, i);
            }

            uint load = Math.Min(left, availability[i] * 100 / total);
            loads[i] = (byte)load;
            left -= load;
        }
    }

    private void FindPanic(PriorityLevel[] levels, uint total, double thresholdPercent)
    {
        if (total >= 100)
        {
            return;
        }

        bool everywhere = true;
        int hostCount = 0;
        for (int i = 0; i < levels.Length; i++)
        {
            PriorityLevel level = levels[i];
            _panic[i] = level.UsablePercent < Math.Min(100, thresholdPercent);
            everywhere &= _panic[i];
            hostCount += level.All.Hosts.Length;
        }

        if (everywhere && hostCount > 0)
        {
            SpreadByHostCount(levels, hostCount);
        }
    }

    /// <summary>Every priority panics: health says nothing, so each gets its share of the hosts.</summary>
    private void SpreadByHostCount(PriorityLevel[] levels, int hostCount)
    {
        Array.Clear(_degraded);
        int left = 100;
        int first = -1;
        for (int i = 0; i < levels.Length; i++)
        {
            int share = 100 * levels[i].All.Hosts.Length / hostCount;
            first = first < 0 && share > 0 ? i : first;
            _healthy[i] = (byte)share;
            left -= share;
        }

        _healthy[Math.Max(0, first)] += (byte)left;
    }
}
