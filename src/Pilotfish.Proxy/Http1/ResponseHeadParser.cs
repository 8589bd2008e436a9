using System.Buffers;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Http1;

/// <summary>
/// Parses a complete response head (RFC 9112 sections 4 and 5): <code>HTTP/1.x SP 3DIGIT [ SP reason ] CRLF *( field-line CRLF ) CRLF</code>
/// The status becomes <c>:status</c>; the reason phrase is not kept.
/// </summary>
internal static class ResponseHeadParser
{
    private const int StatusStart = 9;
    private const int StatusEnd = StatusStart + 3;

    /// <param name="head">The head with its empty line.</param>
    /// <param name="map">Where the fields go.</param>
    /// <param name="limits">Bounds.</param>
    /// <param name="version">HTTP/1.1 unless the head says 1.0.</param>
    /// <param name="status">100 to 599.</param>
    /// <param name="fieldBytes">The fields' bytes as a meter counts them.</param>
    public static Http1Error? Parse(
        ReadOnlySpan<byte> head, HeaderMap map, Http1Limits limits, out HttpProtocol version, out int status, out int fieldBytes)
    {
        fieldBytes = 0;
        status = 0;
        int start = map.AdoptHead(head);
        ReadOnlySpan<byte> bytes = map.HeadBytes(start, head.Length);
        version = bytes.StartsWith("HTTP/1.0 "u8) ? HttpProtocol.Http10 : HttpProtocol.Http11;
        if (version == HttpProtocol.Http11 && !bytes.StartsWith("HTTP/1.1 "u8))
        {
            return Http1Error.Codec;
        }

        if (bytes.Length < StatusEnd + 2 || !TryReadStatus(bytes[StatusStart..StatusEnd], out status))
        {
            return Http1Error.Codec;
        }

        int lineEnd = StatusEnd + bytes[StatusEnd..].IndexOfAny(HttpCharacters.NotInValue);
        bool phraseOk = bytes[StatusEnd] is (byte)' ' or (byte)'\r';
        if (!phraseOk || bytes[lineEnd] != '\r' || bytes[lineEnd + 1] != '\n')
        {
            return Http1Error.Codec;
        }

        map.AddSlice(WellKnownHeader.Status, 0, 0, start + StatusStart, 3, canonical: false);
        return FieldParser.Parse(map, start + lineEnd + 2, start + head.Length, limits, out fieldBytes);
    }

    private static bool TryReadStatus(ReadOnlySpan<byte> digits, out int status)
    {
        status = 0;
        foreach (byte digit in digits)
        {
            if (digit is < (byte)'0' or > (byte)'9')
            {
                return false;
            }

            status = (status * 10) + digit - '0';
        }

        return status is >= 100 and <= 599;
    }
}
