namespace Pilotfish.Proxy.Clusters;

/// <summary>Hosts that the configuration lists; also the empty list of ORIGINAL_DST.</summary>
internal sealed class StaticHosts(ClusterMembership membership, AssignmentModel assignment) : HostSource
{
    public override void Start(Action initialized)
    {
        membership.Update(assignment, null);
        initialized();
    }

    public override void Dispose()
    {
        // Nothing is subscribed to.
    }
}
