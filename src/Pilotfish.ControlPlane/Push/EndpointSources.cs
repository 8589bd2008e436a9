using Istio.Networking.V1Alpha3;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Registry;
using Pilotfish.ControlPlane.Sources.Objects;

namespace Pilotfish.ControlPlane.Push;

/// <summary>
/// Where endpoints come from: EndpointSlices if the service has any, else its Endpoints object, else the pods it selects (who
/// runs without a cluster has no endpoint controller), plus inline endpoints of ServiceEntries.
/// </summary>
internal sealed class EndpointSources
{
    private readonly Dictionary<(string Namespace, string Service), List<EndpointSet>> _slices = [];
    private readonly Dictionary<(string Namespace, string Service), List<EndpointSet>> _legacy = [];
    private readonly ConfigSnapshot _snapshot;
    private readonly WorkloadIndex _workloads;
    private readonly string _clusterId;

    public EndpointSources(ConfigSnapshot snapshot, WorkloadIndex workloads, string clusterId)
    {
        _snapshot = snapshot;
        _workloads = workloads;
        _clusterId = clusterId;
        Group(snapshot.OfKind(ConfigKind.EndpointSlice), _slices);
        Group(snapshot.OfKind(ConfigKind.Endpoints), _legacy);
    }

    public List<WorkloadEndpoint> Collect(MeshService service)
    {
        if (service.Registry == ServiceRegistryKind.External)
        {
            return CollectExternal(service);
        }

        var key = (service.Namespace, service.Name);
        if (_slices.TryGetValue(key, out var sets) || _legacy.TryGetValue(key, out sets))
        {
            return FromSets(service, sets);
        }

        return service.Selector.Count == 0 ? [] : FromPods(service);
    }

    private static void Group(
        List<ConfigObject> objects, Dictionary<(string Namespace, string Service), List<EndpointSet>> into)
    {
        foreach (var item in objects)
        {
            foreach (var set in item.As<List<EndpointSet>>())
            {
                var key = (item.Meta.Namespace, set.ServiceName);
                if (!into.TryGetValue(key, out var sets))
                {
                    into[key] = sets = [];
                }

                sets.Add(set);
            }
        }
    }

    private List<WorkloadEndpoint> CollectExternal(MeshService service)
    {
        var item = _snapshot.Find(service.Source);
        if (item?.Body is not ServiceEntry entry)
        {
            return [];
        }

        if (entry.WorkloadSelector is null)
        {
            return ServiceEntryServices.InlineEndpoints(entry, service);
        }

        var endpoints = FromPods(service);
        foreach (var workloadEntry in _snapshot.OfKind(ConfigKind.WorkloadEntry))
        {
            var given = workloadEntry.As<WorkloadEntry>();
            if (workloadEntry.Meta.Namespace == service.Namespace && Labels.Contain(given.Labels, service.Selector))
            {
                foreach (var port in service.Ports)
                {
                    endpoints.Add(ServiceEntryServices.FromWorkloadEntry(given, service, port));
                }
            }
        }

        return endpoints;
    }

    private List<WorkloadEndpoint> FromPods(MeshService service)
    {
        var endpoints = new List<WorkloadEndpoint>();
        foreach (var workload in _workloads.Selected(service.Namespace, service.Selector))
        {
            if (workload.Addresses.Count == 0)
            {
                continue;
            }

            foreach (var port in service.Ports)
            {
                if (port.TargetPort.TryResolve(workload.ContainerPorts, out var number))
                {
                    endpoints.Add(FromWorkload(service, workload, port.Name, number, workload.Addresses, Health(service, workload)));
                }
            }
        }

        return endpoints;
    }

    private static EndpointHealth Health(MeshService service, Workload workload) =>
        workload.Terminating ? EndpointHealth.Terminating
        : workload.Ready || service.PublishNotReadyAddresses ? EndpointHealth.Healthy
        : EndpointHealth.Unhealthy;

    private List<WorkloadEndpoint> FromSets(MeshService service, List<EndpointSet> sets)
    {
        var endpoints = new List<WorkloadEndpoint>();
        foreach (var set in sets)
        {
            foreach (var address in set.Addresses)
            {
                var workload = address.PodName.Length > 0
                    ? _workloads.ByName(service.Namespace, address.PodName)
                    : _workloads.ByAddress(address.Ip);
                var health = address.Terminating ? EndpointHealth.Terminating
                    : address.Ready || service.PublishNotReadyAddresses ? EndpointHealth.Healthy
                    : EndpointHealth.Unhealthy;
                foreach (var port in set.Ports)
                {
                    var endpoint = FromWorkload(service, workload, port.Name, port.Number, [address.Ip], health);
                    endpoints.Add(address.HostName.Length == 0 ? endpoint : endpoint with
                    {
                        HostName = address.HostName,
                        SubDomain = service.Name,
                    });
                }
            }
        }

        return endpoints;
    }

    private WorkloadEndpoint FromWorkload(
        MeshService service, Workload? workload, string portName, int port, IReadOnlyList<string> addresses, EndpointHealth health) => new()
        {
            Addresses = addresses,
            Port = port,
            ServicePortName = portName,
            Namespace = workload?.Namespace ?? service.Namespace,
            WorkloadName = workload?.WorkloadName ?? "",
            Labels = workload?.Labels ?? EmptyLabels.Instance,
            ServiceAccount = workload?.ServiceAccount ?? "",
            Locality = workload?.Locality ?? "",
            Network = workload?.Network ?? "",
            ClusterId = _clusterId,
            NodeName = workload?.NodeName ?? "",
            HostName = workload?.HostName ?? "",
            SubDomain = workload?.SubDomain ?? "",
            Health = health,
            TlsMode = workload?.TlsMode ?? "",
        };
}
