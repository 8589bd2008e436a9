using System.Net.Security;
using System.Security.Authentication;
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

    internal TlsRefusal? Refusal { get; private set; }

    internal bool IsValidated { get; private set; }

    /// <summary>TLS 1.3 suites are not configurable, in Envoy neither.</summary>
    internal static string? CheckCipher(SslStream ssl, IReadOnlySet<string>? allowed)
    {
        return allowed is null || ssl.SslProtocol == SslProtocols.Tls13 || allowed.Contains(ssl.NegotiatedCipherSuite.ToString())
            ? null
            : TlsFailureText.Of(TlsFailureText.NoSharedCipher);
    }

    private bool Verify(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (_verification is null)
        {
            return true;
        }

        if (certificate is not X509Certificate2 peer)
        {
            Refusal = _required
                ? new TlsRefusal(TlsFailureKind.NoPeerCertificate, "peer did not provide required client certificate")
                : null;
            return !_required;
        }

        // The name is not .NET's business: mesh certificates carry SPIFFE URIs, which Check compares.
        string? chainProblem = _verification.VerifiesChain ? ChainProblem(peer, chain) : null;
        if (chainProblem is not null && !_verification.AcceptUntrusted)
        {
            Refusal = new TlsRefusal(TlsFailureKind.Chain, "verify cert failed: " + chainProblem);
            return false;
        }

        TlsRefusal? refusal = _verification.Check?.Invoke(peer);
        IsValidated = refusal is null && chainProblem is null && (_verification.VerifiesChain || _verification.Check is not null);
        Refusal = _verification.AcceptUntrusted ? null : refusal;
        return Refusal is null;
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
        using var chain = new X509Chain { ChainPolicy = _verification.ToPolicy(roots) };
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(_isServer ? "1.3.6.1.5.5.7.3.2" : "1.3.6.1.5.5.7.3.1"));
        if (built is not null)
        {
            chain.ChainPolicy.ExtraStore.AddRange(built.ChainPolicy.ExtraStore);
        }

        chain.Build(peer);
        return TlsChainText.Problem(chain, _verification, roots);
    }
}
