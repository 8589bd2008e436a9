using Pilotfish.Capture.Cni.Pods;

namespace Pilotfish.Capture.Cni.Repair;

/// <summary>The pods of a node, as the Kubernetes API knows them.</summary>
internal interface INodePods
{
    /// <exception cref="PodLookupException">The API cannot be asked.</exception>
    IReadOnlyList<NodePod> List();

    /// <summary>Deletes the very pod that was seen, in the state it was seen in.</summary>
    /// <exception cref="PodLookupException">The API refuses, or cannot be asked.</exception>
    void Delete(NodePod pod);

    /// <exception cref="PodLookupException">The API refuses, or cannot be asked.</exception>
    void Label(NodePod pod, string key, string value);

    /// <summary>Writes an event that `kubectl describe pod` shows. Events are hints: a failure is nobody's.</summary>
    void Tell(NodePod pod, string reason, string message);
}
