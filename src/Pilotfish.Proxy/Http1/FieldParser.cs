using System.Buffers;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Http1;

/// <summary>
/// Parses field lines (RFC 9112 section 5) that a map has adopted: <c>name ":" OWS value OWS CRLF</c>, strictly. Rejected are line
/// folding, white space before the colon, empty names, control characters and a CR or LF that is not the line's end.
/// </summary>
internal static class FieldParser
{
    /// <summary>The colon and the line end of a field.</summary>
    public const int SeparatorBytes = 3;

    /// <summary>Parses lines up to the empty line that ends the section; the section must be complete.</summary>
    /// <param name="map">Where the bytes live and the fields go.</param>
    /// <param name="position">Arena offset of the first line.</param>
    /// <param name="end">Arena offset behind the section's empty line.</param>
    /// <param name="limits">Bounds.</param>
    /// <param name="fieldBytes">The fields' bytes as a meter counts them: name, colon, value and line end, without white space around the value.</param>
    public static Http1Error? Parse(HeaderMap map, int position, int end, Http1Limits limits, out int fieldBytes)
    {
        int count = 0;
        fieldBytes = 0;
        while (position < end - 2)
        {
            Span<byte> rest = map.HeadBytes(position, end - position);
            int nameLength = LowerName(rest);
            if (nameLength == 0 || rest[nameLength] != ':')
            {
                return nameLength > 0 && IsControl(rest[nameLength]) ? Http1Error.InvalidCharacters : Http1Error.Codec;
            }

            int valueStart = nameLength + 1;
            while (rest[valueStart] is (byte)' ' or (byte)'\t')
            {
                valueStart++;
            }

            int lineEnd = valueStart + rest[valueStart..].IndexOfAny(HttpCharacters.NotInValue);
            if (rest[lineEnd] != '\r' || rest[lineEnd + 1] != '\n')
            {
                return Http1Error.InvalidCharacters;
            }

            int valueEnd = lineEnd;
            while (valueEnd > valueStart && rest[valueEnd - 1] is (byte)' ' or (byte)'\t')
            {
                valueEnd--;
            }

            if (++count > limits.Headers)
            {
                return Http1Error.TooManyHeaders;
            }

            Http1Error? error = Add(map, position, rest, nameLength, valueStart, valueEnd, valueEnd == lineEnd, limits);
            if (error is not null)
            {
                return error;
            }

            fieldBytes += nameLength + valueEnd - valueStart + SeparatorBytes;
            position += lineEnd + 2;
        }

        return null;
    }

    /// <summary>How many names in a head have an underscore, for who drops them.</summary>
    public static int CountUnderscores(ReadOnlySpan<byte> head)
    {
        int count = 0;
        for (int at = head.IndexOf((byte)'\n') + 1; at < head.Length;)
        {
            ReadOnlySpan<byte> line = head[at..];
            int end = line.IndexOf((byte)'\n');
            line = end < 0 ? line : line[..end];
            count += line[..Math.Max(0, line.IndexOf((byte)':'))].Contains((byte)'_') ? 1 : 0;
            at += line.Length + 1;
        }

        return count;
    }

    // One pass that checks and lowers: names are a dozen bytes, for which two vectorised calls cost more than a table.
    private static int LowerName(Span<byte> line)
    {
        ReadOnlySpan<byte> table = HttpCharacters.LowerCaseToken;
        int i = 0;
        for (; i < line.Length; i++)
        {
            byte lower = table[line[i]];
            if (lower == 0)
            {
                break;
            }

            line[i] = lower;
        }

        return i;
    }

    private static Http1Error? Add(
        HeaderMap map, int position, Span<byte> line, int nameLength, int valueStart, int valueEnd, bool untrimmed, Http1Limits limits)
    {
        Span<byte> name = line[..nameLength];
        if (limits.Underscores != UnderscorePolicy.Allow && name.Contains((byte)'_'))
        {
            return limits.Underscores == UnderscorePolicy.RejectRequest ? Http1Error.UnexpectedUnderscore : null;
        }

        WellKnownHeader known = WellKnownHeaders.Find(name);
        bool canonical = untrimmed && valueStart == nameLength + 2 && line[nameLength + 1] == ' ';
        map.AddSlice(known, position, nameLength, position + valueStart, valueEnd - valueStart, canonical);
        return null;
    }

    // A line end or a tab inside a name is a malformed line; what Envoy calls an invalid character never ends a line.
    private static bool IsControl(byte value) => (value < 32 && value is not ((byte)'\t' or (byte)'\r' or (byte)'\n')) || value == 127;
}
