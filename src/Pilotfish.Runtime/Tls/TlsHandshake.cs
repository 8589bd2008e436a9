namespace Pilotfish.Runtime.Tls;

/// <summary>The outcome of a handshake: a stream, or one sentence that says why there is none. The inner stream is closed then.</summary>
public readonly record struct TlsHandshake<TStream>(TStream? Stream, string? Failure)
    where TStream : TlsStream;
