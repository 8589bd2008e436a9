using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Sockets;

/// <summary>A received datagram's size and sender, or why there is none.</summary>
public readonly record struct DatagramResult(int Bytes, NetAddress From, IoError Error);
