using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Clusters;

/// <summary>`cluster.NAME.lb_zone_*`, `lb_local_cluster_not_ok` and `lb_recalculate_zone_structures`, of clusters that are routed to by zones.</summary>
internal sealed class ZoneStats(StatScope scope)
{
    private readonly Counter _allDirectly = scope.Counter("lb_zone_routing_all_directly");
    private readonly Counter _sampled = scope.Counter("lb_zone_routing_sampled");
    private readonly Counter _crossZone = scope.Counter("lb_zone_routing_cross_zone");
    private readonly Counter _noCapacityLeft = scope.Counter("lb_zone_no_capacity_left");
    private readonly Counter _tooSmall = scope.Counter("lb_zone_cluster_too_small");
    private readonly Counter _localNotOk = scope.Counter("lb_local_cluster_not_ok");

    private readonly Counter _recalculated = scope.Counter("lb_recalculate_zone_structures");

    /// <param name="cells">The worker's.</param>
    /// <param name="choice">Of one pick; each of its parts counts.</param>
    public void Count(StatCells cells, ZoneChoice choice)
    {
        Add(ZoneChoice.AllDirectly, _allDirectly);
        Add(ZoneChoice.Sampled, _sampled);
        Add(ZoneChoice.CrossZone, _crossZone);
        Add(ZoneChoice.NoCapacityLeft, _noCapacityLeft);
        Add(ZoneChoice.Recalculated, _recalculated);
        Add(ZoneChoice.TooSmall, _tooSmall);
        Add(ZoneChoice.LocalNotOk, _localNotOk);

        void Add(ZoneChoice part, Counter counter)
        {
            if ((choice & part) != 0)
            {
                cells.Add(counter);
            }
        }
    }
}
