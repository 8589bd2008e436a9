using System.Buffers.Text;
using System.Text;
using Pilotfish.Language.Numbers;

namespace Pilotfish.Proxy.Http;

/// <summary>The little of gRPC over HTTP that routing, retries and local replies need.</summary>
public static class GrpcText
{
    // Timeouts have at most 8 digits by specification.
    private const int TimeoutDigitsMax = 8;

    public static bool IsGrpcRequest(HeaderMap headers) => IsGrpcContentType(headers[WellKnownHeader.ContentType]);

    public static bool IsGrpcContentType(ReadOnlySpan<byte> type) =>
        type.StartsWith("application/grpc"u8) && (type.Length == 16 || type[16] is (byte)'+' or (byte)';');

    /// <summary>Whether a request is gRPC-Web, in binary or text form; subtypes other than proto are not, as in Envoy.</summary>
    public static bool IsGrpcWebRequest(HeaderMap headers) =>
        headers.Has(WellKnownHeader.Path) && headers[WellKnownHeader.ContentType] is var type
        && (IsGrpcWebText(type) || type.SequenceEqual("application/grpc-web"u8) || type.SequenceEqual("application/grpc-web+proto"u8));

    /// <summary>The base64 form of gRPC-Web: its content type, or what a client accepts.</summary>
    public static bool IsGrpcWebText(ReadOnlySpan<byte> type) =>
        type.SequenceEqual("application/grpc-web-text"u8) || type.SequenceEqual("application/grpc-web-text+proto"u8);

    /// <summary>The binary form of gRPC-Web as a response has it: in any case, with parameters.</summary>
    public static bool IsGrpcWebProto(ReadOnlySpan<byte> type)
    {
        int semicolon = type.IndexOf((byte)';');
        ReadOnlySpan<byte> media = (semicolon < 0 ? type : type[..semicolon]).TrimEnd((byte)' ');
        return Ascii.EqualsIgnoreCase(media, "application/grpc-web"u8) || Ascii.EqualsIgnoreCase(media, "application/grpc-web+proto"u8);
    }

    /// <summary>The gRPC status of an HTTP status, as gRPC's mapping document has it.</summary>
    public static int StatusOf(int httpStatus) => httpStatus switch
    {
        200 => 0,
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 or 502 or 503 or 504 => 14,
        _ => 2,
    };

    /// <summary>Reads grpc-timeout such as <c>250m</c> (milliseconds).</summary>
    public static bool TryReadTimeout(ReadOnlySpan<byte> value, out long milliseconds)
    {
        milliseconds = 0;
        if (value.Length is < 2 or > TimeoutDigitsMax + 1
            || !DecimalText.TryParse(value[..^1], out uint number))
        {
            return false;
        }

        milliseconds = value[^1] switch
        {
            (byte)'H' => number * 3_600_000L,
            (byte)'M' => number * 60_000L,
            (byte)'S' => number * 1000L,
            (byte)'m' => number,
            (byte)'u' => (number + 999L) / 1000,
            (byte)'n' => (number + 999_999L) / 1_000_000,
            _ => -1,
        };
        return milliseconds >= 0;
    }

    /// <summary>Writes grpc-timeout in the finest unit from milliseconds up that its eight digits can hold.</summary>
    public static void SetTimeout(HeaderMap headers, long milliseconds)
    {
        const long valueMax = 99_999_999;
        (long number, byte unit) = milliseconds switch
        {
            <= valueMax => (milliseconds, (byte)'m'),
            <= valueMax * 1000 => (milliseconds / 1000, (byte)'S'),
            <= valueMax * 60_000 => (milliseconds / 60_000, (byte)'M'),
            _ => (Math.Min(milliseconds / 3_600_000, valueMax), (byte)'H'),
        };
        Span<byte> text = stackalloc byte[TimeoutDigitsMax + 1];
        Utf8Formatter.TryFormat(number, text, out int written);
        text[written] = unit;
        headers.Set(WellKnownHeader.GrpcTimeout, text[..(written + 1)]);
    }

    /// <summary>Percent-encodes a grpc-message.</summary>
    public static byte[] EncodeMessage(ReadOnlySpan<byte> message)
    {
        var encoded = new List<byte>(message.Length);
        foreach (byte b in message)
        {
            if (b is >= 0x20 and <= 0x7E && b != '%')
            {
                encoded.Add(b);
                continue;
            }

            encoded.Add((byte)'%');
            encoded.Add((byte)"0123456789ABCDEF"[b >> 4]);
            encoded.Add((byte)"0123456789ABCDEF"[b & 15]);
        }

        return [.. encoded];
    }
}
