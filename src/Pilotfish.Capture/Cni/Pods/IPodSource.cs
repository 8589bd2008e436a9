namespace Pilotfish.Capture.Cni.Pods;

/// <summary>Where the facts about a pod come from.</summary>
internal interface IPodSource
{
    /// <exception cref="PodLookupException">The pod is not known, or its source cannot be asked.</exception>
    PodFacts Get(string ns, string name);
}
