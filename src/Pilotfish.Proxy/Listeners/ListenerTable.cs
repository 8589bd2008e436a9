using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Listeners;

/// <summary>
/// Listeners by address, for the hand-off of connections whose original destination was restored. Workers read one immutable
/// table; the main loop replaces it.
/// </summary>
internal sealed class ListenerTable
{
    private volatile Dictionary<NetAddress, ListenerState> _byAddress = [];

    public void Replace(Dictionary<NetAddress, ListenerState> byAddress) => _byAddress = byAddress;

    /// <summary>The listener of exactly this address, else the wildcard listener of its port.</summary>
    public ListenerState? Find(NetAddress destination)
    {
        Dictionary<NetAddress, ListenerState> byAddress = _byAddress;
        NetAddress plain = destination.Unmap();
        if (byAddress.TryGetValue(plain, out ListenerState? exact))
        {
            return exact;
        }

        NetAddress wildcard = plain.Kind == AddressFamilyKind.IPv6
            ? NetAddress.IPv6(UInt128.Zero, plain.Port)
            : NetAddress.IPv4(0, plain.Port);
        return byAddress.GetValueOrDefault(wildcard);
    }
}
