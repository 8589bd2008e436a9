namespace Pilotfish.Runtime.Tls;

/// <summary>What a failed handshake counts as: Envoy keeps a counter for each of these.</summary>
public enum TlsFailureKind : byte
{
    None,

    /// <summary>The peers do not understand each other: versions, ciphers, alerts, bytes that are no TLS.</summary>
    Protocol,

    /// <summary>The connection below ended. The connection's own counters tell of it.</summary>
    Transport,

    /// <summary>A client certificate is required and none came.</summary>
    NoPeerCertificate,

    /// <summary>The chain does not verify.</summary>
    Chain,

    /// <summary>No subject alternative name matches.</summary>
    Name,

    /// <summary>Neither the certificate's nor the key's hash is among those expected.</summary>
    Pin,
}
