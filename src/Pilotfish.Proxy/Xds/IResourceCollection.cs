namespace Pilotfish.Proxy.Xds;

/// <summary>The owner of all resources of a type that is asked for by wildcard: listeners and clusters. Main loop.</summary>
public interface IResourceCollection
{
    /// <summary>
    /// Applies what can be applied and adds one entry to <paramref name="rejected"/> for each resource that cannot, whose last
    /// good version stays. Never throws for what a resource holds.
    /// </summary>
    void Apply(IReadOnlyList<ResourceUpdate> added, IReadOnlyList<string> removed, List<RejectedResource> rejected);
}
