using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Pilotfish.Runtime.Tls;

/// <summary>
/// Whether a server's RSA certificate may be used as it was: for signatures, or for the key exchange of TLS_RSA suites (RFC 5280 section
/// 4.2.1.3). A certificate without the extension may do anything.
/// </summary>
internal static class RsaKeyUsage
{
    private const string RsaOid = "1.2.840.113549.1.1.1";

    /// <summary>What a client makes of a finished handshake. A resumed session's certificate was judged when it came.</summary>
    internal static TlsHandshake Judge(TlsHandshake handshake, TlsClientOptions options)
    {
        if (handshake.Stream is not { Tls: { IsResumed: false, PeerCertificate: { } certificate } facts } stream
            || Allows(certificate, facts.Protocol, facts.CipherSuite))
        {
            return handshake;
        }

        facts.IsKeyUsageInvalid = true;
        if (!options.EnforceRsaKeyUsage)
        {
            return handshake;
        }

        stream.Close();
        return new(null, TlsFailureText.Of(TlsFailureText.KeyUsageBitIncorrect), TlsFailureKind.Protocol);
    }

    internal static bool Allows(X509Certificate2 certificate, SslProtocols protocol, string cipherSuite)
    {
        if (certificate.PublicKey.Oid.Value != RsaOid)
        {
            return true;
        }

        foreach (X509Extension extension in certificate.Extensions)
        {
            if (extension is X509KeyUsageExtension usage)
            {
                bool exchangesByRsa = protocol == SslProtocols.Tls12 && cipherSuite.StartsWith("TLS_RSA_", StringComparison.Ordinal);
                return (usage.KeyUsages & (exchangesByRsa ? X509KeyUsageFlags.KeyEncipherment : X509KeyUsageFlags.DigitalSignature)) != 0;
            }
        }

        return true;
    }
}
