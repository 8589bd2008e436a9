using System.Globalization;
using Envoy.Config.Route.V3;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Translation.Names;
using Pilotfish.Language.Numbers;

namespace Pilotfish.ControlPlane.Translation.Routes;

/// <summary>
/// RDS. Depends on services, VirtualServices, DestinationRules (hash policies) and the mesh; not on endpoints.
/// </summary>
public static class RouteGenerator
{
    // Envoy's own limit is 4 KiB; direct responses of VirtualServices may be larger.
    private const uint MaxDirectResponseBodyBytes = 1024 * 1024;

    /// <summary>One configuration per name asked for; an unknown name yields an empty one, so that nobody waits for it.</summary>
    public static List<RouteConfiguration> Generate(PushContext push, ProxyView proxy, IEnumerable<string> names)
    {
        var configurations = new List<RouteConfiguration>();
        var hostsByPort = new Dictionary<int, List<VirtualHost>>();
        foreach (var name in names)
        {
            configurations.Add(Build(push, proxy, name, hostsByPort));
        }

        return configurations;
    }

    internal static RouteConfiguration Inbound(string cluster, string hostname, int port, bool grpc) => new()
    {
        Name = cluster,
        ValidateClusters = false,
        VirtualHosts =
        {
            new VirtualHost
            {
                Name = string.Create(CultureInfo.InvariantCulture, $"inbound|http|{port}"),
                Domains = { "*" },
                Routes = { HttpRoutes.Inbound(cluster, ListenerNames.HostPort(hostname, port) + "/*", grpc) },
            },
        },
    };

    private static RouteConfiguration Build(
        PushContext push, ProxyView proxy, string name, Dictionary<int, List<VirtualHost>> hostsByPort)
    {
        // `80` is all services of the port; `host:80` the one service that an address-bound, sniffing listener serves.
        var colon = name.LastIndexOf(':');
        var sniffed = colon >= 0;
        if (!DecimalText.TryParse(name.AsSpan(colon + 1), out int port))
        {
            return new RouteConfiguration { Name = name, ValidateClusters = false };
        }

        if (!hostsByPort.TryGetValue(port, out var hosts))
        {
            hostsByPort[port] = hosts = new VirtualHostBuilder(push, proxy, port).Build();
        }

        var configuration = new RouteConfiguration
        {
            Name = name,
            ValidateClusters = false,
            MaxDirectResponseBodySizeBytes = MaxDirectResponseBodyBytes,
            IgnorePortInHostMatching = true,
        };
        if (sniffed)
        {
            configuration.VirtualHosts.AddRange(OfService(hosts, name[..colon]));
        }
        else
        {
            configuration.VirtualHosts.AddRange(hosts);
            configuration.VirtualHosts.Add(CatchAllVirtualHosts.Build(push, proxy));
        }

        return configuration;
    }

    // The listener already knows the service, so any host is right.
    private static List<VirtualHost> OfService(List<VirtualHost> hosts, string hostname)
    {
        var found = hosts.FindAll(host => host.Domains.Contains(hostname));
        if (found.Count != 1)
        {
            return found;
        }

        var copy = found[0].Clone();
        copy.Domains.Clear();
        copy.Domains.Add("*");
        return [copy];
    }
}
