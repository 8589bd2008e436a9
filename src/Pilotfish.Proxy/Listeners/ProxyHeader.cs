using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Listeners;

/// <summary>A PROXY protocol header: its length, and the addresses unless the sender spoke for itself (LOCAL, UNKNOWN).</summary>
internal readonly record struct ProxyHeader(int Length, bool HasAddresses, NetAddress Source, NetAddress Destination, int Version);
