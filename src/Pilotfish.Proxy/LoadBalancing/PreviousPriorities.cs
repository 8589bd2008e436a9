using Pilotfish.Proxy.Clusters;

namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>
/// envoy.retry_priorities.previous_priorities: after each so many attempts the priorities of the hosts tried so far get no load; when no
/// usable one is left, all take part again. Only retries ask, so what is computed here is made anew for each.
/// </summary>
internal static class PreviousPriorities
{
    // A bit each; Envoy's priorities go to 128, but more than a handful are not configured in practice.
    private const int PrioritiesMax = 64;

    public static PriorityLoads Loads(HostSet hosts, ReadOnlySpan<Host?> tried, int updateFrequency)
    {
        ulong excluded = 0;
        int seen = 0;
        int windowStart = 0;
        PriorityLoads loads = hosts.Loads;
        for (int i = 0; i < tried.Length; i++)
        {
            if (++seen % updateFrequency != 0)
            {
                continue;
            }

            for (; windowStart <= i; windowStart++)
            {
                uint priority = tried[windowStart]!.Config.Priority;
                excluded |= priority < PrioritiesMax ? 1ul << (int)priority : 0;
            }

            if (hosts.Loads.Without(excluded, hosts.Priorities, hosts.OverprovisioningFactor) is { } adjusted)
            {
                loads = adjusted;
                continue;
            }

            excluded = 0;
            seen = 0;
            loads = hosts.Loads;
        }

        return loads;
    }
}
