using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.Tunnels;

/// <summary>Why a tunnel was not opened.</summary>
/// <param name="Reset">How the request ended; <see cref="StreamResetReason.RemoteConnectionFailure"/> for an answer that grants nothing.</param>
/// <param name="Status">The answer's status; 0 without one.</param>
/// <param name="TransportFailure">One clause for logs; null for none.</param>
internal readonly record struct TunnelFailure(StreamResetReason Reset, int Status, string? TransportFailure);
