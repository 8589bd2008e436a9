using System.Net.Security;
using System.Security.Authentication;

namespace Pilotfish.Runtime.Tls;

/// <summary>How a client shakes hands. Shared between connections and immutable.</summary>
public sealed record TlsClientOptions
{
    /// <summary>Sent as SNI; empty sends none.</summary>
    public string ServerName { get; init; } = "";

    public IReadOnlyList<string> ApplicationProtocols { get; init; } = [];

    /// <summary>Shown when the server asks for one.</summary>
    public SslStreamCertificateContext? Certificate { get; init; }

    /// <summary>Null accepts every server, as Envoy does without a validation context.</summary>
    public TlsPeerVerification? ServerVerification { get; init; }

    public SslProtocols Protocols { get; init; } = SslProtocols.Tls12 | SslProtocols.Tls13;

    public bool AllowResumption { get; init; } = true;

    /// <summary>
    /// Bounds the sessions that are kept for <see cref="SessionScope"/>, which must then be given; null keeps the newest of each peer in
    /// bounds of the library's. SslStream keeps its own.
    /// </summary>
    public int? SessionsMax { get; init; }

    /// <summary>Whose sessions these are: clients with equal ones share them.</summary>
    public object? SessionScope { get; init; }

    /// <summary>Whether the server may ask to negotiate anew under TLS 1.2 (RFC 5246 section 7.4.1.1): insecure, and off by default. SslStream cannot.</summary>
    public bool AllowRenegotiation { get; init; }

    /// <summary>Refuses a server whose RSA certificate's key usage does not fit; else that is only told.</summary>
    public bool EnforceRsaKeyUsage { get; init; }

    /// <summary>TLS 1.3 with AES-GCM only. SslStream cannot.</summary>
    public bool IsAesOnly { get; init; }

    /// <summary>Null writes no keys. SslStream cannot.</summary>
    public SessionKeyLog? KeyLog { get; init; }

    /// <summary>IANA names allowed under TLS 1.2, most wanted first; null allows the engine's own. SslStream checks them after the handshake.</summary>
    public IReadOnlyCollection<string>? CipherSuites { get; init; }

    /// <summary>Key exchange groups in Envoy's names, most wanted first; empty leaves them to the library. SslStream cannot narrow them.</summary>
    public IReadOnlyList<string> Groups { get; init; } = [];

    /// <summary>
    /// Names of RFC 8446 section 4.2.3, most wanted first: what this side takes from its peer. Empty leaves them to the library; SslStream
    /// cannot narrow them.
    /// </summary>
    public IReadOnlyList<string> SignatureAlgorithms { get; init; } = [];
}
