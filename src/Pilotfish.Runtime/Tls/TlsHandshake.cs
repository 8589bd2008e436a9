namespace Pilotfish.Runtime.Tls;

/// <summary>
/// The outcome of a handshake: a stream, or why there is none in the form of Envoy's transport failure reasons. The inner stream
/// is closed then.
/// </summary>
public readonly record struct TlsHandshake<TStream>(TStream? Stream, string? Failure, TlsFailureKind Kind)
    where TStream : TlsStream;
