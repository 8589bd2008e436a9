namespace Pilotfish.Runtime.Sockets;

/// <summary>A socket option given by number, as configuration may ask for. An empty value means the integer.</summary>
public readonly record struct RawSocketOption(int Level, int Name, int Number, ReadOnlyMemory<byte> Bytes = default);
