namespace Pilotfish.Capture.Cni.Repair;

/// <summary>All pods of the node at one moment.</summary>
/// <param name="Version">The list's resourceVersion, from which a watch goes on.</param>
/// <param name="Pods">In no order.</param>
internal sealed record NodePodList(string Version, IReadOnlyList<NodePod> Pods);
