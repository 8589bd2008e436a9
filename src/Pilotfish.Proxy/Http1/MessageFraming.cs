using System.Text;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Http1;

/// <summary>Decides how a body is delimited and refuses every ambiguity that request smuggling lives on (RFC 9112 section 6).</summary>
internal static class MessageFraming
{
    public static Http1Error? OfRequest(HeaderMap headers, HttpProtocol version, Http1Limits limits, out BodyKind kind, out long length)
    {
        kind = BodyKind.None;
        length = 0;
        bool hasEncoding = headers.Has(WellKnownHeader.TransferEncoding);
        bool hasLength = headers.Has(WellKnownHeader.ContentLength);
        if (!hasEncoding && !hasLength)
        {
            return null;
        }

        bool isConnect = headers[WellKnownHeader.Method].SequenceEqual("CONNECT"u8);
        if (hasEncoding)
        {
            if (isConnect || !IsChunkedOnly(headers))
            {
                return Http1Error.InvalidTransferEncoding;
            }

            // RFC 9112 section 6.1: an HTTP/1.0 message with Transfer-Encoding has faulty framing.
            if (version == HttpProtocol.Http10)
            {
                return Http1Error.TransferEncodingNotAllowed;
            }

            if (hasLength && !limits.AllowChunkedLength)
            {
                return Http1Error.ContentLengthAndChunked;
            }

            headers.Remove(WellKnownHeader.ContentLength);
            kind = BodyKind.Chunked;
            return null;
        }

        if (!TryReadLength(headers, out length))
        {
            return Http1Error.Codec;
        }

        // RFC 9110 section 9.3.6: a CONNECT request has no content; what follows its head belongs to the tunnel.
        if (isConnect)
        {
            headers.Remove(WellKnownHeader.ContentLength);
            return length == 0 ? null : Http1Error.BodyDisallowed;
        }

        kind = length == 0 ? BodyKind.None : BodyKind.Length;
        return null;
    }

    /// <param name="headers">The response's head.</param>
    /// <param name="status">Its status.</param>
    /// <param name="toHead">Whether it answers a HEAD request.</param>
    /// <param name="kind">How the body is delimited.</param>
    /// <param name="length">The body's length for <see cref="BodyKind.Length"/>.</param>
    public static Http1Error? OfResponse(HeaderMap headers, int status, bool toHead, out BodyKind kind, out long length)
    {
        kind = BodyKind.None;
        length = 0;
        bool hasEncoding = headers.Has(WellKnownHeader.TransferEncoding);
        bool hasLength = headers.Has(WellKnownHeader.ContentLength);
        if (hasEncoding && hasLength)
        {
            return Http1Error.ContentLengthAndChunked;
        }

        if (hasLength && !TryReadLength(headers, out length))
        {
            return Http1Error.Codec;
        }

        if (hasEncoding && !IsChunkedOnly(headers))
        {
            return Http1Error.InvalidTransferEncoding;
        }

        if (status < 200 || status == 204)
        {
            // A server that announces a body here disagrees with us about where the next response starts; "0" is harmless.
            return hasEncoding ? Http1Error.TransferEncodingNotAllowed : length > 0 ? Http1Error.ContentLengthNotAllowed : null;
        }

        if (toHead || status == 304)
        {
            return null;
        }

        kind = hasEncoding ? BodyKind.Chunked : !hasLength ? BodyKind.UntilClose : length == 0 ? BodyKind.None : BodyKind.Length;
        return null;
    }

    private static bool IsChunkedOnly(HeaderMap headers)
    {
        int slot = headers.FindSlot(WellKnownHeader.TransferEncoding);
        return Ascii.EqualsIgnoreCase(headers.At(slot).Value, "chunked"u8)
            && headers.FindSlot(WellKnownHeader.TransferEncoding, slot + 1) < 0;
    }

    private static bool TryReadLength(HeaderMap headers, out long length)
    {
        length = 0;
        int slot = headers.FindSlot(WellKnownHeader.ContentLength);
        ReadOnlySpan<byte> digits = headers.At(slot).Value;
        if (digits.IsEmpty || headers.FindSlot(WellKnownHeader.ContentLength, slot + 1) >= 0)
        {
            return false;
        }

        foreach (byte digit in digits)
        {
            if (digit is < (byte)'0' or > (byte)'9' || length > (long.MaxValue - 9) / 10)
            {
                return false;
            }

            length = (length * 10) + digit - '0';
        }

        return true;
    }
}
