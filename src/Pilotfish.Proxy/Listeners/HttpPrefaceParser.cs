namespace Pilotfish.Proxy.Listeners;

/// <summary>
/// Recognises an HTTP request by its first bytes: the HTTP/2 preface, or a request line whose version is HTTP/1.x. Pure; run
/// again over all bytes when more came.
/// </summary>
internal static class HttpPrefaceParser
{
    // The longest method that anybody registered has 17 letters; more than this is no method.
    private const int MethodBytesMax = 32;

    private static ReadOnlySpan<byte> Http2Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    public static HttpPreface Parse(ReadOnlySpan<byte> bytes)
    {
        int common = Math.Min(bytes.Length, Http2Preface.Length);
        if (bytes[..common].SequenceEqual(Http2Preface[..common]))
        {
            return common == Http2Preface.Length ? HttpPreface.Http2 : HttpPreface.NeedMore;
        }

        // A robust server ignores empty lines before the request line (RFC 9112 section 2.2).
        while (!bytes.IsEmpty && bytes[0] is (byte)'\r' or (byte)'\n')
        {
            bytes = bytes[1..];
        }

        int method = 0;
        while (method < bytes.Length && IsMethodByte(bytes[method]))
        {
            method++;
        }

        if (method == bytes.Length)
        {
            return method > MethodBytesMax ? HttpPreface.NotHttp : HttpPreface.NeedMore;
        }

        if (method is 0 or > MethodBytesMax || bytes[method] != (byte)' ')
        {
            return HttpPreface.NotHttp;
        }

        return ParseRest(bytes[(method + 1)..]);
    }

    private static HttpPreface ParseRest(ReadOnlySpan<byte> rest)
    {
        int end = rest.IndexOf((byte)'\n');
        ReadOnlySpan<byte> line = end < 0 ? rest : rest[..end];
        if (line.IndexOfAnyInRange((byte)0, (byte)0x08) >= 0)
        {
            return HttpPreface.NotHttp;
        }

        if (end < 0)
        {
            return HttpPreface.NeedMore;
        }

        line = line.TrimEnd((byte)'\r');
        int space = line.LastIndexOf((byte)' ');
        ReadOnlySpan<byte> version = line[(space + 1)..];
        if (space <= 0)
        {
            return HttpPreface.NotHttp;
        }

        return version.SequenceEqual("HTTP/1.1"u8) ? HttpPreface.Http11
            : version.SequenceEqual("HTTP/1.0"u8) ? HttpPreface.Http10
            : HttpPreface.NotHttp;
    }

    private static bool IsMethodByte(byte b) => b is (>= (byte)'A' and <= (byte)'Z') or (>= (byte)'a' and <= (byte)'z') or (byte)'-' or (byte)'_';
}
