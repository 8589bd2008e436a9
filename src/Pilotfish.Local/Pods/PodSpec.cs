using Pilotfish.Local.Manifests;

namespace Pilotfish.Local.Pods;

/// <summary>A pod that shall run, read once from its (injected) manifest.</summary>
internal sealed record PodSpec
{
    /// <summary>The name that injection gives a sidecar's container.</summary>
    public const string SidecarContainer = "istio-proxy";

    public required ObjectName Name { get; init; }

    public required string Uid { get; init; }

    public required IReadOnlyDictionary<string, string> Labels { get; init; }

    public required IReadOnlyDictionary<string, string> Annotations { get; init; }

    public required string ServiceAccount { get; init; }

    public required string Hostname { get; init; }

    public required string Subdomain { get; init; }

    public required TimeSpan GracePeriod { get; init; }

    /// <summary>Always, OnFailure or Never.</summary>
    public required string RestartPolicy { get; init; }

    public required IReadOnlyList<ContainerSpec> InitContainers { get; init; }

    public required IReadOnlyList<ContainerSpec> Containers { get; init; }

    public required IReadOnlyList<VolumeSpec> Volumes { get; init; }

    public required IReadOnlyList<KeyValuePair<string, string>> HostAliases { get; init; }

    /// <summary>Group that owns the pod's volumes, or null.</summary>
    public required int? VolumeGroup { get; init; }

    public IEnumerable<ContainerSpec> AllContainers => InitContainers.Concat(Containers);

    public bool HasSidecar => AllContainers.Any(container => container.Name == SidecarContainer);
}
