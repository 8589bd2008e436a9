using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Runtime.Interop;

/// <summary>What an SSL_CTX is made from.</summary>
internal sealed record SslContextSettings
{
    public required bool IsServer { get; init; }

    public required SslStreamCertificateContext? Certificate { get; init; }

    public required SslProtocols Protocols { get; init; }

    /// <summary>IANA names, most wanted first; null for the library's own.</summary>
    public required IReadOnlyCollection<string>? CipherSuites { get; init; }

    /// <summary>Key exchange groups, most wanted first; empty for the library's own.</summary>
    public required IReadOnlyList<string> Groups { get; init; }

    /// <summary>Names of signature schemes, most wanted first; empty for the library's own.</summary>
    public IReadOnlyList<string> SignatureAlgorithms { get; init; } = [];

    /// <summary>TLS 1.3 with AES-GCM only.</summary>
    public bool IsAesOnly { get; init; }

    /// <summary>A server's; a client resumes by either or not at all.</summary>
    public required TlsResumption Resumption { get; init; }

    /// <summary>How long a server lets sessions be resumed; null for the library's own.</summary>
    public uint? SessionSeconds { get; init; }

    /// <summary>How many sessions a client keeps; null for the store's own bounds.</summary>
    public int? SessionsMax { get; init; }

    /// <summary>Whether a server may ask this client to negotiate anew (TLS 1.2).</summary>
    public bool AllowRenegotiation { get; init; }

    /// <summary>Whether the order of cipher suites is the client's (TLS 1.2).</summary>
    public bool PreferClientCiphers { get; init; }

    /// <summary>Null writes no keys.</summary>
    public SessionKeyLog? KeyLog { get; init; }

    /// <summary>A server's own, most wanted first. Clients name theirs per connection.</summary>
    public IReadOnlyList<string> ApplicationProtocols { get; init; } = [];

    /// <summary>Whom a server names in its certificate request; null asks for no certificate.</summary>
    public X509Certificate2Collection? ClientAuthorities { get; init; }

    /// <summary>Null for keys of the context's own.</summary>
    public TlsTicketKeys? TicketKeys { get; init; }

    public bool RequireClientCertificate { get; init; }
}
