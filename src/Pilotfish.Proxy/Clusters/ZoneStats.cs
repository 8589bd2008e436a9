using Pilotfish.Proxy.LoadBalancing;
using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Clusters;

/// <summary>`cluster.NAME.lb_zone_*` and `lb_local_cluster_not_ok`, of clusters that are routed to by zones.</summary>
internal sealed class ZoneStats(StatScope scope)
{
    private readonly Counter _allDirectly = scope.Counter("lb_zone_routing_all_directly");
    private readonly Counter _sampled = scope.Counter("lb_zone_routing_sampled");
    private readonly Counter _crossZone = scope.Counter("lb_zone_routing_cross_zone");
    private readonly Counter _noCapacityLeft = scope.Counter("lb_zone_no_capacity_left");
    private readonly Counter _tooSmall = scope.Counter("lb_zone_cluster_too_small");
    private readonly Counter _localNotOk = scope.Counter("lb_local_cluster_not_ok");

    public void Count(StatCells cells, ZoneChoice choice)
    {
        switch (choice)
        {
            case ZoneChoice.AllDirectly:
                cells.Add(_allDirectly);
                break;
            case ZoneChoice.Sampled:
                cells.Add(_sampled);
                break;
            case ZoneChoice.CrossZone:
                cells.Add(_crossZone);
                break;
            case ZoneChoice.NoCapacityLeft:
                cells.Add(_crossZone);
                cells.Add(_noCapacityLeft);
                break;
            case ZoneChoice.TooSmall:
                cells.Add(_tooSmall);
                break;
            case ZoneChoice.LocalNotOk:
                cells.Add(_localNotOk);
                break;
        }
    }
}
