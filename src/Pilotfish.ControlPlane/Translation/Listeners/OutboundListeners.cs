using System.Globalization;
using Envoy.Config.Listener.V3;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Registry;
using Pilotfish.ControlPlane.Translation.Names;

namespace Pilotfish.ControlPlane.Translation.Listeners;

/// <summary>
/// Listeners of the services that a proxy sees: one per HTTP port on the wildcard, one per address and port for TCP, and their
/// merger where both claim the same key. Services come oldest first, so the oldest wins what cannot be shared.
/// </summary>
internal sealed class OutboundListeners(PushContext push, ProxyView proxy)
{
    private readonly OutboundTcpChains _tcpChains = new(push, proxy);
    private readonly Dictionary<(string Bind, int Port), OutboundListenerEntry> _entries = [];
    private readonly List<OutboundListenerEntry> _ordered = [];
    private readonly string _wildcard = proxy.Wildcards[0];

    // Without capture, sidecar listeners are real ones on the loopback address.
    private readonly bool _bindToPort = proxy.Node.Interception == InterceptionMode.None;

    public List<Listener> Build()
    {
        foreach (var service in proxy.Scope.Services)
        {
            foreach (var port in service.Ports)
            {
                if (service.Resolution != ServiceResolution.Alias && !IsReserved(port))
                {
                    AddPort(service, port);
                }
            }
        }

        return _ordered.ConvertAll(entry => entry.Build(push, proxy));
    }

    // A service must not take the port of a listener that the bootstrap owns, or of the virtual ones.
    private bool IsReserved(ServicePort port) =>
        (port.Protocol.IsHttp() || _bindToPort)
        && (proxy.Node.ReservedPorts.Contains(port.Number)
            || port.Number == push.Mesh.ProxyListenPort
            || port.Number == push.Mesh.ProxyInboundListenPort
            || (_bindToPort && proxy.Node.Unprivileged && port.Number < 1024));

    private void AddPort(MeshService service, ServicePort port)
    {
        var protocol = ListenerProtocols.Of(port.Protocol);
        if (protocol == ListenerProtocol.None)
        {
            return;
        }

        var sharesWildcard = protocol == ListenerProtocol.Http;
        if (!sharesWildcard && !_bindToPort && service.Resolution == ServiceResolution.Passthrough && service.Addresses.Count == 0)
        {
            AddPerEndpoint(service, port, protocol);
            return;
        }

        IReadOnlyList<string> binds;
        IReadOnlyList<string> ranges = [];
        if (_bindToPort)
        {
            binds = [proxy.Node.SupportsIpv4 ? "127.0.0.1" : "::1"];
        }
        else if (sharesWildcard || service.Addresses.Count == 0)
        {
            binds = proxy.Wildcards;
        }
        else if (service.Addresses[0].Contains('/', StringComparison.Ordinal))
        {
            binds = proxy.Wildcards;
            ranges = service.Addresses;
        }
        else
        {
            binds = OwnFamilies(service.Addresses);
        }

        Add(service, port, protocol, binds, ranges);
    }

    private IReadOnlyList<string> OwnFamilies(IReadOnlyList<string> addresses)
    {
        var own = addresses.Where(address => address.Contains(':', StringComparison.Ordinal) ? proxy.Node.SupportsIpv6 : proxy.Node.SupportsIpv4)
            .ToList();
        return own.Count > 0 ? own : addresses;
    }

    // Clients of a headless service dial its pods, so every pod's address is a listener; the own pod's traffic stays inside.
    private void AddPerEndpoint(MeshService service, ServicePort port, ListenerProtocol protocol)
    {
        var endpoints = push.Endpoints.Of(service.Hostname).Of(port, EmptyLabels.Instance).ToList();
        if (service.Registry == ServiceRegistryKind.External && endpoints.Count == 0 && service.Selector.Count == 0)
        {
            Add(service, port, protocol, proxy.Wildcards, []);
            return;
        }

        foreach (var endpoint in endpoints)
        {
            if (endpoint.Addresses.All(static a => System.Net.IPAddress.TryParse(a, out _))
                && !proxy.Node.Addresses.Contains(endpoint.FirstAddress))
            {
                Add(service, port, protocol, endpoint.Addresses, []);
            }
        }
    }

    private void Add(
        MeshService service, ServicePort port, ListenerProtocol protocol, IReadOnlyList<string> binds, IReadOnlyList<string> ranges)
    {
        var key = (binds[0], port.Number);
        var wildcard = binds[0] == _wildcard;
        if (!_entries.TryGetValue(key, out var current))
        {
            var entry = new OutboundListenerEntry(binds, port.Number, _bindToPort)
            {
                // An HTTP listener on the wildcard sniffs, so that TCP to the same port still finds a way.
                Protocol = protocol == ListenerProtocol.Http && wildcard ? PortProtocol.Unsupported : port.Protocol,
            };
            entry.Chains.AddRange(NewChains(service, port, protocol, binds, ranges, sniffed: protocol == ListenerProtocol.Auto || wildcard));
            _entries[key] = entry;
            _ordered.Add(entry);
            return;
        }

        if (Clashes(port.Protocol, current.Protocol))
        {
            return;
        }

        MergeInto(current, service, port, protocol, binds, ranges);
    }

    private void MergeInto(
        OutboundListenerEntry current, MeshService service, ServicePort port, ListenerProtocol protocol, IReadOnlyList<string> binds,
        IReadOnlyList<string> ranges)
    {
        switch (protocol)
        {
            case ListenerProtocol.Http when !current.Protocol.IsTcp():
                // Its routes are already served by the port's route configuration.
                return;
            case ListenerProtocol.Http:
                current.Merge([Http(service, port, protocol, binds, sniffed: binds[0] == _wildcard)]);
                current.Protocol = PortProtocol.Unsupported;
                return;
            case ListenerProtocol.Tcp:
                var wasHttp = current.Protocol.IsHttp();
                current.Merge(_tcpChains.Build(service, port, ranges, binds[0] == _wildcard));
                if (wasHttp)
                {
                    current.Protocol = PortProtocol.Unsupported;
                }

                return;
            case ListenerProtocol.Auto when current.Protocol.IsHttp():
                current.Chains.Clear();
                current.Chains.AddRange(NewChains(service, port, protocol, binds, ranges, sniffed: true));
                current.Protocol = port.Protocol;
                return;
            case ListenerProtocol.Auto when current.Protocol.IsTcp():
                current.Merge(NewChains(service, port, protocol, binds, ranges, sniffed: true));
                current.Protocol = PortProtocol.Unsupported;
                return;
            default:
                current.Merge(_tcpChains.Build(service, port, ranges, binds[0] == _wildcard));
                return;
        }
    }

    // Protocols with a filter of their own cannot share a chain with others.
    private static bool Clashes(PortProtocol incoming, PortProtocol existing) =>
        incoming != existing && (incoming is PortProtocol.Mongo or PortProtocol.MySql || existing is PortProtocol.Mongo or PortProtocol.MySql);

    private List<ChainOptions> NewChains(
        MeshService service, ServicePort port, ListenerProtocol protocol, IReadOnlyList<string> binds, IReadOnlyList<string> ranges, bool sniffed)
    {
        if (protocol == ListenerProtocol.Http)
        {
            return [Http(service, port, protocol, binds, sniffed && port.Protocol != PortProtocol.HttpProxy)];
        }

        var chains = _tcpChains.Build(service, port, ranges, binds[0] == _wildcard);
        if (protocol == ListenerProtocol.Auto)
        {
            chains.Add(Http(service, port, protocol, binds, sniffed: true));
        }

        return chains;
    }

    private ChainOptions Http(
        MeshService service, ServicePort port, ListenerProtocol protocol, IReadOnlyList<string> binds, bool sniffed)
    {
        var number = port.Number.ToString(CultureInfo.InvariantCulture);
        var alpn = push.Features.Http10 ? InboundMatches.PlainHttpWithHttp10 : InboundMatches.PlainHttp;
        return new ChainOptions
        {
            // A sniffing listener on an address serves one service; on the wildcard, all services of the port.
            RouteName = protocol == ListenerProtocol.Auto && binds[0] != _wildcard ? $"{service.Hostname}:{number}" : number,
            HttpProtocol = port.Protocol,
            ApplicationProtocols = sniffed ? alpn : [],
            Transport = sniffed ? InboundMatches.RawTransport : "",
        };
    }
}
