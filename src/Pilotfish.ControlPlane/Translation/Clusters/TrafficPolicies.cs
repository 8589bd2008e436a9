using Istio.Networking.V1Alpha3;

namespace Pilotfish.ControlPlane.Translation.Clusters;

/// <summary>
/// Which traffic policy a cluster gets: the mesh's defaults, the rule's, its port's (in place of the rule's), the subset's (block by
/// block), the subset's port's.
/// </summary>
internal static class TrafficPolicies
{
    public static TrafficPolicy? ForPort(TrafficPolicy? policy, int port) => FindPort(policy, port) ?? policy;

    public static TrafficPolicy? ForSubset(TrafficPolicy? inherited, TrafficPolicy? subset, int port)
    {
        var original = ForPort(inherited, port);
        if (subset is null)
        {
            return original;
        }

        var ofPort = FindPort(subset, port);
        var own = ofPort ?? subset;
        if (original is null)
        {
            return own;
        }

        // A port's settings replace what they do not mention; a subset's leave it.
        var replaces = ofPort is not null;
        return new TrafficPolicy
        {
            ConnectionPool = own.ConnectionPool ?? (replaces ? null : original.ConnectionPool),
            OutlierDetection = own.OutlierDetection ?? (replaces ? null : original.OutlierDetection),
            LoadBalancer = own.LoadBalancer ?? (replaces ? null : original.LoadBalancer),
            Tls = own.Tls ?? (replaces ? null : original.Tls),
            Tunnel = own.Tunnel ?? original.Tunnel,
            ProxyProtocol = own.ProxyProtocol ?? original.ProxyProtocol,
            RetryBudget = own.RetryBudget ?? original.RetryBudget,
        };
    }

    public static TrafficPolicy? WithMeshDefaults(Istio.Mesh.V1Alpha1.MeshConfig mesh, TrafficPolicy? policy)
    {
        if (mesh.DefaultTrafficPolicy is not { } defaults)
        {
            return policy;
        }

        var result = policy?.Clone() ?? new TrafficPolicy();
        result.ConnectionPool ??= defaults.ConnectionPool;
        result.OutlierDetection ??= defaults.OutlierDetection;
        return result;
    }

    private static TrafficPolicy? FindPort(TrafficPolicy? policy, int port)
    {
        foreach (var setting in policy?.PortLevelSettings ?? [])
        {
            if (setting.Port?.Number == port)
            {
                return new TrafficPolicy
                {
                    ConnectionPool = setting.ConnectionPool,
                    LoadBalancer = setting.LoadBalancer,
                    OutlierDetection = setting.OutlierDetection,
                    Tls = setting.Tls,
                };
            }
        }

        return null;
    }
}
