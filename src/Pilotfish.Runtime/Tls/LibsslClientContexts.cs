using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.Runtime.Tls;

/// <summary>
/// The client contexts of each certificate: every cluster of a mesh shows the same one, and what differs between clusters (name,
/// protocols, how the server is judged) belongs to a connection. They go with the certificate. Any thread.
/// </summary>
internal sealed class LibsslClientContexts
{
    private static readonly ConditionalWeakTable<SslStreamCertificateContext, LibsslClientContexts> s_byCertificate = [];
    private static readonly LibsslClientContexts s_anonymous = new();

    /// <summary>Sets of TLS parameters among the clusters: one or two in practice. Beyond it the oldest is forgotten.</summary>
    private const int ContextsMax = 16;

    private volatile KeyValuePair<Parameters, SslContext>[] _contexts = [];

    /// <summary>Throws <see cref="System.Security.Cryptography.CryptographicException"/> when libssl refuses key or parameters.</summary>
    internal static SslContext Of(TlsClientOptions options)
    {
        LibsslClientContexts contexts = options.Certificate is { } certificate
            ? s_byCertificate.GetValue(certificate, static _ => new LibsslClientContexts())
            : s_anonymous;
        return contexts.Get(options);
    }

    private SslContext Get(TlsClientOptions options)
    {
        var wanted = new Parameters(
            options.Protocols, options.CipherSuites is null ? null : string.Join(':', options.CipherSuites),
            string.Join(':', options.Groups), string.Join(':', options.SignatureAlgorithms), options.AllowResumption,
            options.SessionsMax, options.SessionScope, options.AllowRenegotiation, options.IsAesOnly, options.KeyLog);
        foreach ((Parameters parameters, SslContext context) in _contexts)
        {
            if (parameters == wanted)
            {
                return context;
            }
        }

        SslContext made = SslContext.Create(new SslContextSettings
        {
            IsServer = false,
            Certificate = options.Certificate,
            Protocols = options.Protocols,
            CipherSuites = options.CipherSuites,
            Groups = options.Groups,
            SignatureAlgorithms = options.SignatureAlgorithms,
            Resumption = options.AllowResumption ? TlsResumption.All : TlsResumption.None,
            SessionsMax = options.SessionsMax,
            AllowRenegotiation = options.AllowRenegotiation,
            IsAesOnly = options.IsAesOnly,
            KeyLog = options.KeyLog,
        });

        // Two workers may make one at once; the one that is lost serves its handshake and is then collected.
        KeyValuePair<Parameters, SslContext>[] known = _contexts;
        _contexts = [.. known[(known.Length < ContextsMax ? 0 : 1)..], new(wanted, made)];
        return made;
    }

    private readonly record struct Parameters(
        SslProtocols Protocols, string? CipherSuites, string Groups, string SignatureAlgorithms, bool AllowResumption,
        int? SessionsMax, object? SessionScope, bool AllowRenegotiation, bool IsAesOnly, SessionKeyLog? KeyLog);
}
