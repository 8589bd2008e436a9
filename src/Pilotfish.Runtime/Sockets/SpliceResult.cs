using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Sockets;

/// <summary>How a transfer ended and what it moved.</summary>
public readonly record struct SpliceResult(long Bytes, SpliceEnd End, IoError Error);
