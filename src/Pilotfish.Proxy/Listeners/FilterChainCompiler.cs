using Envoy.Config.Listener.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Drain;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Tls;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Listeners;

/// <summary>Compiles filter chains and their matches. Main loop.</summary>
internal sealed class FilterChainCompiler(CompileContext context, string listenerName, TrafficDirection direction)
{
    public FilterChainModel Compile(FilterChain chain, string field, Warming warming, DrainWatcher? drain)
    {
        if (chain.Filters.Count == 0)
        {
            throw new ConfigRejectedException(field + ".filters", "a filter chain needs at least one filter");
        }

        UnheededFields.Check(UnheededFields.OfFilterChain, chain, field, $"listener '{listenerName}'", context.Warnings);
        var owned = new List<IDisposable>();
        var filterContext = new NetworkFilterContext
        {
            Config = context,
            ListenerName = listenerName,
            Direction = direction,
            Warming = warming,
            Owned = owned,
        };
        try
        {
            return Compile(chain, field, filterContext, drain, owned);
        }
        catch
        {
            // What the filters before the bad one subscribed to must not outlive the rejected listener.
            foreach (IDisposable resource in owned)
            {
                resource.Dispose();
            }

            throw;
        }
    }

    private FilterChainModel Compile(
        FilterChain chain, string field, NetworkFilterContext filterContext, DrainWatcher? drain, List<IDisposable> owned)
    {
        var filters = new List<NetworkFilter>();
        TerminalNetworkFilter? terminal = null;
        for (int i = 0; i < chain.Filters.Count; i++)
        {
            string at = $"{field}.filters[{i}].typed_config";
            if (terminal is not null)
            {
                throw new ConfigRejectedException(at, $"filter '{chain.Filters[i].Name}' follows a terminal filter, which must be last");
            }

            terminal = CompileFilter(chain.Filters[i], at, filterContext, filters);
        }

        return new FilterChainModel(context.Workers.Count, drain, owned)
        {
            Name = chain.Name,
            Content = ContentOf(chain),
            Filters = filters,
            Terminal = terminal ?? throw new ConfigRejectedException(
                field + ".filters", "the last filter must be a terminal one (HTTP connection manager or tcp_proxy)"),
            Transport = CompileTransport(chain, field, filterContext),
            HandshakeMilliseconds = ProtoValues.Milliseconds(
                chain.TransportSocketConnectTimeout, FilterChainModel.DefaultHandshakeMilliseconds),
            Metadata = ProtoValues.Metadata(chain.Metadata),
        };
    }

    public static FilterChainMatchModel CompileMatch(FilterChainMatch? match, string field)
    {
        if (match is null)
        {
            return new FilterChainMatchModel();
        }

        if (match.AddressSuffix.Length > 0 || match.SuffixLen is not null)
        {
            throw new ConfigRejectedException(field + ".address_suffix", "matching by address suffix is not implemented (nor is it in Envoy)");
        }

        var ports = new List<ushort>();
        foreach (uint port in match.SourcePorts)
        {
            ports.Add((ushort)port);
        }

        return new FilterChainMatchModel
        {
            DestinationPort = (ushort)(match.DestinationPort ?? 0),
            DestinationPrefixes = Ranges(match.PrefixRanges, field + ".prefix_ranges"),
            ServerNames = ServerNames(match.ServerNames, field + ".server_names"),
            TransportProtocol = match.TransportProtocol,
            ApplicationProtocols = [.. match.ApplicationProtocols],
            DirectSourcePrefixes = Ranges(match.DirectSourcePrefixRanges, field + ".direct_source_prefix_ranges"),
            Source = (ConnectionSource)match.SourceType,
            SourcePrefixes = Ranges(match.SourcePrefixRanges, field + ".source_prefix_ranges"),
            SourcePorts = ports,
        };
    }

    private TerminalNetworkFilter? CompileFilter(
        Filter filter, string field, NetworkFilterContext filterContext, List<NetworkFilter> filters)
    {
        if (filter.ConfigTypeCase == Filter.ConfigTypeOneofCase.ConfigDiscovery)
        {
            throw new ConfigRejectedException(field, $"network filter '{filter.Name}' asks for config_discovery, which is not supported yet");
        }

        Google.Protobuf.WellKnownTypes.Any config = filter.TypedConfig ?? new();
        ExtensionConfig unwrapped = Config.ExtensionRegistry.Unwrap(config, field);
        if (context.Extensions.TryFind(unwrapped.MessageName, out ITerminalNetworkFilterFactory? terminal))
        {
            return terminal.Compile(unwrapped, filterContext);
        }

        INetworkFilterFactory factory = context.Extensions.Find<INetworkFilterFactory>(config, filter.Name, field, out unwrapped);
        filters.Add(factory.Compile(unwrapped, filterContext));
        return null;
    }

    private DownstreamTransport? CompileTransport(FilterChain chain, string field, NetworkFilterContext filterContext)
    {
        if (chain.TransportSocket is not { } socket
            || (socket.TypedConfig is null && socket.Name == "envoy.transport_sockets.raw_buffer"))
        {
            return null;
        }

        IDownstreamTransportFactory factory = context.Extensions.Find<IDownstreamTransportFactory>(
            socket.TypedConfig ?? new(), socket.Name, field + ".transport_socket", out ExtensionConfig config);
        return factory.Compile(config, filterContext);
    }

    /// <summary>The chain without its match: a chain that is only matched differently keeps its connections.</summary>
    internal static byte[] ContentOf(FilterChain chain)
    {
        FilterChainMatch? match = chain.FilterChainMatch;
        chain.FilterChainMatch = null;
        byte[] content = chain.ToByteArray();
        chain.FilterChainMatch = match;
        return content;
    }

    private static List<CidrRange> Ranges(IReadOnlyList<Envoy.Config.Core.V3.CidrRange> ranges, string field)
    {
        var compiled = new List<CidrRange>(ranges.Count);
        for (int i = 0; i < ranges.Count; i++)
        {
            Envoy.Config.Core.V3.CidrRange range = ranges[i];
            if (!NetAddress.TryParseIp(range.AddressPrefix, 0, out NetAddress address))
            {
                throw new ConfigRejectedException($"{field}[{i}].address_prefix", $"'{range.AddressPrefix}' is not an IP address");
            }

            compiled.Add(CidrRange.Create(address, (int)(range.PrefixLen ?? 0)));
        }

        return compiled;
    }

    private static List<string> ServerNames(IReadOnlyList<string> names, string field)
    {
        var compiled = new List<string>(names.Count);
        for (int i = 0; i < names.Count; i++)
        {
            string name = names[i].ToLowerInvariant();
            bool wildcard = name.StartsWith("*.", StringComparison.Ordinal);
            string rest = wildcard ? name[1..] : name;
            if (rest.Contains('*'))
            {
                throw new ConfigRejectedException(
                    $"{field}[{i}]", $"'{names[i]}' is a partial wildcard; only a whole left-most label may be '*'");
            }

            compiled.Add(rest);
        }

        return compiled;
    }
}
