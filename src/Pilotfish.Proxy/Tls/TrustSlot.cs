using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>How peers are verified, read at each handshake. Written by the main loop.</summary>
public sealed class TrustSlot(string name = "")
{
    private volatile TlsPeerVerification? _current;

    /// <summary>Null while the roots have not come.</summary>
    public TlsPeerVerification? Current => _current;

    /// <summary>What statistics call it; empty for none.</summary>
    public string Name { get; } = name;

    /// <summary>Who counts its versions; null where SDS does not bring it.</summary>
    internal SecretUpdates? Updates { get; init; }

    internal void Set(TlsPeerVerification? verification) => _current = verification;
}
