using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Drain;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Tls;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Listeners;

/// <summary>Compiles filter chains and their matches. Main loop.</summary>
internal sealed class FilterChainCompiler(CompileContext context, string listenerName, string statPrefix, Network.TrafficDirection direction)
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
            StatPrefix = statPrefix,
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
            if (terminal is not null)
            {
                throw new ConfigRejectedException($"{field}.filters[{i}].typed_config", $"filter '{chain.Filters[i].Name}' follows a terminal filter, which must be last");
            }

            bool isLast = i == chain.Filters.Count - 1;
            terminal = CompileFilter(chain.Filters[i], isLast, $"{field}.filters[{i}]", filterContext, filters);
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

        if (!System.Enum.IsDefined(match.SourceType))
        {
            throw new ConfigRejectedException(field + ".source_type", $"{(int)match.SourceType} is no known type of source");
        }

        var ports = new List<ushort>();
        foreach (uint port in match.SourcePorts)
        {
            ports.Add(Port(port, field + ".source_ports"));
        }

        return new FilterChainMatchModel
        {
            DestinationPort = match.DestinationPort is { } destination ? Port(destination, field + ".destination_port") : (ushort)0,
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

    private static ushort Port(uint port, string field) => port is > 0 and <= ushort.MaxValue
        ? (ushort)port
        : throw new ConfigRejectedException(field, $"{port} is not between 1 and {ushort.MaxValue}");

    private TerminalNetworkFilter? CompileFilter(
        Filter filter, bool isLast, string field, NetworkFilterContext filterContext, List<NetworkFilter> filters)
    {
        if (filter.ConfigDiscovery is { } discovery)
        {
            return Follow(filter.Name, discovery, isLast, field + ".config_discovery", filterContext, filters);
        }

        Any config = filter.TypedConfig ?? new();
        ExtensionConfig unwrapped = Config.ExtensionRegistry.Unwrap(config, field + ".typed_config");
        if (context.Extensions.TryFind(unwrapped.MessageName, out ITerminalNetworkFilterFactory? terminal))
        {
            return terminal.Compile(unwrapped, filterContext);
        }

        filters.Add(CompileInner(config, filter.Name, field + ".typed_config", filterContext));
        return null;
    }

    // The place tells what must arrive: the last filter is a terminal one, the others are not.
    private EcdsTerminalFilter? Follow(
        string name, ExtensionConfigSource discovery, bool isLast, string field, NetworkFilterContext filterContext, List<NetworkFilter> filters)
    {
        if (isLast)
        {
            return new EcdsTerminalFilter(EcdsExtension<TerminalNetworkFilter>.Subscribe(
                "network_filter", name, discovery, field, context, filterContext.Warming, filterContext.Owned,
                (config, at, warming) => CompileTerminal(config, name, at, filterContext.For(warming))));
        }

        filters.Add(new EcdsNetworkFilter(EcdsExtension<NetworkFilter>.Subscribe(
            "network_filter", name, discovery, field, context, filterContext.Warming, filterContext.Owned,
            (config, at, warming) => CompileInner(config, name, at, filterContext.For(warming)))));
        return null;
    }

    private TerminalNetworkFilter CompileTerminal(Any config, string name, string field, NetworkFilterContext filterContext) =>
        context.Extensions.Find<ITerminalNetworkFilterFactory>(config, name, field, out ExtensionConfig unwrapped)
            .Compile(unwrapped, filterContext);

    private NetworkFilter CompileInner(Any config, string name, string field, NetworkFilterContext filterContext) =>
        context.Extensions.Find<INetworkFilterFactory>(config, name, field, out ExtensionConfig unwrapped)
            .Compile(unwrapped, filterContext);

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

    private static List<Network.CidrRange> Ranges(IReadOnlyList<Envoy.Config.Core.V3.CidrRange> ranges, string field)
    {
        var compiled = new List<Network.CidrRange>(ranges.Count);
        for (int i = 0; i < ranges.Count; i++)
        {
            Envoy.Config.Core.V3.CidrRange range = ranges[i];
            if (!NetAddress.TryParseIp(range.AddressPrefix, 0, out NetAddress address))
            {
                throw new ConfigRejectedException($"{field}[{i}].address_prefix", $"'{range.AddressPrefix}' is not an IP address");
            }

            compiled.Add(Network.CidrRange.Create(address, (int)(range.PrefixLen ?? 0)));
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
