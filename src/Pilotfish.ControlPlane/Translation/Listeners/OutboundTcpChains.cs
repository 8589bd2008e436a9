using Istio.Networking.V1Alpha3;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Registry;
using Pilotfish.ControlPlane.Translation.Names;
using Pilotfish.ControlPlane.Translation.Routes;
using Pilotfish.ControlPlane.Translation.Shared;
using ServicePort = Pilotfish.ControlPlane.Registry.ServicePort;

namespace Pilotfish.ControlPlane.Translation.Listeners;

/// <summary>Filter chains of one service port that carries bytes: TLS by server name, or plain TCP, as VirtualServices say.</summary>
internal sealed class OutboundTcpChains(PushContext push, ProxyView proxy)
{
    private readonly NetworkFilters _filters = new(push, proxy);

    public List<ChainOptions> Build(MeshService service, ServicePort port, IReadOnlyList<string> ranges, bool wildcardBind) =>
        port.Protocol.IsTls() ? BuildTls(service, port, ranges, wildcardBind) : BuildTcp(service, port, ranges);

    private List<ChainOptions> BuildTls(MeshService service, ServicePort port, IReadOnlyList<string> ranges, bool wildcardBind)
    {
        var chains = new List<ChainOptions>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var rule in proxy.Scope.RulesFor(service.Hostname))
        {
            foreach (var tls in rule.Spec.Tls)
            {
                foreach (var match in tls.Route.Count == 0 ? [] : tls.Match.ToArray())
                {
                    var subnets = match.DestinationSubnets.Count > 0 ? [.. match.DestinationSubnets] : ranges;
                    if (Applies(match.Gateways, match.SourceLabels, match.SourceNamespace, match.Port, port)
                        && seen.Add(string.Join(',', match.SniHosts) + "|" + string.Join(',', match.DestinationSubnets)))
                    {
                        chains.Add(new ChainOptions
                        {
                            Metadata = IstioMetadata.ForConfig(rule.Meta),
                            ServerNames = [.. match.SniHosts],
                            DestinationRanges = subnets,
                            TcpFilters = _filters.OutboundToRoute(tls.Route, port, rule),
                        });
                    }
                }
            }
        }

        if (chains.Count == 0)
        {
            // Without an address of its own the service is told from others on the port by its name only.
            var byName = ranges.Count > 0 || (service.Addresses.Count == 0 && wildcardBind);
            chains.Add(Default(service, port, ranges) with { ServerNames = byName ? [service.Hostname, .. service.Aliases] : [] });
        }

        return chains;
    }

    private List<ChainOptions> BuildTcp(MeshService service, ServicePort port, IReadOnlyList<string> ranges)
    {
        var chains = new List<ChainOptions>();
        foreach (var rule in proxy.Scope.RulesFor(service.Hostname))
        {
            foreach (var tcp in rule.Spec.Tcp)
            {
                if (tcp.Route.Count > 0 && AddRoute(chains, rule, tcp, port, ranges))
                {
                    return chains;
                }
            }
        }

        chains.Add(Default(service, port, ranges));
        return chains;
    }

    /// <summary>True when the route takes every connection, so that nothing after it can match.</summary>
    private bool AddRoute(
        List<ChainOptions> chains, VirtualServiceRule rule, TCPRoute tcp, ServicePort port, IReadOnlyList<string> ranges)
    {
        var subnets = new List<string>();
        var takesAll = tcp.Match.Count == 0;
        foreach (var match in tcp.Match)
        {
            if (!Applies(match.Gateways, match.SourceLabels, match.SourceNamespace, match.Port, port))
            {
                continue;
            }

            if (match.DestinationSubnets.Count == 0)
            {
                takesAll = true;
                break;
            }

            subnets.AddRange(match.DestinationSubnets);
        }

        if (takesAll)
        {
            chains.Add(new ChainOptions
            {
                Metadata = IstioMetadata.ForConfig(rule.Meta),
                DestinationRanges = ranges,
                TcpFilters = _filters.OutboundToRoute(tcp.Route, port, rule),
            });
            return true;
        }

        if (subnets.Count > 0)
        {
            chains.Add(new ChainOptions
            {
                DestinationRanges = subnets,
                TcpFilters = _filters.OutboundToRoute(tcp.Route, port, rule),
            });
        }

        return false;
    }

    private ChainOptions Default(MeshService service, ServicePort port, IReadOnlyList<string> ranges)
    {
        var rule = proxy.DestinationRule(push, service)?.Spec;
        var cluster = ClusterNames.Outbound(port.Number, "", service.Hostname);
        return new ChainOptions
        {
            DestinationRanges = ranges,
            TcpFilters = _filters.OutboundToCluster(cluster, "", port.Protocol, rule),
        };
    }

    // Unlike HTTP matches, gateways and labels are both asked here.
    private bool Applies(
        IReadOnlyCollection<string> gateways, IDictionary<string, string> labels, string ns, uint matchPort, ServicePort port) =>
        (gateways.Count == 0 || gateways.Contains(VirtualServiceRule.MeshGateway))
        && (matchPort == 0 || matchPort == port.Number)
        && Destinations.SourceMatches(proxy, [], labels, ns);
}
