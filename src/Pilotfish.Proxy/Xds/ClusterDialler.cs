using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.Xds;

/// <summary>Reaches a control plane through a cluster of the data plane, on the main loop. Main loop.</summary>
/// <param name="main">The main loop's place among the callers.</param>
/// <param name="clusters">Where a cluster is replaced when the control plane says so.</param>
/// <param name="cluster">The cluster.</param>
/// <param name="controlPlane">Credentials.</param>
internal sealed class ClusterDialler(Worker main, ClusterDirectory clusters, ClusterReference cluster, IControlPlane controlPlane) : IXdsDialler
{
    public string Name => controlPlane.Name;

    public IXdsCall Dial(GrpcMethod method, IXdsCallEvents events) => new ClusterCall(main, clusters, cluster, controlPlane, method, events);

    public string? Advice(string transportFailure) => controlPlane.Advice(transportFailure);
}
