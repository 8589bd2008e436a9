using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Listener.HttpInspector.V3;
using Envoy.Extensions.Filters.Listener.OriginalDst.V3;
using Envoy.Extensions.Filters.Listener.OriginalSrc.V3;
using Envoy.Extensions.Filters.Listener.TlsInspector.V3;
using Envoy.Type.V3;
using Pilotfish.ControlPlane.Translation.Shared;

namespace Pilotfish.ControlPlane.Translation.Listeners;

/// <summary>
/// Filters that look at a connection before its chain is chosen. Inspectors wait for bytes from the client, so they are switched
/// off on ports where a server may speak first.
/// </summary>
internal static class ListenerFilters
{
    // A ClientHello usually fits; the inspector grows its buffer when it does not.
    private const uint TlsInspectorBufferBytes = 512;

    // Marks the proxy's own packets so that capture lets them pass.
    private const uint TproxyMark = 1337;

    public static ListenerFilter TlsInspector() => new()
    {
        Name = ExtensionNames.TlsInspector,
        TypedConfig = Messages.Pack(new TlsInspector { InitialReadBufferSize = TlsInspectorBufferBytes }),
    };

    public static ListenerFilter HttpInspector() => new()
    {
        Name = ExtensionNames.HttpInspector,
        TypedConfig = Messages.Pack(new HttpInspector()),
    };

    /// <summary>The filters of an inbound listener, by what its chains ask for.</summary>
    public static IEnumerable<ListenerFilter> ForInbound(IEnumerable<FilterChain> chains, bool capturing, bool tproxy)
    {
        if (capturing)
        {
            yield return new ListenerFilter
            {
                Name = ExtensionNames.OriginalDestination,
                TypedConfig = Messages.Pack(new OriginalDst()),
            };
            if (tproxy)
            {
                yield return new ListenerFilter
                {
                    Name = ExtensionNames.OriginalSource,
                    TypedConfig = Messages.Pack(new OriginalSrc { Mark = TproxyMark }),
                };
            }
        }

        var tls = new SortedDictionary<int, bool>();
        var http = new SortedDictionary<int, bool>();
        foreach (var chain in chains)
        {
            var match = chain.FilterChainMatch;
            var port = (int)(match?.DestinationPort ?? 0);
            var wantsTls = match?.TransportProtocol == InboundMatches.TlsTransport;
            var wantsHttp = match?.ApplicationProtocols.Any(static alpn => alpn is "http/1.1" or "h2c") == true;
            tls[port] = tls.GetValueOrDefault(port) || wantsTls;
            http[port] = http.GetValueOrDefault(port) || wantsHttp;
        }

        if (tls.ContainsValue(true))
        {
            var filter = TlsInspector();
            filter.FilterDisabled = tls.GetValueOrDefault(0) ? Except(tls, false) : OnlyOn(tls);
            yield return filter;
        }

        if (http.ContainsValue(true))
        {
            var filter = HttpInspector();
            filter.FilterDisabled = Except(http, false, withCatchAll: true);
            yield return filter;
        }
    }

    // Off on the listed ports.
    private static ListenerFilterChainMatchPredicate? Except(SortedDictionary<int, bool> byPort, bool value, bool withCatchAll = false)
    {
        var rules = new List<ListenerFilterChainMatchPredicate>();
        foreach (var (port, wanted) in byPort)
        {
            if ((port != 0 || withCatchAll) && wanted == value)
            {
                rules.Add(Port(port));
            }
        }

        return rules.Count switch
        {
            0 => null,
            1 => rules[0],
            _ => new ListenerFilterChainMatchPredicate
            {
                OrMatch = new ListenerFilterChainMatchPredicate.Types.MatchSet { Rules = { rules } },
            },
        };
    }

    // Off everywhere but on the listed ports.
    private static ListenerFilterChainMatchPredicate? OnlyOn(SortedDictionary<int, bool> byPort) =>
        Except(byPort, true) is { } ports ? new ListenerFilterChainMatchPredicate { NotMatch = ports } : null;

    private static ListenerFilterChainMatchPredicate Port(int port) => new()
    {
        DestinationPortRange = new Int32Range { Start = port, End = port + 1 },
    };
}
