using System.Net;
using Pilotfish.Local.Dns;
using Pilotfish.Local.Kubelet;
using Pilotfish.Local.Manifests;
using Pilotfish.Local.Network;

namespace Pilotfish.Local.Mesh;

/// <summary>
/// Gives services addresses that stay theirs while they exist, and works out what stands behind them: routes for the
/// node and names for DNS.
/// </summary>
internal sealed class ServiceCatalog(AddressPlan plan)
{
    private readonly Dictionary<ObjectName, IPAddress> _addresses = [];

    public IReadOnlyList<LocalService> Services { get; private set; } = [];

    /// <summary>A service that is refused, as an API server would refuse it, keeps what it said before; its sentence joins <paramref name="errors"/>.</summary>
    public void Update(ManifestSet manifests, ICollection<string> errors)
    {
        ManifestObject[] wanted = [.. manifests.OfKind("Service").Where(s => s.ApiVersion == "v1")];
        foreach (ObjectName gone in _addresses.Keys.Except(wanted.Select(s => s.Name)).ToArray())
        {
            plan.FreeService(_addresses[gone]);
            _addresses.Remove(gone);
        }

        var services = new List<LocalService>();
        foreach (ManifestObject service in wanted)
        {
            try
            {
                services.Add(LocalService.Read(service) with { Address = AddressOf(service) });
            }
            catch (ManifestException e)
            {
                errors.Add(e.Message);
                services.AddRange(Services.Where(known => known.Name == service.Name));
            }
        }

        Services = services;
    }

    public IReadOnlyList<ServiceRoute> Routes(IReadOnlyCollection<PodWorker> pods)
    {
        var routes = new List<ServiceRoute>();
        foreach (LocalService service in Services.Where(s => s.Address is not null))
        {
            PodWorker[] behind = [.. Behind(service, pods)];
            foreach (LocalServicePort port in service.Ports)
            {
                IPEndPoint[] endpoints = [.. behind
                    .Select(pod => (pod.Address, Port: port.Of(pod.Pod)))
                    .Where(e => e.Port is not null)
                    .Select(e => new IPEndPoint(e.Address, e.Port!.Value))];
                routes.Add(new ServiceRoute(
                    service.Name.ToString(), service.Address!, port.Number, port.Protocol, endpoints, service.IsSticky));
            }
        }

        return routes;
    }

    public DnsTable Names(IReadOnlyCollection<PodWorker> pods)
    {
        var addresses = new Dictionary<string, IReadOnlyList<IPAddress>>(StringComparer.Ordinal)
        {
            [Full("istiod", "istio-system")] = [AddressPlan.ControlPlane],
            [Full("kube-dns", "kube-system")] = [AddressPlan.Dns],
        };
        var aliases = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (LocalService service in Services)
        {
            string name = Full(service.Name.Name, service.Name.Namespace);
            if (service.ExternalName is { } external)
            {
                aliases[name] = external.TrimEnd('.').ToLowerInvariant();
                continue;
            }

            if (service.Address is { } address)
            {
                addresses[name] = [address];
                continue;
            }

            PodWorker[] behind = [.. Behind(service, pods)];
            addresses[name] = [.. behind.Select(pod => pod.Address)];
            foreach (PodWorker pod in behind)
            {
                addresses[$"{pod.Pod.Hostname.ToLowerInvariant()}.{name}"] = [pod.Address];
            }
        }

        return new DnsTable(addresses, aliases);
    }

    /// <summary>Pods that a service selects and that may serve now.</summary>
    private static IEnumerable<PodWorker> Behind(LocalService service, IReadOnlyCollection<PodWorker> pods) => pods.Where(pod =>
        service.Selector.Count > 0
        && pod.Pod.Name.Namespace == service.Name.Namespace
        && (pod.IsReady || service.PublishesUnready)
        && service.Selector.All(s => pod.Pod.Labels.TryGetValue(s.Key, out string? value) && value == s.Value));

    private static string Full(string name, string ns) => $"{name}.{ns}.svc.{PodFiles.ClusterDomain}".ToLowerInvariant();

    private IPAddress? AddressOf(ManifestObject service)
    {
        string? asked = service.Spec.TextOf("clusterIP");
        if (asked == "None" || service.Spec.TextOf("type") == "ExternalName")
        {
            return null;
        }

        if (_addresses.TryGetValue(service.Name, out IPAddress? known))
        {
            return known;
        }

        if (string.IsNullOrEmpty(asked))
        {
            return _addresses[service.Name] = plan.TakeService();
        }

        bool valid = IPAddress.TryParse(asked, out IPAddress? address)
            && address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork
            && address.GetAddressBytes() is [10, 96, ..];
        if (!valid || !plan.TryTakeService(address!))
        {
            throw new ManifestException(
                service.Root.Position,
                $"Service '{service.Name}': clusterIP '{asked}' is not a free address of {AddressPlan.ServiceRange}.");
        }

        return _addresses[service.Name] = address!;
    }
}
