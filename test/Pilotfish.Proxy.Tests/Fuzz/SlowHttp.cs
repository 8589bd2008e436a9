using System.Text;
using System.Text.RegularExpressions;

namespace Pilotfish.Proxy.Tests.Fuzz;

/// <summary>
/// HTTP/1.1 read the slow way, straight from the grammar of RFC 9112, as an oracle: line by line, with regular expressions and strings.
/// </summary>
internal static partial class SlowHttp
{
    /// <summary>The length of the head with its empty line; 0 when it is incomplete; -1 when a line ends without CR.</summary>
    public static int HeadLength(string text)
    {
        int end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        if (end >= 0)
        {
            return end + 4;
        }

        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
            {
                return -1;
            }
        }

        return 0;
    }

    /// <summary>The fields below the first line, names in lower case; null when a line is none.</summary>
    public static List<(string Name, string Value)>? Fields(string head)
    {
        var fields = new List<(string, string)>();
        string[] lines = head[..^4].Split("\r\n");
        for (int i = 1; i < lines.Length; i++)
        {
            Match match = FieldLine().Match(lines[i]);
            if (!match.Success)
            {
                return null;
            }

            fields.Add((match.Groups[1].Value.ToLowerInvariant(), match.Groups[2].Value.Trim(' ', '\t')));
        }

        return fields;
    }

    public static Match RequestLineOf(string head) => RequestLine().Match(head[..head.IndexOf("\r\n", StringComparison.Ordinal)]);

    public static Match StatusLineOf(string head) => StatusLine().Match(head[..head.IndexOf("\r\n", StringComparison.Ordinal)]);

    /// <summary>A chunked body: its data and length on the wire; null data for a malformed one, length 0 for an incomplete one.</summary>
    public static (string? Data, int Length) Chunked(string text)
    {
        var data = new StringBuilder();
        int at = 0;
        while (true)
        {
            Match size = ChunkSize().Match(text[at..]);
            if (!size.Success)
            {
                return IsPrefixOfSize(text[at..]) ? ("", 0) : (null, 0);
            }

            string digits = size.Groups[1].Value;
            if (digits.Length > 15)
            {
                return (null, 0);
            }

            long length = Convert.ToInt64(digits, 16);
            at += size.Length;
            if (length == 0)
            {
                return Trailers(text, at, data.ToString());
            }

            if (text.Length - at < length)
            {
                return ("", 0);
            }

            data.Append(text, at, (int)length);
            at += (int)length;
            string end = text[at..Math.Min(text.Length, at + 2)];
            if (end != "\r\n")
            {
                return "\r\n".StartsWith(end, StringComparison.Ordinal) ? ("", 0) : (null, 0);
            }

            at += 2;
        }
    }

    private static (string?, int) Trailers(string text, int at, string data)
    {
        string rest = text[at..];
        if (rest.StartsWith("\r\n", StringComparison.Ordinal))
        {
            return (data, at + 2);
        }

        if (rest.Length < 2)
        {
            return rest is "" or "\r" || rest != "\n" ? ("", 0) : (null, 0);
        }

        if (rest[0] == '\r')
        {
            return (null, 0);
        }

        int length = HeadLength(rest);
        if (length <= 0)
        {
            return length == 0 ? ("", 0) : (null, 0);
        }

        return Fields("first\r\n" + rest[..length]) is null ? (null, 0) : (data, at + length);
    }

    private static bool IsPrefixOfSize(string text) => ChunkSizeBegin().IsMatch(text) && !text.Contains('\n', StringComparison.Ordinal);

    /// <summary>Host and port, of the characters of RFC 3986 section 3.2 alone.</summary>
    [GeneratedRegex(@"\A[-._~!$&'()*+,;=%:@\[\]0-9A-Za-z]*\z")]
    public static partial Regex Authority();

    [GeneratedRegex(@"\A([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([!-~]+) (HTTP/1\.[01])\z")]
    private static partial Regex RequestLine();

    [GeneratedRegex(@"\A(HTTP/1\.[01]) ([1-5][0-9][0-9])( [\t -~\x80-\xff]*)?\z")]
    private static partial Regex StatusLine();

    [GeneratedRegex(@"\A([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t -~\x80-\xff]*)\z")]
    private static partial Regex FieldLine();

    // An extension may begin with a blank as well as with a semicolon; what it says does not matter.
    [GeneratedRegex(@"\A([0-9A-Fa-f]+)([; \t][\t -~\x80-\xff]*)?\r\n")]
    private static partial Regex ChunkSize();

    [GeneratedRegex(@"\A([0-9A-Fa-f]{1,15}([; \t][\t -~\x80-\xff]*)?\r?)?\z")]
    private static partial Regex ChunkSizeBegin();
}
