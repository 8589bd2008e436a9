using System.Security.Cryptography.X509Certificates;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>
/// The roots that were read last: the clusters of a mesh verify different names against the same authority, whose certificates are then held
/// once. Main loop.
/// </summary>
internal sealed class TrustAnchors
{
    private string _pem = "";
    private X509Certificate2Collection _roots = [];

    /// <summary>Throws what <see cref="TlsCertificates.RootsFromPem"/> throws.</summary>
    public X509Certificate2Collection Read(string pem)
    {
        if (pem != _pem)
        {
            _roots = TlsCertificates.RootsFromPem(pem);
            _pem = pem;
        }

        return _roots;
    }
}
