using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.ProxyProtocol;

/// <summary>
/// A PROXY protocol header: its length, and the addresses unless the sender spoke for itself (LOCAL, UNKNOWN, an address family
/// without ports). TLVs stand from <paramref name="TlvStart"/> to the end.
/// </summary>
internal readonly record struct ProxyHeader(int Length, int TlvStart, bool HasAddresses, NetAddress Source, NetAddress Destination);
