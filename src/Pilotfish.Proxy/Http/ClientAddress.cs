using System.Text;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Http;

/// <summary>
/// Who the client is: the peer, or an X-Forwarded-For entry as use_remote_address and xff_num_trusted_hops say; appends the peer to the
/// header where this proxy is the edge, and decides whether the request is internal.
/// </summary>
internal static class ClientAddress
{
    /// <summary>True when the request comes from outside and this proxy is the edge.</summary>
    public static bool Apply(HttpStream stream)
    {
        HcmModel hcm = stream.Hcm;
        HeaderMap headers = stream.RequestHeaders;
        ConnectionInfo connection = stream.Info.Connection;
        NetAddress client;
        bool single;
        if (hcm.UseRemoteAddress)
        {
            client = hcm.TrustedHops > 0 && TryEntry(headers, hcm.TrustedHops - 1, out NetAddress hop) ? hop : connection.DirectRemoteAddress;
            if (!hcm.SkipForwardedForAppend)
            {
                Append(headers, connection);
            }

            single = !headers.TryGet(WellKnownHeader.XForwardedFor, out ReadOnlySpan<byte> value) || !value.Contains((byte)',');
        }
        else
        {
            bool found = TryEntry(headers, hcm.TrustedHops, out client);
            client = found ? client : connection.DirectRemoteAddress;
            single = found && !headers[WellKnownHeader.XForwardedFor].Contains((byte)',');
        }

        stream.Info.ClientAddress = client;
        stream.IsInternal = single && hcm.InternalAddresses.Contains(client);
        bool isEdge = !stream.IsInternal && hcm.UseRemoteAddress;
        if (isEdge)
        {
            Span<byte> text = stackalloc byte[NetAddress.FormattedIpBytesMax];
            if (client.IsIp && client.TryFormatIp(text, out int length))
            {
                headers.Set(WellKnownHeader.XEnvoyExternalAddress, text[..length]);
            }
        }

        return isEdge;
    }

    private static void Append(HeaderMap headers, ConnectionInfo connection)
    {
        // A loopback peer tells nothing: the proxy's own address stands for it.
        NetAddress peer = connection.DirectRemoteAddress.IsLoopback ? connection.DirectLocalAddress : connection.DirectRemoteAddress;
        Span<byte> text = stackalloc byte[NetAddress.FormattedIpBytesMax];
        if (peer.IsIp && peer.TryFormatIp(text, out int length))
        {
            headers.AppendValue(WellKnownHeader.XForwardedFor, ","u8, text[..length]);
        }
    }

    /// <summary>The entry that many places from the right; false when there are fewer, or it is no address.</summary>
    private static bool TryEntry(HeaderMap headers, uint fromRight, out NetAddress address)
    {
        address = default;
        if (!headers.TryGet(WellKnownHeader.XForwardedFor, out ReadOnlySpan<byte> rest))
        {
            return false;
        }

        for (uint i = 0; ; i++)
        {
            int comma = rest.LastIndexOf((byte)',');
            ReadOnlySpan<byte> entry = (comma < 0 ? rest : rest[(comma + 1)..]).Trim(" \t"u8);
            if (i == fromRight)
            {
                return TryParse(entry, out address);
            }

            if (comma < 0)
            {
                return false;
            }

            rest = rest[..comma];
        }
    }

    private static bool TryParse(ReadOnlySpan<byte> text, out NetAddress address)
    {
        address = default;
        if (text.IsEmpty || text.Length > NetAddress.FormattedIpBytesMax)
        {
            return false;
        }

        Span<char> chars = stackalloc char[NetAddress.FormattedIpBytesMax];
        int length = Encoding.Latin1.GetChars(text, chars);
        return NetAddress.TryParseIp(chars[..length], 0, out address) || NetAddress.TryParse(chars[..length], out address);
    }
}
