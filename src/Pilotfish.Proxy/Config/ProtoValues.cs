using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Config;

/// <summary>Values of common messages as the data plane's own types; bad ones are rejected with the field's path.</summary>
internal static class ProtoValues
{
    /// <summary>A duration in milliseconds, rounded up so that a positive one never becomes "none".</summary>
    public static long Milliseconds(Duration? duration, long whenAbsent)
    {
        if (duration is null)
        {
            return whenAbsent;
        }

        // 292 million years do not fit the loop's clock; a day count beyond a century is the same to a timer.
        const long SecondsMax = 100L * 366 * 24 * 3600;
        long seconds = Math.Clamp(duration.Seconds, 0, SecondsMax);
        return (seconds * 1000) + ((Math.Max(0, duration.Nanos) + 999_999) / 1_000_000);
    }

    public static NetAddress Address(Address? address, string field)
    {
        switch (address?.AddressCase)
        {
            case Envoy.Config.Core.V3.Address.AddressOneofCase.SocketAddress:
                return SocketAddress(address.SocketAddress, field + ".socket_address");
            case Envoy.Config.Core.V3.Address.AddressOneofCase.Pipe:
                return NetAddress.Unix(address.Pipe.Path);
            case Envoy.Config.Core.V3.Address.AddressOneofCase.EnvoyInternalAddress:
                throw new ConfigRejectedException(field, "internal addresses (envoy_internal_address) are not supported yet");
            default:
                throw new ConfigRejectedException(field, "the address is missing");
        }
    }

    public static NetAddress SocketAddress(SocketAddress address, string field)
    {
        if (address.Protocol != Envoy.Config.Core.V3.SocketAddress.Types.Protocol.Tcp)
        {
            throw new ConfigRejectedException(field + ".protocol", "UDP is not supported here");
        }

        if (address.NamedPort.Length > 0 || address.ResolverName.Length > 0 || address.NetworkNamespaceFilepath.Length > 0)
        {
            throw new ConfigRejectedException(field, "named_port, resolver_name and network_namespace_filepath are not available in Pilotfish");
        }

        return NetAddress.TryParseIp(address.Address, Port(address, field), out NetAddress parsed)
            ? parsed
            : throw new ConfigRejectedException(field + ".address", $"'{address.Address}' is not an IP address");
    }

    public static ushort Port(SocketAddress address, string field) => address.PortValue <= ushort.MaxValue
        ? (ushort)address.PortValue
        : throw new ConfigRejectedException(field + ".port_value", $"{address.PortValue} is above 65535");

    public static DynamicMetadata? Metadata(Metadata? metadata)
    {
        if (metadata is null || metadata.FilterMetadata.Count == 0)
        {
            return null;
        }

        var values = new DynamicMetadata();
        foreach ((string name, Struct fields) in metadata.FilterMetadata)
        {
            values.Set(name, MetadataValue.Of(fields));
        }

        return values;
    }

    /// <summary>Null for none, which a number of 0 asks for, too.</summary>
    public static KeepAliveOptions? KeepAlive(TcpKeepalive? keepAlive) =>
        keepAlive is null or { KeepaliveTime: 0 } or { KeepaliveInterval: 0 } or { KeepaliveProbes: 0 }
            ? null
            : new KeepAliveOptions
            {
                IdleSeconds = (int)(keepAlive.KeepaliveTime ?? 0),
                IntervalSeconds = (int)(keepAlive.KeepaliveInterval ?? 0),
                Probes = (int)(keepAlive.KeepaliveProbes ?? 0),
            };

    /// <summary>What concerns stream sockets.</summary>
    public static List<RawSocketOption> SocketOptions(IReadOnlyList<SocketOption> options, string field)
    {
        var raw = new List<RawSocketOption>(options.Count);
        for (int i = 0; i < options.Count; i++)
        {
            SocketOption option = options[i];
            if (option.Type is not { Stream: null, Datagram: not null })
            {
                raw.Add(SocketOption(option, $"{field}[{i}]"));
            }
        }

        return raw;
    }

    private static RawSocketOption SocketOption(SocketOption option, string field)
    {
        RawSocketOption raw = option.ValueCase switch
        {
            Envoy.Config.Core.V3.SocketOption.ValueOneofCase.BufValue => new RawSocketOption((int)option.Level, (int)option.Name, 0, option.BufValue.Memory),
            Envoy.Config.Core.V3.SocketOption.ValueOneofCase.IntValue => new RawSocketOption((int)option.Level, (int)option.Name, (int)option.IntValue),
            _ => throw new ConfigRejectedException(field, "neither int_value nor buf_value is set"),
        };
        return raw with
        {
            State = option.State switch
            {
                Envoy.Config.Core.V3.SocketOption.Types.SocketState.StatePrebind => SocketOptionState.PreBind,
                Envoy.Config.Core.V3.SocketOption.Types.SocketState.StateBound => SocketOptionState.Bound,
                Envoy.Config.Core.V3.SocketOption.Types.SocketState.StateListening => SocketOptionState.Listening,
                _ => throw new ConfigRejectedException(field + ".state", $"{(int)option.State} is no state of a socket"),
            },
            Family = option.IpVersion switch
            {
                Envoy.Config.Core.V3.SocketOption.Types.SocketIpVersion.Unspecified => null,
                Envoy.Config.Core.V3.SocketOption.Types.SocketIpVersion.Ipv4 => AddressFamilyKind.IPv4,
                Envoy.Config.Core.V3.SocketOption.Types.SocketIpVersion.Ipv6 => AddressFamilyKind.IPv6,
                _ => throw new ConfigRejectedException(field + ".ip_version", $"{(int)option.IpVersion} is no version of IP"),
            },
        };
    }
}
