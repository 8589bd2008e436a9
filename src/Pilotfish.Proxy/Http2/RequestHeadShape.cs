using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Http2;

/// <summary>Makes a request's head fit RFC 9113 section 8: no connection-specific field, pseudo-headers complete.</summary>
internal static class RequestHeadShape
{
    public static void Prepare(HeaderMap headers, bool isConnect)
    {
        headers.Remove(WellKnownHeader.Connection);
        headers.Remove(WellKnownHeader.KeepAlive);
        headers.Remove(WellKnownHeader.ProxyConnection);
        headers.Remove(WellKnownHeader.TransferEncoding);
        headers.Remove(WellKnownHeader.Upgrade);
        headers.Remove(WellKnownHeader.Host);
        if (isConnect)
        {
            headers.Remove(WellKnownHeader.Scheme);
            headers.Remove(WellKnownHeader.Path);
            return;
        }

        if (!headers.Has(WellKnownHeader.Scheme))
        {
            headers.Add(WellKnownHeader.Scheme, "http"u8);
        }
    }
}
