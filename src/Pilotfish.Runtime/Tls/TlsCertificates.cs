using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Pilotfish.Runtime.Tls;

/// <summary>Certificates from PEM text, made for use on a loop: nothing touches disk, HOME or network.</summary>
public static class TlsCertificates
{
    /// <summary>A leaf first, its issuers after it, and the leaf's key. Throws <see cref="CryptographicException"/> on bad text.</summary>
    public static SslStreamCertificateContext FromPem(ReadOnlySpan<char> chainPem, ReadOnlySpan<char> keyPem)
    {
        X509Certificate2 leaf = X509Certificate2.CreateFromPem(chainPem, keyPem);
        var issuers = new X509Certificate2Collection();
        issuers.ImportFromPem(chainPem);
        issuers.RemoveAt(0);
        // Offline: otherwise missing issuers would be looked for in the system's store and on the network.
        return SslStreamCertificateContext.Create(leaf, issuers, offline: true);
    }

    public static X509Certificate2Collection RootsFromPem(ReadOnlySpan<char> pem)
    {
        var roots = new X509Certificate2Collection();
        roots.ImportFromPem(pem);
        return roots;
    }
}
