using System.Net.Security;
using System.Security.Authentication;

namespace Pilotfish.Runtime.Tls;

/// <summary>What a server answers one client with. Shared between connections and immutable.</summary>
public sealed record TlsServerChoice
{
    /// <summary>Made once per certificate with <see cref="TlsCertificates"/>; carries the resumption state.</summary>
    public required SslStreamCertificateContext Certificate { get; init; }

    /// <summary>
    /// Our application protocols, most wanted first. When the client offers others only, none is negotiated and the handshake
    /// goes on, as Envoy does.
    /// </summary>
    public IReadOnlyList<string> ApplicationProtocols { get; init; } = [];

    /// <summary>Null asks for no client certificate.</summary>
    public TlsPeerVerification? ClientVerification { get; init; }

    public bool RequireClientCertificate { get; init; }

    public SslProtocols Protocols { get; init; } = SslProtocols.Tls12 | SslProtocols.Tls13;

    public bool AllowResumption { get; init; } = true;

    /// <summary>
    /// IANA names allowed under TLS 1.2; null allows all. Checked after the handshake: telling .NET beforehand would cost a
    /// context per handshake and lose resumption.
    /// </summary>
    public IReadOnlySet<string>? CipherSuites { get; init; }
}
