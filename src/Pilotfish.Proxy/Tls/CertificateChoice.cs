namespace Pilotfish.Proxy.Tls;

/// <summary>What answers a client.</summary>
/// <param name="Identity">Null while no secret has come.</param>
/// <param name="Action">Of the certificate's OCSP response.</param>
/// <param name="IsNamed">Whether the certificate has the name that the client asked for.</param>
internal readonly record struct CertificateChoice(TlsIdentity? Identity, StapleAction Action, bool IsNamed);
