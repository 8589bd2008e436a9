using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Proxies;

/// <summary>Finds the services that a proxy's own workload backs.</summary>
internal static class ServiceTargets
{
    public static List<ServiceTarget> Find(
        PushContext push, ProxyNode node, Workload? workload, IReadOnlyDictionary<string, string> labels)
    {
        var targets = new List<ServiceTarget>();
        var namedPorts = workload?.ContainerPorts is { Count: > 0 } ports ? ports : node.NamedPorts;
        foreach (var service in push.Services.All)
        {
            if (service.Resolution == ServiceResolution.Alias)
            {
                continue;
            }

            if (service.Selector.Count > 0)
            {
                if (service.Namespace == node.Namespace && Registry.Labels.Contain(labels, service.Selector))
                {
                    AddSelected(targets, service, namedPorts);
                }
            }
            else
            {
                AddByAddress(targets, push, service, node);
            }
        }

        return targets;
    }

    private static void AddSelected(List<ServiceTarget> targets, MeshService service, IReadOnlyDictionary<string, int> namedPorts)
    {
        foreach (var port in service.Ports)
        {
            if (port.Protocol != PortProtocol.Udp && port.TargetPort.TryResolve(namedPorts, out var number))
            {
                targets.Add(new ServiceTarget(service, port, number));
            }
        }
    }

    // Services without selector name their backends by address.
    private static void AddByAddress(List<ServiceTarget> targets, PushContext push, MeshService service, ProxyNode node)
    {
        var seen = new HashSet<(string Port, int Number)>();
        foreach (var endpoint in push.Endpoints.Of(service.Hostname).All)
        {
            if (!node.Addresses.Contains(endpoint.FirstAddress) || !seen.Add((endpoint.ServicePortName, endpoint.Port)))
            {
                continue;
            }

            foreach (var port in service.Ports)
            {
                if (port.Name == endpoint.ServicePortName && port.Protocol != PortProtocol.Udp)
                {
                    targets.Add(new ServiceTarget(service, port, endpoint.Port));
                }
            }
        }
    }
}
