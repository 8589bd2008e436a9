using System.Text;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Http;

/// <summary>
/// Who the client is: the peer, or an X-Forwarded-For entry as use_remote_address and xff_num_trusted_hops say, or what
/// original_ip_detection_extensions tell; appends the peer to the header where this proxy is the edge, and decides whether the request is internal.
/// </summary>
internal static class ClientAddress
{
    // What stands before an IPv4 address that is written as an IPv6 one (RFC 4291 section 2.5.5.2).
    private static ReadOnlySpan<byte> MappedPrefix => "::ffff:"u8;

    /// <summary>False when the request was answered, as its client cannot be told.</summary>
    /// <param name="stream">The request.</param>
    /// <param name="isEdge">Whether it comes from outside and this proxy is the edge.</param>
    public static bool TryApply(HttpStream stream, out bool isEdge)
    {
        isEdge = false;
        HcmModel hcm = stream.Hcm;
        HeaderMap headers = stream.RequestHeaders;
        ConnectionInfo connection = stream.Info.Connection;
        NetAddress client;
        bool single;
        if (hcm.UseRemoteAddress)
        {
            client = hcm.TrustedHops > 0 && TryEntry(headers, hcm.TrustedHops - 1, out NetAddress hop) ? hop : connection.DirectRemoteAddress;

            // What came is what counts: a header that is not appended to is no less the client's word.
            single = !headers.Has(WellKnownHeader.XForwardedFor);
            if (!hcm.SkipForwardedForAppend)
            {
                Append(headers, connection, hcm.MapsIPv4);
            }
        }
        else if (hcm.AddressDetectors.Length > 0)
        {
            if (!TryDetect(stream, out client, out single))
            {
                return false;
            }
        }
        else
        {
            bool found = TryEntry(headers, hcm.TrustedHops, out client);
            client = found ? client : connection.DirectRemoteAddress;
            single = found && !headers[WellKnownHeader.XForwardedFor].Contains((byte)',');
        }

        stream.Info.ClientAddress = client;
        stream.IsInternal = single && (client.Kind == AddressFamilyKind.Unix ? hcm.TrustsUnixPeers : hcm.InternalAddresses.Contains(client));
        isEdge = !stream.IsInternal && hcm.UseRemoteAddress;
        if (isEdge)
        {
            Span<byte> text = stackalloc byte[NetAddress.FormattedIpBytesMax];
            if (client.IsIp && client.TryFormatIp(text, out int length))
            {
                headers.Set(WellKnownHeader.XEnvoyExternalAddress, text[..length]);
            }
        }

        return true;
    }

    // False when an extension refuses a request whose client it cannot tell.
    private static bool TryDetect(HttpStream stream, out NetAddress client, out bool trusted)
    {
        HeaderMap headers = stream.RequestHeaders;
        ConnectionInfo connection = stream.Info.Connection;
        client = connection.DirectRemoteAddress;
        trusted = false;
        foreach (ClientAddressDetector detector in stream.Hcm.AddressDetectors)
        {
            if (TryTell(headers, connection.DirectRemoteAddress, detector, out NetAddress found, out bool isTrusted))
            {
                (client, trusted) = (found, isTrusted);
                if (!detector.SkipsAppend && !stream.Hcm.SkipForwardedForAppend)
                {
                    Append(headers, connection, maps: false);
                }

                return true;
            }

            if (detector.RejectStatus is { } status)
            {
                stream.Worker.Stats.Add(stream.Hcm.Stats.RqRejectedViaIpDetection);
                stream.Reply(status, [], EndReasons.ClientAddressUnknown);
                return false;
            }
        }

        return true;
    }

    private static bool TryTell(
        HeaderMap headers, NetAddress peer, ClientAddressDetector detector, out NetAddress client, out bool trusted)
    {
        client = default;
        if (detector.Header is { } name)
        {
            trusted = detector.IsTrusted;
            return headers.TryGet(name, out ReadOnlySpan<byte> value) && TryParse(value.Trim(" \t"u8), out client);
        }

        trusted = !headers[WellKnownHeader.XForwardedFor].Contains((byte)',');
        return detector.TrustedProxies is { } proxies
            ? proxies.Contains(peer) && TryPastProxies(headers, proxies, out client)
            : TryEntry(headers, detector.TrustedHops, out client);
    }

    // From the right, the first entry that is no trusted proxy's; where all are, or one is no address, the last that was one.
    private static bool TryPastProxies(HeaderMap headers, AddressRanges proxies, out NetAddress client)
    {
        client = default;
        bool found = false;
        for (uint i = 0; TryEntry(headers, i, out NetAddress entry); i++)
        {
            (client, found) = (entry, true);
            if (!proxies.Contains(entry))
            {
                break;
            }
        }

        return found;
    }

    private static void Append(HeaderMap headers, ConnectionInfo connection, bool maps)
    {
        // A loopback peer tells nothing: the proxy's own address stands for it.
        NetAddress peer = connection.DirectRemoteAddress.IsLoopback ? connection.DirectLocalAddress : connection.DirectRemoteAddress;
        Span<byte> text = stackalloc byte[MappedPrefix.Length + NetAddress.FormattedIpBytesMax];
        int start = maps && peer.Kind == AddressFamilyKind.IPv4 ? MappedPrefix.Length : 0;
        if (peer.IsIp && peer.TryFormatIp(text[start..], out int length))
        {
            MappedPrefix[..start].CopyTo(text);
            headers.AppendValue(WellKnownHeader.XForwardedFor, ","u8, text[..(start + length)]);
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
