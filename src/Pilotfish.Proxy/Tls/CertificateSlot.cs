namespace Pilotfish.Proxy.Tls;

/// <summary>A certificate with its key, read at each handshake: rotation is one write here. Written by the main loop.</summary>
public sealed class CertificateSlot
{
    private volatile TlsIdentity? _current;

    /// <summary>Null while the secret has not come.</summary>
    public TlsIdentity? Current => _current;

    internal void Set(TlsIdentity? identity) => _current = identity;
}
