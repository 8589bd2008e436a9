using Istio.Mesh.V1Alpha1;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Proxies;

/// <summary>A proxy under one push context: its node, its own services and what it sees.</summary>
public sealed class ProxyView
{
    private ProxyView(ProxyNode node, IReadOnlyDictionary<string, string> labels, IReadOnlyList<ServiceTarget> targets, EgressScope scope)
    {
        Node = node;
        Labels = labels;
        Targets = targets;
        Scope = scope;
    }

    public ProxyNode Node { get; }

    /// <summary>The pod's labels where the pod is known, else those that the node carries.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; }

    /// <summary>Services that the proxy's workload backs, oldest first.</summary>
    public IReadOnlyList<ServiceTarget> Targets { get; }

    public EgressScope Scope { get; }

    /// <summary>Wildcard bind addresses in the proxy's families; the first names listeners.</summary>
    public IReadOnlyList<string> Wildcards => WildcardsOf(Node);

    public static ProxyView Resolve(PushContext push, ProxyNode node)
    {
        var workload = node.Addresses.Count > 0 ? push.Workloads.ByAddress(node.Addresses[0]) : null;
        workload ??= push.Workloads.ByName(node.Namespace, node.PodName);
        var labels = workload?.Labels ?? node.Labels;
        return new ProxyView(node, labels, ServiceTargets.Find(push, node, workload, labels), push.ScopeOf(node.Namespace));
    }

    public MergedDestinationRule? DestinationRule(PushContext push, MeshService service) =>
        push.DestinationRules.Find(Node.Namespace, Labels, service.Hostname, service.Namespace);

    public ProxyConfig ProxyConfig(PushContext push) => Node.ProxyConfig ?? push.Mesh.DefaultConfig ?? new ProxyConfig();

    private static string[] WildcardsOf(ProxyNode node) => (node.SupportsIpv4, node.SupportsIpv6) switch
    {
        (true, true) => ["0.0.0.0", "::"],
        (false, true) => ["::"],
        _ => ["0.0.0.0"],
    };
}
