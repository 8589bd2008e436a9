using System.Net;
using Istio.Networking.Nds.V1;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Translation.Names;

/// <summary>
/// NDS: the hosts that the agent's DNS proxy answers. Depends on services, and on endpoints of headless ones. Short forms are the
/// agent's matter.
/// </summary>
public static class NameTableGenerator
{
    public static NameTable Generate(PushContext push, ProxyView proxy)
    {
        var table = new NameTable();
        foreach (var service in proxy.Scope.Services)
        {
            if (service.Resolution == ServiceResolution.Alias)
            {
                continue;
            }

            var addresses = service.Addresses.Where(static address => IPAddress.TryParse(address, out _)).ToList();
            if (service.Addresses.Count == 0 && service.Resolution == ServiceResolution.Passthrough && service.Ports.Count > 0)
            {
                AddHeadless(push, table, service, addresses);
            }

            if (addresses.Count > 0)
            {
                AddService(table, service, addresses);
            }
        }

        return table;
    }

    private static void AddService(NameTable table, MeshService service, List<string> addresses)
    {
        if (table.Table.TryGetValue(service.Hostname, out var present))
        {
            present.Ips.AddRange(addresses.Where(address => !present.Ips.Contains(address)));
            return;
        }

        table.Table[service.Hostname] = Info(service, service.Name, addresses);
    }

    // Every pod of a headless service that has a hostname gets a name of its own.
    private static void AddHeadless(PushContext push, NameTable table, MeshService service, List<string> addresses)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var dot = service.Hostname.IndexOf('.', StringComparison.Ordinal);
        foreach (var endpoint in push.Endpoints.Of(service.Hostname).All)
        {
            if (endpoint.Health != EndpointHealth.Healthy || !endpoint.Addresses.All(static a => IPAddress.TryParse(a, out _))
                || !seen.Add(endpoint.FirstAddress))
            {
                continue;
            }

            addresses.AddRange(endpoint.Addresses);
            if (endpoint.SubDomain.Length == 0 || endpoint.HostName.Length == 0 || dot < 0)
            {
                continue;
            }

            var shortName = $"{endpoint.HostName}.{endpoint.SubDomain}";
            var name = shortName + service.Hostname[dot..];
            if (table.Table.TryGetValue(name, out var present))
            {
                present.Ips.AddRange(endpoint.Addresses);
            }
            else
            {
                table.Table[name] = Info(service, shortName, endpoint.Addresses);
            }
        }
    }

    private static NameTable.Types.NameInfo Info(MeshService service, string shortName, IEnumerable<string> addresses)
    {
        var kubernetes = service.Registry == ServiceRegistryKind.Kubernetes;
        var info = new NameTable.Types.NameInfo
        {
            Registry = kubernetes ? "Kubernetes" : "External",
            Shortname = kubernetes ? shortName : "",
            Namespace = kubernetes ? service.Namespace : "",
        };
        info.Ips.AddRange(addresses);
        return info;
    }
}
