using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Listeners;

/// <summary>Takes the PROXY header off the front of a connection and believes its addresses.</summary>
internal sealed class ProxyProtocolFilter(bool allowsAbsence) : ListenerFilter
{
    public override async ValueTask<ListenerFilterVerdict> InspectAsync(PendingConnection connection)
    {
        int known = 0;
        while (true)
        {
            ListenerFilterVerdict verdict = await connection.PeekMoreAsync(known, ProxyHeaderParser.HeaderBytesMax);
            if (verdict != ListenerFilterVerdict.Continue)
            {
                return verdict;
            }

            known = connection.Peeked.Length;
            switch (ProxyHeaderParser.Parse(connection.Peeked, out ProxyHeader header))
            {
                case ProxyHeaderStatus.Done:
                    return Accept(connection, header);
                case ProxyHeaderStatus.Absent when allowsAbsence:
                    return ListenerFilterVerdict.Continue;
                case ProxyHeaderStatus.NeedMore when known < ProxyHeaderParser.HeaderBytesMax:
                    continue;
                default:
                    return ListenerFilterVerdict.Close;
            }
        }
    }

    private static ListenerFilterVerdict Accept(PendingConnection connection, in ProxyHeader header)
    {
        if (!connection.TryConsume(header.Length))
        {
            return ListenerFilterVerdict.Close;
        }

        if (header.HasAddresses)
        {
            NetAddress destination = header.Destination.Unmap();
            connection.Info.RemoteAddress = header.Source.Unmap();
            connection.Info.LocalAddressRestored |= destination != connection.Info.LocalAddress;
            connection.Info.LocalAddress = destination;
        }

        return ListenerFilterVerdict.Continue;
    }
}
