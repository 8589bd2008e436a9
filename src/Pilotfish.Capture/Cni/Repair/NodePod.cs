using Pilotfish.Capture.Cni.Pods;

namespace Pilotfish.Capture.Cni.Repair;

/// <summary>A pod on the node, with what repair needs of it.</summary>
internal sealed record NodePod
{
    public required string Namespace { get; init; }

    public required string Name { get; init; }

    public required string Uid { get; init; }

    public string ResourceVersion { get; init; } = string.Empty;

    /// <summary>Empty while the pod has no network.</summary>
    public string Ip { get; init; } = string.Empty;

    public required PodFacts Facts { get; init; }

    public IReadOnlyList<InitContainerStatus> InitContainers { get; init; } = [];

    public override string ToString() => $"{Namespace}/{Name}";
}
