using Pilotfish.Capture.Cni.Pods;

namespace Pilotfish.Capture.Cni.Repair;

/// <summary>The pods of a node, as the Kubernetes API knows them.</summary>
internal interface INodePods
{
    /// <exception cref="PodLookupException">The API cannot be asked.</exception>
    NodePodList List();

    /// <summary>Tells every change after a version, and returns when the API ends the watch, which it does every few minutes.</summary>
    /// <param name="version">Of the list, or what the watch before returned.</param>
    /// <param name="tell">Called on this thread.</param>
    /// <param name="ending">Ends it, too.</param>
    /// <returns>The version to go on from.</returns>
    /// <exception cref="WatchExpiredException">The version is too old.</exception>
    /// <exception cref="PodLookupException">The API cannot be asked, or says something else.</exception>
    string Watch(string version, Action<NodePodChange> tell, CancellationToken ending);

    /// <summary>Deletes the very pod that was seen, in the state it was seen in.</summary>
    /// <exception cref="PodLookupException">The API refuses, or cannot be asked.</exception>
    void Delete(NodePod pod);

    /// <exception cref="PodLookupException">The API refuses, or cannot be asked.</exception>
    void Label(NodePod pod, string key, string value);

    /// <summary>Writes an event that `kubectl describe pod` shows. Events are hints: a failure is nobody's.</summary>
    void Tell(NodePod pod, string reason, string message);
}
