using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Push;

/// <summary>What workloads of one namespace see: services and the rules that steer traffic to them.</summary>
public sealed class EgressScope
{
    private readonly Dictionary<string, MeshService> _byHostname = new(StringComparer.Ordinal);
    private readonly Dictionary<int, List<MeshService>> _byPort = [];

    internal EgressScope(string ns, ServiceIndex services, VirtualServiceIndex virtualServices)
    {
        Namespace = ns;
        foreach (var service in services.All)
        {
            if (service.ExportTo.VisibleTo(ns))
            {
                // The oldest of a hostname stays; ServiceEntries may declare one host port by port.
                _byHostname[service.Hostname] = _byHostname.TryGetValue(service.Hostname, out var older) ? Merge(older, service) : service;
            }
        }

        // A dictionary that only grew enumerates in order of insertion, which is by age.
        var visible = _byHostname.Values.ToList();
        foreach (var service in visible)
        {
            foreach (var port in service.Ports)
            {
                if (!_byPort.TryGetValue(port.Number, out var list))
                {
                    _byPort[port.Number] = list = [];
                }

                list.Add(service);
            }
        }

        Services = visible;
        VirtualServices = virtualServices.VisibleTo(ns);
        WildcardOwners = FindWildcardOwners();
    }

    public string Namespace { get; }

    public IReadOnlyList<MeshService> Services { get; }

    public IReadOnlyList<VirtualServiceRule> VirtualServices { get; }

    /// <summary>For hosts that wildcard VirtualServices cover: the rule with the most specific wildcard, the oldest among equals.</summary>
    public IReadOnlyDictionary<string, VirtualServiceRule> WildcardOwners { get; }

    public MeshService? Find(string hostname) => _byHostname.GetValueOrDefault(hostname);

    public IReadOnlyList<MeshService> OnPort(int port) => _byPort.TryGetValue(port, out var list) ? list : [];

    /// <summary>Rules that name the host, exactly or by wildcard.</summary>
    public IEnumerable<VirtualServiceRule> RulesFor(string hostname)
    {
        foreach (var rule in VirtualServices)
        {
            foreach (var host in rule.Spec.Hosts)
            {
                if (HostNames.Match(host, hostname))
                {
                    yield return rule;
                    break;
                }
            }
        }
    }

    private static MeshService Merge(MeshService older, MeshService next)
    {
        if (older.Registry != ServiceRegistryKind.External || next.Registry != ServiceRegistryKind.External
            || older.Namespace != next.Namespace || older.Resolution != next.Resolution)
        {
            return older;
        }

        var added = next.Ports.Where(port => older.PortByNumber(port.Number) is null).ToList();
        return added.Count == 0 ? older : older with { Ports = [.. older.Ports, .. added] };
    }

    private Dictionary<string, VirtualServiceRule> FindWildcardOwners()
    {
        var owners = new Dictionary<string, VirtualServiceRule>(StringComparer.Ordinal);
        var lengths = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var rule in VirtualServices)
        {
            foreach (var host in rule.Spec.Hosts)
            {
                if (!HostNames.IsWildcard(host))
                {
                    continue;
                }

                foreach (var service in Services)
                {
                    if (HostNames.IsSubsetOf(service.Hostname, host) && lengths.GetValueOrDefault(service.Hostname) < host.Length)
                    {
                        owners[service.Hostname] = rule;
                        lengths[service.Hostname] = host.Length;
                    }
                }
            }
        }

        return owners;
    }
}
