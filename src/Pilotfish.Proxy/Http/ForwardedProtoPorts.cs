using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.Collections;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Http;

/// <summary>
/// forward_proto_config: what the client spoke, told by the port that it meant, for proxies behind a balancer that ends TLS and passes the
/// destination on (PROXY protocol). Immutable.
/// </summary>
public sealed class ForwardedProtoPorts
{
    private readonly ushort[] _https;
    private readonly ushort[] _http;

    private ForwardedProtoPorts(ushort[] https, ushort[] http)
    {
        _https = https;
        _http = http;
    }

    /// <summary>Null for no config; ports above 65535 are refused by field.</summary>
    public static ForwardedProtoPorts? Compile(ForwardProtoConfig? config, string field) => config is null
        ? null
        : new ForwardedProtoPorts(
            Ports(config.HttpsDestinationPorts, $"{field}.https_destination_ports"),
            Ports(config.HttpDestinationPorts, $"{field}.http_destination_ports"));

    /// <summary>Empty when the connection's destination was not restored or its port says nothing.</summary>
    public ReadOnlySpan<byte> Of(ConnectionInfo connection)
    {
        if (!connection.LocalAddressRestored)
        {
            return default;
        }

        ushort port = connection.LocalAddress.Port;
        return _https.AsSpan().Contains(port) ? "https"u8 : _http.AsSpan().Contains(port) ? "http"u8 : default;
    }

    private static ushort[] Ports(RepeatedField<uint> ports, string field)
    {
        var compiled = new ushort[ports.Count];
        for (int i = 0; i < compiled.Length; i++)
        {
            compiled[i] = ports[i] is > 0 and <= ushort.MaxValue
                ? (ushort)ports[i]
                : throw new ConfigRejectedException($"{field}[{i}]", $"{ports[i]} is not between 1 and {ushort.MaxValue}");
        }

        return compiled;
    }
}
