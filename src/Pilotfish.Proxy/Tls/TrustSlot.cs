using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>How peers are verified, read at each handshake. Written by the main loop.</summary>
public sealed class TrustSlot
{
    private volatile TlsPeerVerification? _current;

    /// <summary>Null while the roots have not come.</summary>
    public TlsPeerVerification? Current => _current;

    internal void Set(TlsPeerVerification? verification) => _current = verification;
}
