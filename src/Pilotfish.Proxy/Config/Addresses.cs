using Envoy.Config.Core.V3;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Config;

/// <summary>Reads core.v3.Address where it must be an address of this machine: an IP with port, or a Unix socket.</summary>
internal static class Addresses
{
    public static NetAddress Parse(Address address, string field)
    {
        switch (address.AddressCase)
        {
            case Address.AddressOneofCase.Pipe:
                return NetAddress.Unix(address.Pipe.Path);
            case Address.AddressOneofCase.SocketAddress:
                uint port = address.SocketAddress.PortValue;
                if (port > ushort.MaxValue)
                {
                    throw new ConfigRejectedException($"{field}.socket_address.port_value", $"{port} is not a port; the largest is 65535");
                }

                return NetAddress.TryParseIp(address.SocketAddress.Address, (ushort)port, out NetAddress parsed)
                    ? parsed
                    : throw new ConfigRejectedException(
                        $"{field}.socket_address.address", $"'{address.SocketAddress.Address}' is not an IP address");
            default:
                throw new ConfigRejectedException(field, "it is neither a socket_address nor a pipe");
        }
    }
}
