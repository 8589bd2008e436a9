namespace Pilotfish.Proxy.Tls;

/// <summary>A certificate with its key, read at each handshake: rotation is one write here. Written by the main loop.</summary>
public sealed class CertificateSlot(string name = "")
{
    private volatile TlsIdentity? _current;

    /// <summary>Null while the secret has not come.</summary>
    public TlsIdentity? Current => _current;

    /// <summary>What statistics call it; empty for none.</summary>
    public string Name { get; } = name;

    /// <summary>Who counts its versions; null where SDS does not bring it.</summary>
    internal SecretUpdates? Updates { get; init; }

    internal void Set(TlsIdentity? identity) => _current = identity;
}
