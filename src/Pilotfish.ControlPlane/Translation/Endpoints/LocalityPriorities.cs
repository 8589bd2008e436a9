using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Istio.Networking.V1Alpha3;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Translation.Clusters;

namespace Pilotfish.ControlPlane.Translation.Endpoints;

/// <summary>
/// Orders localities by nearness to the client, for failover: same subzone, zone, region, then the rest. Only with outlier
/// detection, without which traffic would never leave the first; explicit distribution and failover lists come with their issue.
/// </summary>
internal static class LocalityPriorities
{
    private const int Nearest = 0;

    public static void Apply(
        PushContext push, ProxyView proxy, ClusterLoadAssignment assignment, MergedDestinationRule? rule, Subset? subset, int port)
    {
        if (proxy.Node.Locality.Length == 0 || assignment.Endpoints.Count < 2)
        {
            return;
        }

        var policy = TrafficPolicies.ForPort(rule?.Spec.TrafficPolicy, port);
        if (subset is not null)
        {
            policy = TrafficPolicies.ForSubset(policy, subset.TrafficPolicy, port);
        }

        policy = TrafficPolicies.WithMeshDefaults(push.Mesh, policy);
        var setting = policy?.LoadBalancer?.LocalityLbSetting ?? push.Mesh.LocalityLbSetting;
        if (policy?.OutlierDetection is null || setting is null || setting.Enabled == false)
        {
            return;
        }

        var own = proxy.Node.Locality.Split('/');
        var distances = assignment.Endpoints.Select(group => Distance(own, group.Locality, setting)).ToList();

        // Priorities must be dense: the proxy refuses gaps.
        var dense = distances.Distinct().Order().Select(static (distance, rank) => (distance, rank))
            .ToDictionary(static pair => pair.distance, static pair => (uint)pair.rank);
        for (var i = 0; i < assignment.Endpoints.Count; i++)
        {
            assignment.Endpoints[i].Priority = dense[distances[i]];
        }
    }

    private static int Distance(string[] own, Locality other, LocalityLoadBalancerSetting setting)
    {
        if (own[0] != other.Region)
        {
            var target = setting.Failover.FirstOrDefault(failover => failover.From == own[0])?.To;
            return target == other.Region ? Nearest + 3 : Nearest + 4;
        }

        if (own.Length < 2 || own[1] != other.Zone)
        {
            return Nearest + 2;
        }

        return own.Length < 3 || own[2] != other.SubZone ? Nearest + 1 : Nearest;
    }
}
