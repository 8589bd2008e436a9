using System.Buffers;
using System.Text;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Http;

/// <summary>
/// Removes what belongs to the client's hop (RFC 9110 section 7.6.1): Connection and the headers it names, Keep-Alive, Proxy-Connection,
/// Upgrade (kept for upgrade requests), Transfer-Encoding; TE shrinks to "trailers".
/// </summary>
internal static class ConnectionHeaders
{
    // Envoy's bounds on what a Connection header may name.
    private const int NominatedMax = 10;
    private const int TeBytesMax = 256;

    /// <summary>False when the request was refused.</summary>
    public static bool Sanitize(HttpStream stream)
    {
        HeaderMap headers = stream.RequestHeaders;
        if (headers[WellKnownHeader.Te].Length >= TeBytesMax || !TryApplyConnection(stream))
        {
            stream.Worker.Stats.Add(stream.Hcm.Stats.CxProtocolError);
            stream.Codec.CloseAfterResponse();
            stream.Reply(400, "Bad Request"u8, Http1Error.ConnectionHeaderRejected.Reason);
            return false;
        }

        headers.Remove(WellKnownHeader.KeepAlive);
        headers.Remove(WellKnownHeader.ProxyConnection);
        headers.Remove(WellKnownHeader.TransferEncoding);
        if (headers.TryGet(WellKnownHeader.Te, out ReadOnlySpan<byte> te))
        {
            if (HasToken(te, "trailers"u8))
            {
                headers.Set(WellKnownHeader.Te, "trailers"u8);
            }
            else
            {
                headers.Remove(WellKnownHeader.Te);
            }
        }

        return true;
    }

    public static bool HasToken(ReadOnlySpan<byte> list, ReadOnlySpan<byte> token)
    {
        while (!list.IsEmpty)
        {
            if (Ascii.EqualsIgnoreCase(NextToken(ref list), token))
            {
                return true;
            }
        }

        return false;
    }

    private static bool TryApplyConnection(HttpStream stream)
    {
        HeaderMap headers = stream.RequestHeaders;
        if (!headers.TryGet(WellKnownHeader.Connection, out ReadOnlySpan<byte> list))
        {
            headers.Remove(WellKnownHeader.Upgrade);
            return true;
        }

        bool wantsUpgrade = headers.Has(WellKnownHeader.Upgrade) && HasToken(list, "upgrade"u8);
        int count = 0;
        Span<byte> lower = stackalloc byte[TeBytesMax];
        while (!list.IsEmpty)
        {
            ReadOnlySpan<byte> token = NextToken(ref list);
            if (token.IsEmpty)
            {
                continue;
            }

            if (++count >= NominatedMax || token.Length > lower.Length || token[0] == ':')
            {
                return false;
            }

            if (Ascii.ToLower(token, lower, out int length) != OperationStatus.Done)
            {
                // No header has such a name; what is before the bad byte may well be one's.
                continue;
            }

            ReadOnlySpan<byte> name = lower[..length];
            if (IsProtected(name))
            {
                return false;
            }

            if (!name.SequenceEqual("upgrade"u8) && !name.SequenceEqual("te"u8) && !name.SequenceEqual("close"u8))
            {
                headers.Remove(name);
            }
        }

        headers.Remove(WellKnownHeader.Connection);
        if (wantsUpgrade)
        {
            // Kept for the filters and for the upstream's head; the writer adds "connection: upgrade" again.
            stream.Upgrade = headers.GetText(WellKnownHeader.Upgrade);
        }
        else
        {
            headers.Remove(WellKnownHeader.Upgrade);
        }

        return true;
    }

    /// <summary>
    /// Whether a request of HTTP/1 asks for another protocol. Protocols that shall be ignored leave the header's list first, and h2c always
    /// does, as in Envoy: the request is an ordinary one then.
    /// </summary>
    public static bool WantsUpgrade(HeaderMap headers, StringMatch[] ignored)
    {
        if (!headers.Has(WellKnownHeader.Upgrade))
        {
            return false;
        }

        RemoveIgnored(headers, ignored);
        if (Ascii.EqualsIgnoreCase(headers[WellKnownHeader.Upgrade], "h2c"u8))
        {
            headers.Remove(WellKnownHeader.Upgrade);
            headers.Remove("http2-settings"u8);
        }

        return headers.Has(WellKnownHeader.Upgrade) && HasToken(headers[WellKnownHeader.Connection], "upgrade"u8);
    }

    private static void RemoveIgnored(HeaderMap headers, StringMatch[] ignored)
    {
        if (ignored.Length == 0 || !headers.TryGet(WellKnownHeader.Upgrade, out ReadOnlySpan<byte> list))
        {
            return;
        }

        var kept = new List<byte>(list.Length);
        while (!list.IsEmpty)
        {
            ReadOnlySpan<byte> protocol = NextToken(ref list);
            if (!protocol.IsEmpty && !Matches(ignored, protocol))
            {
                kept.AddRange(kept.Count > 0 ? ", "u8 : default);
                kept.AddRange(protocol);
            }
        }

        headers.Remove(WellKnownHeader.Upgrade);
        if (kept.Count > 0)
        {
            headers.Set(WellKnownHeader.Upgrade, kept.ToArray());
        }
    }

    private static bool Matches(StringMatch[] matchers, ReadOnlySpan<byte> value)
    {
        foreach (StringMatch matcher in matchers)
        {
            if (matcher.Matches(value))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsProtected(ReadOnlySpan<byte> name) =>
        name.SequenceEqual("x-forwarded-for"u8) || name.SequenceEqual("x-forwarded-host"u8) || name.SequenceEqual("x-forwarded-proto"u8);

    /// <summary>Takes the next member of a list that commas divide, without the blanks round it.</summary>
    public static ReadOnlySpan<byte> NextToken(ref ReadOnlySpan<byte> list)
    {
        int comma = list.IndexOf((byte)',');
        ReadOnlySpan<byte> token = comma < 0 ? list : list[..comma];
        list = comma < 0 ? default : list[(comma + 1)..];
        return token.Trim(" \t"u8);
    }
}
