using Istio.Networking.V1Alpha3;
using Pilotfish.Api.Names;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Proxies;

namespace Pilotfish.ControlPlane.Xds;

/// <summary>
/// Which types a set of changes can touch for one proxy. Generators say at their head what they depend on; this is the same
/// knowledge the other way round. What is generated in vain is still not sent, for its bytes are equal.
/// </summary>
internal sealed record PushPlan(IReadOnlySet<string> Types, bool RulesOfAssignmentsChanged)
{
    public static readonly PushPlan All = new(new HashSet<string>(XdsTypes.PushOrder), RulesOfAssignmentsChanged: true);

    public static PushPlan For(
        IReadOnlyCollection<ConfigKey> changed,
        ProxyNode node,
        bool headlessExists,
        string rootNamespace,
        ConfigSnapshot before,
        ConfigSnapshot after)
    {
        var types = new HashSet<string>(StringComparer.Ordinal);
        foreach (var key in changed)
        {
            if (MeshSettings.IsMesh(key) || (key.Kind == ConfigKind.Pod && key.Namespace == node.Namespace && key.Name == node.PodName))
            {
                return All;
            }

            switch (key.Kind)
            {
                case ConfigKind.Service or ConfigKind.ServiceEntry:
                    types.UnionWith([TypeUrls.Cluster, TypeUrls.ClusterLoadAssignment, TypeUrls.Listener, TypeUrls.RouteConfiguration, TypeUrls.NameTable]);
                    break;
                case ConfigKind.VirtualService:
                    types.Add(TypeUrls.RouteConfiguration);
                    if (SteersConnections(before.Find(key)) || SteersConnections(after.Find(key)))
                    {
                        types.Add(TypeUrls.Listener);
                    }

                    break;
                case ConfigKind.DestinationRule:
                    types.UnionWith([TypeUrls.Cluster, TypeUrls.ClusterLoadAssignment, TypeUrls.Listener, TypeUrls.RouteConfiguration]);
                    break;
                case ConfigKind.Pod or ConfigKind.Endpoints or ConfigKind.EndpointSlice:
                    types.Add(TypeUrls.ClusterLoadAssignment);
                    if (headlessExists)
                    {
                        types.UnionWith([TypeUrls.Listener, TypeUrls.NameTable]);
                    }

                    break;
                // What is logged stands in connection managers, TCP proxies and listeners; routes and clusters do not know of it.
                case ConfigKind.Telemetry when key.Namespace == node.Namespace || key.Namespace == rootNamespace:
                    types.Add(TypeUrls.Listener);
                    break;
                case ConfigKind.WorkloadEntry:
                    types.UnionWith([TypeUrls.Cluster, TypeUrls.ClusterLoadAssignment, TypeUrls.Listener]);
                    break;
            }
        }

        // Subsets and locality rules may change any assignment; services and pods only those whose endpoints were rebuilt.
        var rules = changed.Any(static key => key.Kind is ConfigKind.DestinationRule or ConfigKind.ServiceEntry or ConfigKind.WorkloadEntry);
        return new PushPlan(types, rules);
    }

    // TCP and TLS routes are part of listeners; HTTP routes are not.
    private static bool SteersConnections(ConfigObject? item) => item?.Body is VirtualService { } rule && rule.Tcp.Count + rule.Tls.Count > 0;
}
