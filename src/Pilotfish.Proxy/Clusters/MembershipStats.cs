using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Clusters;

/// <summary>`cluster.NAME.membership_*`, written by the main loop.</summary>
internal sealed class MembershipStats(StatScope scope)
{
    public Counter Change { get; } = scope.Counter("membership_change");

    public Gauge Total { get; } = scope.Gauge("membership_total");

    public Gauge Healthy { get; } = scope.Gauge("membership_healthy");

    public Gauge Degraded { get; } = scope.Gauge("membership_degraded");

    public Gauge MaxHostWeight { get; } = scope.Gauge("max_host_weight");

    public Gauge Excluded { get; } = scope.Gauge("membership_excluded");
}
