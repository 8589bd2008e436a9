using Envoy.Config.Core.V3;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Admin;

/// <summary>Addresses as messages, for JSON answers.</summary>
internal static class AddressMessages
{
    public static Address Of(NetAddress address) => address.IsIp
        ? new Address { SocketAddress = new SocketAddress { Address = address.IpToString(), PortValue = address.Port } }
        : new Address { Pipe = new Pipe { Path = address.UnixPath } };
}
