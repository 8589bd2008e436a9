using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Pilotfish.Runtime.Tls;

/// <summary>Judges one handshake's peer certificate and remembers the verdict in words.</summary>
internal sealed class TlsVerifier
{
    private readonly TlsPeerVerification? _verification;
    private readonly bool _required;

    internal TlsVerifier(TlsPeerVerification? verification, bool required)
    {
        _verification = verification;
        _required = required;
        Callback = Verify;
    }

    internal RemoteCertificateValidationCallback Callback { get; }

    internal string? Failure { get; private set; }

    internal bool IsValidated { get; private set; }

    /// <summary>TLS 1.3 suites are not configurable, in Envoy neither.</summary>
    internal static string? CheckCipher(SslStream ssl, IReadOnlySet<string>? allowed)
    {
        string name = ssl.NegotiatedCipherSuite.ToString();
        return allowed is null || ssl.SslProtocol == SslProtocols.Tls13 || allowed.Contains(name)
            ? null
            : $"the peers share no allowed cipher suite ('{name}' was negotiated)";
    }

    private bool Verify(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (_verification is null)
        {
            return true;
        }

        if (certificate is not X509Certificate2 peer)
        {
            Failure = _required ? "the peer showed no certificate" : null;
            return !_required;
        }

        // The name is not .NET's business: mesh certificates carry SPIFFE URIs, which Check compares.
        if ((errors & SslPolicyErrors.RemoteCertificateChainErrors) != 0 && !_verification.AcceptUntrusted)
        {
            Failure = $"the peer's certificate did not verify ({Reasons(chain)})";
            return false;
        }

        Failure = _verification.Check?.Invoke(peer);
        IsValidated = Failure is null && (errors & SslPolicyErrors.RemoteCertificateChainErrors) == 0;
        return Failure is null;
    }

    private static string Reasons(X509Chain? chain)
    {
        var reasons = new List<string>();
        foreach (X509ChainStatus status in chain?.ChainStatus ?? [])
        {
            reasons.Add(status.Status.ToString());
        }

        return reasons.Count == 0 ? "no chain" : string.Join(", ", reasons);
    }
}
