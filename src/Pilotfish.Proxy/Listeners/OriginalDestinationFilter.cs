using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Listeners;

/// <summary>Restores the destination that the client dialled before iptables redirected it.</summary>
internal sealed class OriginalDestinationFilter : ListenerFilter
{
    /// <summary>TPROXY: the accepted socket's own address already is the destination.</summary>
    public bool TrustsLocalAddress { get; set; }

    public override ValueTask<ListenerFilterVerdict> InspectAsync(PendingConnection connection)
    {
        if (connection.Socket.TryGetOriginalDestination(out NetAddress destination))
        {
            NetAddress plain = destination.Unmap();
            connection.Info.LocalAddressRestored = TrustsLocalAddress || plain != connection.Info.LocalAddress;
            connection.Info.LocalAddress = plain;
        }
        else if (TrustsLocalAddress)
        {
            connection.Info.LocalAddressRestored = true;
        }

        return new ValueTask<ListenerFilterVerdict>(ListenerFilterVerdict.Continue);
    }
}
