using System.Security.Cryptography.X509Certificates;

namespace Pilotfish.Runtime.Tls;

/// <summary>
/// How a peer's certificate is judged: its chain must end in one of our own roots (never the system's store, whose loading alone
/// costs 120 ms), without looking anything up on the network; then <see cref="Check"/> has its say, for names and pins.
/// </summary>
public sealed record TlsPeerVerification
{
    private TlsVerdicts _verdicts = new();

    /// <summary>Trust anchors: roots, and intermediates that are trusted by themselves. Empty checks no chain at all.</summary>
    public required X509Certificate2Collection Roots { get; init; }

    /// <summary>
    /// Chooses the anchors by the peer's leaf instead (SPIFFE trust domains); null from it means that nobody vouches for this
    /// peer, with the text as the reason.
    /// </summary>
    public Func<X509Certificate2, (X509Certificate2Collection? Roots, string? Problem)>? RootsFor { get; init; }

    /// <summary>Null when the certificate is welcome. Runs on resumed sessions too.</summary>
    public Func<X509Certificate2, TlsRefusal?>? Check { get; init; }

    /// <summary>Accept chains that do not verify (trust_chain_verification ACCEPT_UNTRUSTED).</summary>
    public bool AcceptUntrusted { get; init; }

    /// <summary>Envoy's allow_expired_certificate.</summary>
    public bool AllowExpired { get; init; }

    /// <summary>Null asks for no revocation list; otherwise every issuer must have one.</summary>
    public RevocationLists? Revocation { get; init; }

    /// <summary>only_verify_leaf_cert_crl.</summary>
    public bool RevokesLeafOnly { get; init; }

    /// <summary>Certificates allowed between leaf and anchor; null is OpenSSL's own limit.</summary>
    public int? DepthMax { get; init; }

    /// <summary>Chains that verified. Copies that differ in <see cref="Check"/> alone share them.</summary>
    internal TlsVerdicts Verdicts => _verdicts.Serves(this) ? _verdicts : _verdicts = new TlsVerdicts(this);

    internal bool VerifiesChain => Roots.Count > 0 || RootsFor is not null;

    internal X509ChainPolicy ToPolicy() => ToPolicy(Roots);

    internal X509ChainPolicy ToPolicy(X509Certificate2Collection roots)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
            VerificationFlags = AllowExpired ? X509VerificationFlags.IgnoreNotTimeValid : X509VerificationFlags.NoFlag,
        };
        policy.CustomTrustStore.AddRange(roots);
        return policy;
    }
}
