using Istio.Networking.V1Alpha3;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Registry;
using ServicePort = Pilotfish.ControlPlane.Registry.ServicePort;

namespace Pilotfish.ControlPlane.Push;

/// <summary>Expands a ServiceEntry into one service per host and its inline endpoints.</summary>
internal static class ServiceEntryServices
{
    public static IEnumerable<MeshService> Expand(ConfigObject item, string domainSuffix)
    {
        _ = domainSuffix;
        var entry = item.As<ServiceEntry>();
        foreach (var host in entry.Hosts)
        {
            yield return new MeshService
            {
                Hostname = host,
                Name = item.Meta.Name,
                Namespace = item.Meta.Namespace,
                Ports = ReadPorts(entry),
                Addresses = [.. entry.Addresses],
                Resolution = ReadResolution(entry.Resolution),
                Registry = ServiceRegistryKind.External,
                CreationTime = item.Meta.CreationTime,
                Selector = entry.WorkloadSelector is null ? EmptyLabels.Instance : new Dictionary<string, string>(entry.WorkloadSelector.Labels),
                Labels = item.Meta.Labels,
                ExportTo = ExportScope.Parse(entry.ExportTo, item.Meta.Namespace),
                MeshExternal = entry.Location == ServiceEntry.Types.Location.MeshExternal,
                Source = item.Key,
            };
        }
    }

    /// <summary>Inline endpoints, or for DNS resolution without any the host itself.</summary>
    public static List<WorkloadEndpoint> InlineEndpoints(ServiceEntry entry, MeshService service)
    {
        var endpoints = new List<WorkloadEndpoint>();
        var isDns = service.Resolution is ServiceResolution.DnsLb or ServiceResolution.DnsRoundRobin;
        foreach (var port in service.Ports)
        {
            foreach (var given in entry.Endpoints)
            {
                endpoints.Add(FromWorkloadEntry(given, service, port));
            }

            if (entry.Endpoints.Count == 0 && isDns && service.Selector.Count == 0)
            {
                endpoints.Add(new WorkloadEndpoint
                {
                    Addresses = [service.Hostname],
                    Port = port.TargetPort.Number,
                    ServicePortName = port.Name,
                    Namespace = service.Namespace,
                });
            }
        }

        return endpoints;
    }

    public static WorkloadEndpoint FromWorkloadEntry(WorkloadEntry given, MeshService service, ServicePort port) => new()
    {
        Addresses = [given.Address],
        Port = given.Ports.TryGetValue(port.Name, out var own) ? (int)own : port.TargetPort.Number,
        ServicePortName = port.Name,
        Namespace = service.Namespace,
        Labels = new Dictionary<string, string>(given.Labels),
        Locality = given.Locality,
        Network = given.Network,
        ServiceAccount = given.ServiceAccount,
        Weight = given.Weight == 0 ? 1 : given.Weight,
        TlsMode = given.ServiceAccount.Length > 0 ? "istio" : "",
    };

    private static List<ServicePort> ReadPorts(ServiceEntry entry)
    {
        var ports = new List<ServicePort>();
        foreach (var port in entry.Ports)
        {
            var target = port.TargetPort == 0 ? port.Number : port.TargetPort;
            ports.Add(new ServicePort(
                port.Name, (int)port.Number, PortProtocols.Parse(port.Protocol), new TargetPort((int)target, null)));
        }

        return ports;
    }

    private static ServiceResolution ReadResolution(ServiceEntry.Types.Resolution resolution) => resolution switch
    {
        ServiceEntry.Types.Resolution.Static => ServiceResolution.ClientSideLb,
        ServiceEntry.Types.Resolution.Dns => ServiceResolution.DnsLb,
        ServiceEntry.Types.Resolution.DnsRoundRobin => ServiceResolution.DnsRoundRobin,
        _ => ServiceResolution.Passthrough,
    };
}
