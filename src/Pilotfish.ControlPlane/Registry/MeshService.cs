using Pilotfish.ControlPlane.Config;

namespace Pilotfish.ControlPlane.Registry;

/// <summary>A service of the mesh: the one shape that Kubernetes Services and ServiceEntries are turned into.</summary>
public sealed record MeshService
{
    /// <summary>The address that stands for "no address of its own".</summary>
    public const string UnspecifiedAddress = "0.0.0.0";

    public required string Hostname { get; init; }

    public required string Name { get; init; }

    public required string Namespace { get; init; }

    public required IReadOnlyList<ServicePort> Ports { get; init; }

    /// <summary>Virtual addresses; empty for headless services.</summary>
    public IReadOnlyList<string> Addresses { get; init; } = [];

    public ServiceResolution Resolution { get; init; } = ServiceResolution.ClientSideLb;

    public ServiceRegistryKind Registry { get; init; } = ServiceRegistryKind.Kubernetes;

    public DateTimeOffset CreationTime { get; init; }

    /// <summary>Labels that a pod must carry to back this service; empty selects nothing.</summary>
    public IReadOnlyDictionary<string, string> Selector { get; init; } = EmptyLabels.Instance;

    public IReadOnlyDictionary<string, string> Labels { get; init; } = EmptyLabels.Instance;

    public ExportScope ExportTo { get; init; } = ExportScope.Public;

    /// <summary>Target of an ExternalName service, else null.</summary>
    public string? ExternalName { get; init; }

    /// <summary>Hostnames of ExternalName services that point here.</summary>
    public IReadOnlyList<string> Aliases { get; init; } = [];

    public bool MeshExternal { get; init; }

    public bool PublishNotReadyAddresses { get; init; }

    /// <summary>internalTrafficPolicy Local: only endpoints on the client's node.</summary>
    public bool NodeLocal { get; init; }

    /// <summary>The object that this service was made from.</summary>
    public ConfigKey Source { get; init; }

    public bool IsHeadlessKubernetes =>
        Registry == ServiceRegistryKind.Kubernetes && Resolution == ServiceResolution.Passthrough;

    /// <summary>The first virtual address, or the unspecified address.</summary>
    public string DefaultAddress => Addresses.Count > 0 ? Addresses[0] : UnspecifiedAddress;

    public ServicePort? PortByNumber(int number)
    {
        foreach (var port in Ports)
        {
            if (port.Number == number)
            {
                return port;
            }
        }

        return null;
    }
}
