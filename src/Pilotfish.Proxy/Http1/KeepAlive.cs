using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Http1;

/// <summary>Whether a message lets its connection live on (RFC 9112 section 9.3).</summary>
internal static class KeepAlive
{
    public static bool Allows(HeaderMap headers, HttpProtocol version)
    {
        bool named = headers.TryGet(WellKnownHeader.Connection, out ReadOnlySpan<byte> connection);
        return version == HttpProtocol.Http11
            ? !named || !ConnectionHeaders.HasToken(connection, "close"u8)
            : named && ConnectionHeaders.HasToken(connection, "keep-alive"u8);
    }
}
