namespace Pilotfish.Capture.Cni.Repair;

/// <summary>What a watch tells: a pod that came or changed, or one that is gone; or, after each list, all there are.</summary>
internal abstract record NodePodChange
{
    private NodePodChange()
    {
    }

    internal sealed record All(IReadOnlyList<NodePod> Pods) : NodePodChange;

    internal sealed record Put(NodePod Pod) : NodePodChange;

    internal sealed record Gone(NodePod Pod) : NodePodChange;
}
