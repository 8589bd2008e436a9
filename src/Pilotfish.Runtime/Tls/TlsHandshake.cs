namespace Pilotfish.Runtime.Tls;

/// <summary>
/// The outcome of a handshake: a stream, or why there is none in the form of Envoy's transport failure reasons. The inner stream
/// is closed then.
/// </summary>
public readonly record struct TlsHandshake(TlsStream? Stream, string? Failure, TlsFailureKind Kind);
