using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Pilotfish.Runtime.Tls;

/// <summary>Certificates from PEM text or PKCS #12, made for use on a loop: nothing touches disk, HOME or network.</summary>
public static class TlsCertificates
{
    /// <summary>A leaf first, its issuers after it, and the leaf's key. Throws <see cref="CryptographicException"/> on bad text.</summary>
    public static SslStreamCertificateContext FromPem(ReadOnlySpan<char> chainPem, ReadOnlySpan<char> keyPem, string? password = null)
    {
        X509Certificate2 leaf = password is null
            ? X509Certificate2.CreateFromPem(chainPem, keyPem)
            : X509Certificate2.CreateFromEncryptedPem(chainPem, keyPem, password);
        var issuers = new X509Certificate2Collection();
        issuers.ImportFromPem(chainPem);
        issuers.RemoveAt(0);
        // Offline: otherwise missing issuers would be looked for in the system's store and on the network.
        return SslStreamCertificateContext.Create(leaf, issuers, offline: true);
    }

    /// <summary>The certificate with a key, and the others as its issuers. Throws <see cref="CryptographicException"/> on bad bytes.</summary>
    public static SslStreamCertificateContext FromPkcs12(ReadOnlySpan<byte> bytes, string? password)
    {
        X509Certificate2Collection all = X509CertificateLoader.LoadPkcs12Collection(bytes, password, X509KeyStorageFlags.EphemeralKeySet);
        X509Certificate2? leaf = null;
        var issuers = new X509Certificate2Collection();
        foreach (X509Certificate2 certificate in all)
        {
            if (certificate.HasPrivateKey && leaf is null)
            {
                leaf = certificate;
            }
            else
            {
                issuers.Add(certificate);
            }
        }

        return SslStreamCertificateContext.Create(
            leaf ?? throw new CryptographicException("no certificate in it has a private key"), issuers, offline: true);
    }

    public static X509Certificate2Collection RootsFromPem(ReadOnlySpan<char> pem)
    {
        var roots = new X509Certificate2Collection();
        roots.ImportFromPem(pem);
        return roots;
    }
}
