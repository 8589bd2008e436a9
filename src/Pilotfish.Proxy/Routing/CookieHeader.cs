using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Routing;

/// <summary>Finds one cookie among the request's Cookie headers (RFC 6265 section 4.2).</summary>
internal static class CookieHeader
{
    public static bool TryGet(HeaderMap headers, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        for (int slot = headers.FindSlot(WellKnownHeader.Cookie); slot >= 0; slot = headers.FindSlot(WellKnownHeader.Cookie, slot + 1))
        {
            ReadOnlySpan<byte> rest = headers.At(slot).Value;
            while (!rest.IsEmpty)
            {
                int end = rest.IndexOf((byte)';');
                ReadOnlySpan<byte> pair = (end < 0 ? rest : rest[..end]).Trim((byte)' ');
                rest = end < 0 ? default : rest[(end + 1)..];
                if (pair.Length > name.Length && pair[name.Length] == '=' && pair.StartsWith(name))
                {
                    value = pair[(name.Length + 1)..].Trim((byte)'"');
                    return true;
                }
            }
        }

        value = default;
        return false;
    }
}
