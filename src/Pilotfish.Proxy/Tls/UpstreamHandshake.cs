using Pilotfish.Proxy.Clusters;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Tls;

/// <summary>The stream above a finished handshake, or why there is none.</summary>
public readonly record struct UpstreamHandshake(IByteStream? Stream, UpstreamConnectFailure Failure, string? TransportFailure);
