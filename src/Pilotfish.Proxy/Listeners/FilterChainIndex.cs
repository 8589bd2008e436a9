using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Listeners;

/// <summary>
/// Finds the filter chain in Envoy's order: destination port, destination prefix, server name, transport protocol, application
/// protocols, direct source prefix, source type, source prefix, source port. Each step takes the most specific entry and never
/// goes back, so the cost of a lookup does not grow with the number of chains. Immutable once built.
/// </summary>
internal sealed class FilterChainIndex : IFilterChainMatcher
{
    private readonly Dictionary<ushort, PrefixTable<Names>> _ports = [];

    /// <summary>Adds a chain; two chains with one match are rejected by the first value at fault.</summary>
    public void Add(FilterChainMatchModel match, FilterChainModel chain, string field)
    {
        PrefixTable<Names> destinations = GetOrAdd(_ports, match.DestinationPort);
        foreach (Names names in Each(destinations, match.DestinationPrefixes))
        {
            foreach (string name in OrAny(match.ServerNames))
            {
                Dictionary<string, PrefixTable<Sources>> protocols =
                    GetOrAdd(GetOrAdd(names.ByName, name).ByTransport, match.TransportProtocol);
                foreach (string protocol in OrAny(match.ApplicationProtocols))
                {
                    AddSources(GetOrAdd(protocols, protocol), match, chain, field);
                }
            }
        }
    }

    public FilterChainModel? Find(ConnectionInfo connection)
    {
        NetAddress local = connection.LocalAddress;
        if (!(local.IsIp && _ports.TryGetValue(local.Port, out PrefixTable<Names>? destinations))
            && !_ports.TryGetValue(0, out destinations))
        {
            return null;
        }

        Transports? transports = destinations.Find(local)?.Find(connection.RequestedServerName);
        if (transports is null)
        {
            return null;
        }

        Dictionary<string, PrefixTable<Sources>>? protocols = FindOrAny(transports.ByTransport, connection.TransportProtocol ?? "");
        PrefixTable<Sources>? direct = protocols is null ? null : FindProtocol(protocols, connection.ApplicationProtocols);
        return direct?.Find(connection.DirectRemoteAddress)?.Find(connection);
    }

    public FilterChainModel? Find(ConnectionInfo connection, FilterChainModel? otherwise) => Find(connection) ?? otherwise;

    /// <summary>Whether client and server have one address, or the client is on this machine.</summary>
    internal static bool IsLocal(ConnectionInfo connection)
    {
        NetAddress remote = connection.RemoteAddress.Unmap();
        NetAddress local = connection.LocalAddress.Unmap();
        return remote.IsLoopback || (remote.Kind == local.Kind && remote.IpBits == local.IpBits);
    }

    private static void AddSources(PrefixTable<Sources> direct, FilterChainMatchModel match, FilterChainModel chain, string field)
    {
        foreach (Sources sources in Each(direct, match.DirectSourcePrefixes))
        {
            PrefixTable<Ports> prefixes = sources.ByType[(int)match.Source] ??= new PrefixTable<Ports>();
            foreach (Ports ports in Each(prefixes, match.SourcePrefixes))
            {
                IReadOnlyList<ushort> values = match.SourcePorts.Count == 0 ? [0] : match.SourcePorts;
                foreach (ushort port in values)
                {
                    if (!ports.ByPort.TryAdd(port, chain))
                    {
                        throw new ConfigRejectedException(
                            field, $"filter chain '{chain.Name}' has the same match as filter chain '{ports.ByPort[port].Name}'");
                    }
                }
            }
        }
    }

    private static IEnumerable<T> Each<T>(PrefixTable<T> table, IReadOnlyList<CidrRange> prefixes)
        where T : class, new()
    {
        if (prefixes.Count == 0)
        {
            yield return table.Any ??= new T();
        }

        foreach (CidrRange prefix in prefixes)
        {
            if (!table.TryGetExact(prefix, out T? value))
            {
                table.Add(prefix, value = new T());
            }

            yield return value!;
        }
    }

    private static IReadOnlyList<string> OrAny(IReadOnlyList<string> values) => values.Count == 0 ? [""] : values;

    private static PrefixTable<Sources>? FindProtocol(
        Dictionary<string, PrefixTable<Sources>> protocols, IReadOnlyList<string> offered)
    {
        for (int i = 0; i < offered.Count; i++)
        {
            if (protocols.TryGetValue(offered[i], out PrefixTable<Sources>? found))
            {
                return found;
            }
        }

        return protocols.GetValueOrDefault("");
    }

    private static T? FindOrAny<T>(Dictionary<string, T> values, string key)
        where T : class =>
        values.TryGetValue(key, out T? found) ? found : values.GetValueOrDefault("");

    private static TValue GetOrAdd<TKey, TValue>(Dictionary<TKey, TValue> values, TKey key)
        where TKey : notnull
        where TValue : new()
    {
        if (!values.TryGetValue(key, out TValue? value))
        {
            values.Add(key, value = new TValue());
        }

        return value;
    }

    private sealed class Names
    {
        public Dictionary<string, Transports> ByName { get; } = [];

        public Transports? Find(string? serverName)
        {
            if (string.IsNullOrEmpty(serverName))
            {
                return ByName.GetValueOrDefault("");
            }

            if (ByName.TryGetValue(serverName, out Transports? found))
            {
                return found;
            }

            Dictionary<string, Transports>.AlternateLookup<ReadOnlySpan<char>> lookup =
                ByName.GetAlternateLookup<ReadOnlySpan<char>>();
            for (int dot = serverName.IndexOf('.', 1); dot > 0 && dot < serverName.Length - 1; dot = serverName.IndexOf('.', dot + 1))
            {
                if (lookup.TryGetValue(serverName.AsSpan(dot), out found))
                {
                    return found;
                }
            }

            return ByName.GetValueOrDefault("");
        }
    }

    private sealed class Transports
    {
        public Dictionary<string, Dictionary<string, PrefixTable<Sources>>> ByTransport { get; } = [];
    }

    private sealed class Sources
    {
        public PrefixTable<Ports>?[] ByType { get; } = new PrefixTable<Ports>?[3];

        public FilterChainModel? Find(ConnectionInfo connection)
        {
            PrefixTable<Ports>? prefixes = ByType[(int)ConnectionSource.Any];
            if (ByType[(int)ConnectionSource.SameIpOrLoopback] is not null || ByType[(int)ConnectionSource.External] is not null)
            {
                prefixes = ByType[(int)(IsLocal(connection) ? ConnectionSource.SameIpOrLoopback : ConnectionSource.External)] ?? prefixes;
            }

            Ports? ports = prefixes?.Find(connection.RemoteAddress);
            if (ports is null)
            {
                return null;
            }

            return ports.ByPort.TryGetValue(connection.RemoteAddress.Port, out FilterChainModel? chain)
                ? chain
                : ports.ByPort.GetValueOrDefault((ushort)0);
        }
    }

    private sealed class Ports
    {
        public Dictionary<ushort, FilterChainModel> ByPort { get; } = [];
    }
}
