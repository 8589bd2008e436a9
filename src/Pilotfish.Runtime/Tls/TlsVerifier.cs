using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Pilotfish.Runtime.Tls;

/// <summary>Judges one handshake's peer certificate and remembers the verdict in words.</summary>
internal sealed class TlsVerifier
{
    private readonly TlsPeerVerification? _verification;
    private readonly bool _required;
    private readonly bool _isServer;

    internal TlsVerifier(TlsPeerVerification? verification, bool required, bool isServer)
    {
        _verification = verification;
        _required = required;
        _isServer = isServer;
        Callback = Verify;
    }

    internal RemoteCertificateValidationCallback Callback { get; }

    /// <summary>Whether a peer without a certificate is refused.</summary>
    internal bool IsRequired => _verification is not null && _required;

    internal TlsRefusal? Refusal { get; private set; }

    /// <summary>What ACCEPT_UNTRUSTED let pass.</summary>
    internal TlsFailureKind Waived { get; private set; }

    internal bool IsValidated { get; private set; }

    /// <summary>What the peer showed behind its leaf, where SslStream asked for the verdict.</summary>
    internal IReadOnlyList<byte[]> ShownIssuers { get; private set; } = [];

    private bool Verify(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (chain is { ChainPolicy.ExtraStore: { Count: > 0 } shown })
        {
            List<byte[]> issuers = [];
            foreach (X509Certificate2 issuer in shown)
            {
                issuers.Add(issuer.RawData);
            }

            ShownIssuers = PeerIssuers.Of(issuers);
        }

        if (_verification is null)
        {
            return true;
        }

        if (certificate is not X509Certificate2 peer)
        {
            Refusal = _required
                ? new TlsRefusal(TlsFailureKind.NoPeerCertificate, TlsFailureText.NoCertificateClause)
                : null;
            return !_required;
        }

        return Judge(peer, _verification.VerifiesChain ? ChainProblem(peer, chain) : null);
    }

    /// <summary>
    /// Judges a peer by the certificates that it showed, on its loop. Chains that verified before, against the same anchors, are not
    /// built again until one of their certificates or lists runs out. Throws what .NET throws at certificates that it cannot read.
    /// </summary>
    internal bool Verify(X509Certificate2 peer, IReadOnlyList<byte[]> issuers, DateTimeOffset now)
    {
        if (_verification is null)
        {
            return true;
        }

        TlsVerdicts verdicts = _verification.Verdicts;
        return Judge(peer, !_verification.VerifiesChain || verdicts.IsGood(peer, _isServer, now) ? null : ChainProblem(peer, issuers, verdicts));
    }

    // The name is not the chain's business: mesh certificates carry SPIFFE URIs, which Check compares.
    private bool Judge(X509Certificate2 peer, string? chainProblem)
    {
        if (chainProblem is not null && !_verification!.AcceptUntrusted)
        {
            Refusal = new TlsRefusal(TlsFailureKind.Chain, "verify cert failed: " + chainProblem);
            return false;
        }

        TlsRefusal? refusal = _verification!.Check?.Invoke(peer);
        IsValidated = refusal is null && chainProblem is null && (_verification.VerifiesChain || _verification.Check is not null);
        Refusal = _verification.AcceptUntrusted ? null : refusal;
        Waived = chainProblem is not null ? TlsFailureKind.Chain : Refusal is null && refusal is { Kind: var kind } ? kind : TlsFailureKind.None;
        return Refusal is null;
    }

    private string? ChainProblem(X509Certificate2 peer, IReadOnlyList<byte[]> issuers, TlsVerdicts verdicts)
    {
        X509Certificate2Collection? roots = _verification!.Roots;
        if (_verification.RootsFor is { } rootsFor)
        {
            (roots, string? problem) = rootsFor(peer);
            if (roots is null)
            {
                return problem;
            }
        }

        using X509Chain chain = NewChain(roots);
        var shown = new X509Certificate2Collection();
        foreach (byte[] issuer in issuers)
        {
            shown.Add(X509CertificateLoader.LoadCertificate(issuer));
        }

        chain.ChainPolicy.ExtraStore.AddRange(shown);
        // A resumed session of a client comes without them.
        chain.ChainPolicy.ExtraStore.AddRange(verdicts.Issuers);
        chain.Build(peer);
        string? chainProblem = TlsChainText.Problem(chain, _verification, roots);
        if (chainProblem is null)
        {
            verdicts.Add(peer, _isServer, TlsChainText.GoodUntil(chain, _verification, roots), shown);
        }

        return chainProblem;
    }

    private string? ChainProblem(X509Certificate2 peer, X509Chain? built)
    {
        if (_verification!.RootsFor is null)
        {
            return TlsChainText.Problem(built, _verification, _verification.Roots);
        }

        (X509Certificate2Collection? roots, string? problem) = _verification.RootsFor(peer);
        if (roots is null)
        {
            return problem;
        }

        // Anchors of other trust domains must not take part in path building, so the chain that .NET built does not count.
        using X509Chain chain = NewChain(roots);
        if (built is not null)
        {
            chain.ChainPolicy.ExtraStore.AddRange(built.ChainPolicy.ExtraStore);
        }

        chain.Build(peer);
        return TlsChainText.Problem(chain, _verification, roots);
    }

    private X509Chain NewChain(X509Certificate2Collection roots)
    {
        var chain = new X509Chain { ChainPolicy = _verification!.ToPolicy(roots) };
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(_isServer ? "1.3.6.1.5.5.7.3.2" : "1.3.6.1.5.5.7.3.1"));
        return chain;
    }
}
