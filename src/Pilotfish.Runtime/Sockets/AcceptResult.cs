using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Sockets;

/// <summary>An accepted connection, or why there is none.</summary>
public readonly record struct AcceptResult(SocketStream? Stream, IoError Error);
