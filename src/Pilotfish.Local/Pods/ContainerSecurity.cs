namespace Pilotfish.Local.Pods;

/// <summary>Who a container runs as and what it may do, container's word before the pod's.</summary>
internal sealed record ContainerSecurity
{
    public required int Uid { get; init; }

    public required int Gid { get; init; }

    public required IReadOnlyList<int> ExtraGroups { get; init; }

    public required bool IsRootReadOnly { get; init; }

    public required bool IsPrivileged { get; init; }

    public required bool MayGainPrivileges { get; init; }

    public required IReadOnlyList<string> CapabilitiesAdded { get; init; }

    public required IReadOnlyList<string> CapabilitiesDropped { get; init; }
}
