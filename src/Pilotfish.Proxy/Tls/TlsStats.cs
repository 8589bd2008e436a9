using System.Security.Authentication;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Stats;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>
/// `ssl.*` of a listener or a cluster, and the secrets that handshakes missed. Any worker counts with its own cells; names of
/// versions, ciphers and curves come into being when they are first negotiated.
/// </summary>
public sealed class TlsStats
{
    private readonly StatScope _scope;
    private readonly bool _isServer;
    private volatile KeyValuePair<string, Counter>[] _negotiated = [];

    /// <param name="scope">The listener's or cluster's.</param>
    /// <param name="isServer">Which side: `server_ssl_socket_factory` or `client_ssl_socket_factory`.</param>
    internal TlsStats(StatScope scope, bool isServer)
    {
        _scope = scope;
        _isServer = isServer;
        Handshake = scope.Counter("ssl.handshake");
        ConnectionError = scope.Counter("ssl.connection_error");
        SessionReused = scope.Counter("ssl.session_reused");
        NoCertificate = scope.Counter("ssl.no_certificate");
        ClientCertificatePresented = scope.Counter("ssl.client_certificate_presented");
        FailVerifyNoCert = scope.Counter("ssl.fail_verify_no_cert");
        FailVerifyError = scope.Counter("ssl.fail_verify_error");
        FailVerifySan = scope.Counter("ssl.fail_verify_san");
        FailVerifyCertHash = scope.Counter("ssl.fail_verify_cert_hash");
        OcspStapleFailed = scope.Counter("ssl.ocsp_staple_failed");
        OcspStapleOmitted = scope.Counter("ssl.ocsp_staple_omitted");
        OcspStapleResponses = scope.Counter("ssl.ocsp_staple_responses");
        OcspStapleRequests = scope.Counter("ssl.ocsp_staple_requests");
        WasKeyUsageInvalid = scope.Counter("ssl.was_key_usage_invalid");
        SecretsNotReady = scope.Counter(isServer
            ? "server_ssl_socket_factory.downstream_context_secrets_not_ready"
            : "client_ssl_socket_factory.upstream_context_secrets_not_ready");
    }

    public Counter Handshake { get; }
    public Counter ConnectionError { get; }
    public Counter SessionReused { get; }
    public Counter NoCertificate { get; }
    public Counter ClientCertificatePresented { get; }
    public Counter FailVerifyNoCert { get; }
    public Counter FailVerifyError { get; }
    public Counter FailVerifySan { get; }
    public Counter FailVerifyCertHash { get; }
    public Counter OcspStapleFailed { get; }
    public Counter OcspStapleOmitted { get; }
    public Counter OcspStapleResponses { get; }
    public Counter OcspStapleRequests { get; }
    public Counter WasKeyUsageInvalid { get; }
    public Counter SecretsNotReady { get; }

    internal void Succeeded(StatCells cells, TlsSessionFacts facts)
    {
        cells.Add(Handshake);
        if (facts.IsResumed)
        {
            cells.Add(SessionReused);
        }

        if (facts.PeerCertificate is null)
        {
            cells.Add(NoCertificate);
        }
        else if (_isServer)
        {
            cells.Add(ClientCertificatePresented);
        }

        cells.Add(Named(facts.Protocol switch
        {
            SslProtocols.Tls13 => "ssl.versions.TLSv1.3",
            SslProtocols.Tls12 => "ssl.versions.TLSv1.2",
            _ => "ssl.versions.other",
        }));
        cells.Add(Named("ssl.ciphers." + CipherNames.OpenSsl(facts.CipherSuite)));
        if (facts.Group is { } group)
        {
            cells.Add(Named("ssl.curves." + group));
        }

        if (facts.PeerSignature is { } signature)
        {
            cells.Add(Named("ssl.sigalgs." + signature));
        }

        if (facts.IsKeyUsageInvalid)
        {
            cells.Add(WasKeyUsageInvalid);
        }

        // What trust_chain_verification ACCEPT_UNTRUSTED let pass.
        Failed(cells, facts.Waived);
    }

    /// <summary>A server chose its certificate.</summary>
    internal void Chose(StatCells cells, bool asked, StapleAction action)
    {
        if (!asked)
        {
            return;
        }

        cells.Add(OcspStapleRequests);
        cells.Add(action switch
        {
            StapleAction.Staple => OcspStapleResponses,
            StapleAction.Fail => OcspStapleFailed,
            _ => OcspStapleOmitted,
        });
    }

    internal void Failed(StatCells cells, TlsFailureKind kind)
    {
        switch (kind)
        {
            case TlsFailureKind.NoPeerCertificate:
                cells.Add(FailVerifyNoCert);
                break;
            case TlsFailureKind.Chain:
                cells.Add(FailVerifyError);
                break;
            case TlsFailureKind.Name:
                cells.Add(FailVerifySan);
                break;
            case TlsFailureKind.Pin:
                cells.Add(FailVerifyCertHash);
                break;
            case TlsFailureKind.Protocol:
                cells.Add(ConnectionError);
                break;
            default:
                // A connection that ended is counted as one.
                break;
        }
    }

    // A dozen names at the most: the peers choose among what this side offers.
    private Counter Named(string name)
    {
        KeyValuePair<string, Counter>[] known = _negotiated;
        foreach ((string key, Counter counter) in known)
        {
            if (key == name)
            {
                return counter;
            }
        }

        // Two workers may add at once; names resolve to the same cells, so what one of them forgets is found again.
        Counter made = _scope.Counter(name);
        _negotiated = [.. known, new(name, made)];
        return made;
    }
}
