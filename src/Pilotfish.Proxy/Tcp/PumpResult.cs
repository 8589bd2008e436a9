using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Tcp;

/// <summary>How one direction ended: no error means that the source sent everything and the destination was told.</summary>
internal readonly record struct PumpResult(IoError Error, bool SourceFailed);
