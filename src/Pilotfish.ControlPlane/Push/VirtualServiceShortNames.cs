using Istio.Networking.V1Alpha3;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Push;

/// <summary>Completes every short host and gateway name of a VirtualService relative to its namespace.</summary>
internal static class VirtualServiceShortNames
{
    public static VirtualService Resolve(VirtualService given, ObjectMeta meta, string domainSuffix)
    {
        var rule = given.Clone();
        for (var i = 0; i < rule.Hosts.Count; i++)
        {
            rule.Hosts[i] = HostNames.ResolveShort(rule.Hosts[i], meta.Namespace, domainSuffix);
        }

        ResolveGateways(rule.Gateways, meta);
        foreach (var http in rule.Http)
        {
            foreach (var match in http.Match)
            {
                ResolveGateways(match.Gateways, meta);
            }

            foreach (var route in http.Route)
            {
                Resolve(route.Destination, meta, domainSuffix);
            }

            Resolve(http.Mirror, meta, domainSuffix);
            foreach (var mirror in http.Mirrors)
            {
                Resolve(mirror.Destination, meta, domainSuffix);
            }
        }

        foreach (var tcp in rule.Tcp)
        {
            foreach (var match in tcp.Match)
            {
                ResolveGateways(match.Gateways, meta);
            }

            ResolveAll(tcp.Route, meta, domainSuffix);
        }

        foreach (var tls in rule.Tls)
        {
            foreach (var match in tls.Match)
            {
                ResolveGateways(match.Gateways, meta);
            }

            ResolveAll(tls.Route, meta, domainSuffix);
        }

        return rule;
    }

    private static void ResolveAll(IEnumerable<RouteDestination> routes, ObjectMeta meta, string domainSuffix)
    {
        foreach (var route in routes)
        {
            Resolve(route.Destination, meta, domainSuffix);
        }
    }

    private static void Resolve(Destination? destination, ObjectMeta meta, string domainSuffix)
    {
        if (destination is not null)
        {
            destination.Host = HostNames.ResolveShort(destination.Host, meta.Namespace, domainSuffix);
        }
    }

    private static void ResolveGateways(IList<string> gateways, ObjectMeta meta)
    {
        for (var i = 0; i < gateways.Count; i++)
        {
            if (gateways[i] != VirtualServiceRule.MeshGateway && !gateways[i].Contains('/', StringComparison.Ordinal))
            {
                gateways[i] = $"{meta.Namespace}/{gateways[i]}";
            }
        }
    }
}
