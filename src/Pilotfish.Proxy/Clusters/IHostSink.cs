namespace Pilotfish.Proxy.Clusters;

/// <summary>Where an EDS subscription delivers its assignments: a membership, or a cluster that nobody has used yet. Main loop.</summary>
internal interface IHostSink
{
    /// <summary>Takes a good assignment; <paramref name="message"/> is what it was compiled from, empty for none.</summary>
    void Update(AssignmentModel assignment, Envoy.Config.Endpoint.V3.ClusterLoadAssignment? message);

    /// <summary>The membership, where statistics may be kept; null while nobody uses the cluster.</summary>
    ClusterMembership? Living { get; }
}
