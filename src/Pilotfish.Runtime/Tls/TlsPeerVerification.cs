using System.Security.Cryptography.X509Certificates;

namespace Pilotfish.Runtime.Tls;

/// <summary>
/// How a peer's certificate is judged: its chain must end in one of our own roots (never the system's store, whose loading alone
/// costs 120 ms), without looking anything up on the network; then <see cref="Check"/> has its say, for names and pins.
/// </summary>
public sealed record TlsPeerVerification
{
    public required X509Certificate2Collection Roots { get; init; }

    /// <summary>Null when the certificate is welcome, else a clause that says why not. Runs on resumed sessions too.</summary>
    public Func<X509Certificate2, string?>? Check { get; init; }

    /// <summary>Accept chains that do not verify (trust_chain_verification ACCEPT_UNTRUSTED).</summary>
    public bool AcceptUntrusted { get; init; }

    /// <summary>Envoy's allow_expired_certificate.</summary>
    public bool AllowExpired { get; init; }

    internal X509ChainPolicy ToPolicy()
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
            VerificationFlags = AllowExpired ? X509VerificationFlags.IgnoreNotTimeValid : X509VerificationFlags.NoFlag,
        };
        policy.CustomTrustStore.AddRange(Roots);
        return policy;
    }
}
