using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Push;

/// <summary>The endpoints of one service in a stable order.</summary>
public sealed class ServiceEndpoints
{
    public static readonly ServiceEndpoints None = new([]);

    public ServiceEndpoints(IReadOnlyList<WorkloadEndpoint> all) => All = all;

    public IReadOnlyList<WorkloadEndpoint> All { get; }

    /// <summary>Endpoints of the port whose workloads carry the subset's labels.</summary>
    public IEnumerable<WorkloadEndpoint> Of(ServicePort port, IReadOnlyDictionary<string, string> subsetLabels)
    {
        foreach (var endpoint in All)
        {
            if (endpoint.ServicePortName == port.Name && Labels.Contain(endpoint.Labels, subsetLabels))
            {
                yield return endpoint;
            }
        }
    }
}
