using System.Net.Security;
using System.Security.Authentication;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.Runtime.Tls;

/// <summary>What a server answers one client with. Shared between connections and immutable.</summary>
public sealed record TlsServerChoice
{
    private SslContext? _context;

    public TlsServerChoice()
    {
    }

    // A copy differs in something, so it has a context of its own.
    [System.Diagnostics.CodeAnalysis.SetsRequiredMembers]
    private TlsServerChoice(TlsServerChoice other)
    {
        Certificate = other.Certificate;
        ApplicationProtocols = other.ApplicationProtocols;
        ClientVerification = other.ClientVerification;
        RequireClientCertificate = other.RequireClientCertificate;
        Protocols = other.Protocols;
        Resumption = other.Resumption;
        SessionSeconds = other.SessionSeconds;
        PreferClientCiphers = other.PreferClientCiphers;
        IsAesOnly = other.IsAesOnly;
        Staple = other.Staple;
        KeyLog = other.KeyLog;
        CipherSuites = other.CipherSuites;
        Groups = other.Groups;
        SignatureAlgorithms = other.SignatureAlgorithms;
        TicketKeys = other.TicketKeys;
    }

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

    /// <summary>SslStream knows tickets or nothing.</summary>
    public TlsResumption Resumption { get; init; } = TlsResumption.All;

    /// <summary>How long sessions may be resumed; null for the library's own time. SslStream has its own always.</summary>
    public uint? SessionSeconds { get; init; }

    /// <summary>Whether the order of cipher suites is the client's under TLS 1.2. SslStream cannot.</summary>
    public bool PreferClientCiphers { get; init; }

    /// <summary>TLS 1.3 with AES-GCM only. SslStream cannot.</summary>
    public bool IsAesOnly { get; init; }

    /// <summary>Stapled while it is valid, for clients that ask. SslStream cannot.</summary>
    public OcspStaple? Staple { get; init; }

    /// <summary>Null writes no keys. SslStream cannot.</summary>
    public SessionKeyLog? KeyLog { get; init; }

    /// <summary>
    /// IANA names allowed under TLS 1.2, most wanted first; null allows the engine's own. SslStream checks them after the handshake:
    /// telling .NET beforehand would cost a context per handshake and lose resumption.
    /// </summary>
    public IReadOnlyCollection<string>? CipherSuites { get; init; }

    /// <summary>Key exchange groups in Envoy's names, most wanted first; empty leaves them to the library. SslStream cannot narrow them.</summary>
    public IReadOnlyList<string> Groups { get; init; } = [];

    /// <summary>
    /// Names of RFC 8446 section 4.2.3, most wanted first: what this side takes from its peer. Empty leaves them to the library; SslStream
    /// cannot narrow them.
    /// </summary>
    public IReadOnlyList<string> SignatureAlgorithms { get; init; } = [];

    /// <summary>Null for keys of this choice's own. SslStream always has its own.</summary>
    public TlsTicketKeys? TicketKeys { get; init; }

    /// <summary>
    /// libssl's context, made at the first handshake. Throws <see cref="System.Security.Cryptography.CryptographicException"/> when the
    /// library refuses certificate, key or suites.
    /// </summary>
    internal SslContext Context
    {
        get
        {
            if (_context is { } known)
            {
                return known;
            }

            var made = SslContext.Create(ToSettings());
            if (Interlocked.CompareExchange(ref _context, made, null) is not { } earlier)
            {
                return made;
            }

            // Another worker was first, and its ticket keys are in use.
            made.Dispose();
            return earlier;
        }
    }

    /// <summary>
    /// Frees libssl's context when this choice will not be made again; sessions that use it keep it as long as they live. A handshake
    /// that still comes makes another one.
    /// </summary>
    public void Retire() => Interlocked.Exchange(ref _context, null)?.Dispose();

    private SslContextSettings ToSettings() => new()
    {
        IsServer = true,
        Certificate = Certificate,
        Protocols = Protocols,
        CipherSuites = CipherSuites,
        Groups = Groups,
        SignatureAlgorithms = SignatureAlgorithms,
        TicketKeys = TicketKeys,
        Resumption = Resumption,
        SessionSeconds = SessionSeconds,
        PreferClientCiphers = PreferClientCiphers,
        IsAesOnly = IsAesOnly,
        KeyLog = KeyLog,
        ApplicationProtocols = ApplicationProtocols,
        ClientAuthorities = ClientVerification?.Roots,
        RequireClientCertificate = RequireClientCertificate,
    };
}
