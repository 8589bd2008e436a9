using Envoy.Config.Route.V3;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Registry;
using Pilotfish.ControlPlane.Translation.Names;
using Pilotfish.ControlPlane.Translation.Shared;

namespace Pilotfish.ControlPlane.Translation.Routes;

/// <summary>
/// Collects the virtual hosts of one listener port: those of VirtualServices first, then one for each service that none steers.
/// A domain belongs to the first that claims it.
/// </summary>
internal sealed class VirtualHostBuilder
{
    private const int DefaultHttpPort = 80;

    private readonly PushContext _push;
    private readonly ProxyView _proxy;
    private readonly int _port;
    private readonly bool _attemptCount;
    private readonly Dictionary<string, MeshService> _unclaimed = new(StringComparer.Ordinal);
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly HashSet<string> _domains = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _knownHosts = new(StringComparer.Ordinal);
    private readonly List<VirtualHost> _hosts = [];

    public VirtualHostBuilder(PushContext push, ProxyView proxy, int port)
    {
        _push = push;
        _proxy = proxy;
        _port = port;
        _attemptCount = ProxyHeaders.Of(push, proxy, TrafficClass.Outbound).AttemptCount;
        foreach (var service in proxy.Scope.OnPort(port))
        {
            _unclaimed[service.Hostname.ToLowerInvariant()] = service;
        }
    }

    public List<VirtualHost> Build()
    {
        var groups = new List<Group>();
        var claimed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var rule in _proxy.Scope.VirtualServices)
        {
            if (GroupOf(rule) is { } group)
            {
                groups.Add(group);
                foreach (var service in group.Services)
                {
                    claimed.Add(service.Hostname);
                }
            }
        }

        foreach (var service in _unclaimed.Values.OrderBy(static s => s.Hostname, StringComparer.Ordinal))
        {
            if (!claimed.Contains(service.Hostname) && DefaultGroup(service) is { } group)
            {
                groups.Add(group);
            }
        }

        foreach (var group in groups)
        {
            foreach (var service in group.Services)
            {
                _knownHosts.Add(service.Hostname);
            }
        }

        foreach (var group in groups)
        {
            Emit(group);
        }

        _hosts.Sort(static (x, y) => string.CompareOrdinal(x.Name, y.Name));
        return _hosts;
    }

    private Group? GroupOf(VirtualServiceRule rule)
    {
        // On port 80 a rule may steer hosts that are no service at all; on others it must name one that has the port.
        if (_port != DefaultHttpPort && !NamesService(rule))
        {
            return null;
        }

        var (hosts, services) = Split(rule);
        var onPort = services.FindAll(service => service.PortByNumber(_port)?.Protocol.IsHttpOrSniffed() == true);
        if (onPort.Count == 0 && _port != DefaultHttpPort)
        {
            return null;
        }

        var routes = HttpRoutes.ForRule(_push, _proxy, rule, _port);
        return routes.Count == 0 ? null : new Group(hosts, onPort, routes);
    }

    private bool NamesService(VirtualServiceRule rule)
    {
        foreach (var given in rule.Spec.Hosts)
        {
            var host = given.ToLowerInvariant();
            if (_unclaimed.ContainsKey(host))
            {
                return true;
            }

            foreach (var hostname in _unclaimed.Keys)
            {
                if ((HostNames.IsWildcard(host) || HostNames.IsWildcard(hostname)) && HostNames.Match(host, hostname))
                {
                    return true;
                }
            }
        }

        return false;
    }

    // Hosts of the rule that are no services stand for themselves; wildcards give their services to the most specific rule.
    private (List<string> Hosts, List<MeshService> Services) Split(VirtualServiceRule rule)
    {
        var hosts = new List<string>();
        var services = new List<MeshService>();
        foreach (var given in rule.Spec.Hosts)
        {
            var host = given.ToLowerInvariant();
            if (!HostNames.IsWildcard(host))
            {
                if (_unclaimed.TryGetValue(host, out var service))
                {
                    services.Add(service);
                }
                else
                {
                    hosts.Add(given);
                }
            }
        }

        foreach (var given in rule.Spec.Hosts)
        {
            var host = given.ToLowerInvariant();
            if (!HostNames.IsWildcard(host))
            {
                continue;
            }

            var found = false;
            foreach (var service in _unclaimed.Values)
            {
                if (!HostNames.Match(service.Hostname, host))
                {
                    continue;
                }

                found = true;
                if (_proxy.Scope.WildcardOwners.TryGetValue(service.Hostname, out var owner) && owner.Meta == rule.Meta)
                {
                    services.Add(service);
                }
            }

            if (!found)
            {
                hosts.Add(host);
            }
        }

        return (hosts, services);
    }

    private Group? DefaultGroup(MeshService service)
    {
        if (service.Resolution == ServiceResolution.Alias || service.PortByNumber(_port)?.Protocol.IsHttpOrSniffed() != true)
        {
            return null;
        }

        var cluster = ClusterNames.Outbound(_port, "", service.Hostname);
        var operation = ListenerNames.HostPort(service.Hostname, _port) + "/*";
        var rule = _proxy.DestinationRule(_push, service)?.Spec;
        return new Group([], [service], [HttpRoutes.Default(_push, cluster, operation, rule, _port)]);
    }

    private void Emit(Group group)
    {
        foreach (var host in group.Hosts)
        {
            var name = host.ToLowerInvariant();
            Emit(name, [ListenerNames.Bracket(name)], [], group.Routes);
        }

        foreach (var service in group.Services)
        {
            var (domains, shortForms) =
                VirtualHostDomains.Of(service, _proxy.Node.DnsDomain, _push.Features.DualStack);
            Emit(service.Hostname, domains, shortForms, group.Routes);
        }
    }

    private void Emit(string hostname, List<string> domains, List<string> shortForms, List<Route> routes)
    {
        var name = ListenerNames.HostPort(hostname, _port);
        if (!_names.Add(name))
        {
            return;
        }

        var host = new VirtualHost { Name = name, IncludeRequestAttemptCount = _attemptCount };
        foreach (var domain in domains)
        {
            // A short form gives way to a service that really has this name.
            if (_domains.Contains(domain) || (shortForms.Contains(domain) && _knownHosts.Contains(domain)))
            {
                continue;
            }

            _domains.Add(domain);
            host.Domains.Add(domain);
        }

        if (host.Domains.Count > 0)
        {
            host.Routes.AddRange(routes);
            _hosts.Add(host);
        }
    }

    private sealed record Group(List<string> Hosts, List<MeshService> Services, List<Route> Routes);
}
