using Istio.Mesh.V1Alpha1;
using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Proxies;

/// <summary>What a proxy says of itself in its node: parsed once, when its stream opens.</summary>
public sealed record ProxyNode
{
    public required string Id { get; init; }

    public required ProxyType Type { get; init; }

    /// <summary>Namespace whose configuration applies to the proxy.</summary>
    public required string Namespace { get; init; }

    /// <summary>The domain by which short host names are completed, such as default.svc.cluster.local.</summary>
    public required string DnsDomain { get; init; }

    public required IReadOnlyList<string> Addresses { get; init; }

    public string PodName { get; init; } = "";

    public IReadOnlyDictionary<string, string> Labels { get; init; } = EmptyLabels.Instance;

    public InterceptionMode Interception { get; init; }

    public string ClusterId { get; init; } = "";

    public string Network { get; init; } = "";

    public string MeshId { get; init; } = "";

    public string WorkloadName { get; init; } = "";

    public string NodeName { get; init; } = "";

    public string IstioVersion { get; init; } = "";

    public string Locality { get; init; } = "";

    /// <summary>Container ports by name as the injector recorded them.</summary>
    public IReadOnlyDictionary<string, int> NamedPorts { get; init; } = new Dictionary<string, int>();

    /// <summary>Ports of the bootstrap's own listeners, which no service may take.</summary>
    public IReadOnlySet<int> ReservedPorts { get; init; } = new HashSet<int>();

    public bool Unprivileged { get; init; }

    public bool Http10 { get; init; }

    public bool InboundExactBalance { get; init; }

    public bool OutboundExactBalance { get; init; }

    public TimeSpan? IdleTimeout { get; init; }

    /// <summary>The proxy's own ProxyConfig, when it sent one; it replaces the mesh's default as a whole.</summary>
    public ProxyConfig? ProxyConfig { get; init; }

    public bool SupportsIpv4 => Addresses.Count == 0 || Addresses.Any(static a => !a.Contains(':', StringComparison.Ordinal));

    public bool SupportsIpv6 => Addresses.Any(static a => a.Contains(':', StringComparison.Ordinal));
}
