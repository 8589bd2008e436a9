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

    public required bool AllowResumption { get; init; }

    /// <summary>A server's own, most wanted first. Clients name theirs per connection.</summary>
    public IReadOnlyList<string> ApplicationProtocols { get; init; } = [];

    /// <summary>Whom a server names in its certificate request; null asks for no certificate.</summary>
    public X509Certificate2Collection? ClientAuthorities { get; init; }

    /// <summary>Null for keys of the context's own.</summary>
    public TlsTicketKeys? TicketKeys { get; init; }

    public bool RequireClientCertificate { get; init; }
}
