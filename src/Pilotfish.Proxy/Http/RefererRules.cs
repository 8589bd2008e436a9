namespace Pilotfish.Proxy.Http;

/// <summary>
/// Referer (RFC 9110 section 10.1.3) goes on when there is one and it is an absolute URL; Envoy drops everything else, so that no server
/// reads what it does not expect.
/// </summary>
internal static class RefererRules
{
    public static void Apply(HeaderMap headers)
    {
        int slot = headers.FindSlot(WellKnownHeader.Referer);
        if (headers.FindSlot(WellKnownHeader.Referer, slot + 1) >= 0 || !IsAbsolute(headers.At(slot).Value))
        {
            headers.Remove(WellKnownHeader.Referer);
        }
    }

    private static bool IsAbsolute(ReadOnlySpan<byte> url)
    {
        int colon = url.IndexOf((byte)':');
        if (colon <= 0 || !url[colon..].StartsWith("://"u8))
        {
            return false;
        }

        foreach (byte character in url[..colon])
        {
            if (!char.IsAsciiLetter((char)character))
            {
                return false;
            }
        }

        ReadOnlySpan<byte> rest = url[(colon + 3)..];
        int end = rest.IndexOfAny("/?#"u8);
        ReadOnlySpan<byte> authority = end < 0 ? rest : rest[..end];
        return !authority.IsEmpty && authority[0] != (byte)':' && url.IndexOfAny(" \t"u8) < 0;
    }
}
