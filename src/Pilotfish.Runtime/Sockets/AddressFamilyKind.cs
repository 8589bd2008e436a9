namespace Pilotfish.Runtime.Sockets;

/// <summary>The kinds of address that a stream or datagram can have.</summary>
public enum AddressFamilyKind : byte
{
    None,
    IPv4,
    IPv6,
    Unix,
}
