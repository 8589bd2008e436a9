namespace Pilotfish.Runtime.Tls;

/// <summary>Why a peer's certificate is not welcome: what to count, and a clause in Envoy's words.</summary>
public readonly record struct TlsRefusal(TlsFailureKind Kind, string Text);
