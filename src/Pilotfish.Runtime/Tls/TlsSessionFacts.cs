using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Pilotfish.Runtime.Tls;

/// <summary>What a finished handshake agreed upon.</summary>
public sealed class TlsSessionFacts
{
    public required SslProtocols Protocol { get; init; }

    /// <summary>The IANA name of the cipher suite, as in TLS_AES_128_GCM_SHA256.</summary>
    public required string CipherSuite { get; init; }

    /// <summary>The server name asked for by the client; null without SNI.</summary>
    public required string? ServerName { get; init; }

    /// <summary>The negotiated application protocol; null without ALPN.</summary>
    public required string? ApplicationProtocol { get; init; }

    /// <summary>The peer's leaf certificate; null when it showed none.</summary>
    public required X509Certificate2? PeerCertificate { get; init; }

    /// <summary>
    /// What the peer showed behind its leaf, as DER and in its order; none for a resumed session, whose ticket carries the leaf alone.
    /// </summary>
    public IReadOnlyList<byte[]> PeerIssuers { get; init; } = [];

    public required X509Certificate2? LocalCertificate { get; init; }

    /// <summary>Whether the peer's certificate passed validation.</summary>
    public required bool PeerCertificateValidated { get; init; }

    /// <summary>What was wrong with the peer's certificate and let pass (ACCEPT_UNTRUSTED).</summary>
    public TlsFailureKind Waived { get; init; }

    /// <summary>Whether the session was resumed rather than negotiated in full.</summary>
    public bool IsResumed { get; init; }

    /// <summary>The session's number in lower-case hexadecimal; null when it has none, and with SslStream, which does not tell it.</summary>
    public string? SessionId { get; init; }

    /// <summary>How the peer signed, as in rsa_pss_rsae_sha256 (RFC 8446 section 4.2.3); null when it did not, and with SslStream.</summary>
    public string? PeerSignature { get; init; }

    /// <summary>Whether the key usage of the server's RSA certificate forbids what it was used for. A client's.</summary>
    public bool IsKeyUsageInvalid { get; internal set; }

    /// <summary>The key exchange's group in Envoy's names (X25519, P-256); null for a resumed TLS 1.2 session or RSA key exchange.</summary>
    public string? Group { get; init; }
}
