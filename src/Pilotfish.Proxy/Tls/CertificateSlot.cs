using System.Net.Security;

namespace Pilotfish.Proxy.Tls;

/// <summary>A certificate with its key, read at each handshake: rotation is one write here. Written by the main loop.</summary>
public sealed class CertificateSlot
{
    private volatile SslStreamCertificateContext? _current;

    /// <summary>Null while the secret has not come.</summary>
    public SslStreamCertificateContext? Current => _current;

    internal void Set(SslStreamCertificateContext? certificate) => _current = certificate;
}
