using System.Globalization;
using System.Text;

namespace Pilotfish.Agent.Bootstrap;

/// <summary>Labels and annotations as the downward API mounts them: one <c>key="value"</c> a line, quoted as Go does.</summary>
public static class PodInfo
{
    /// <summary>Null where the file is missing or unreadable: pods without the volume are legal.</summary>
    public static IReadOnlyDictionary<string, string>? TryRead(string path)
    {
        try
        {
            return File.Exists(path) ? Parse(File.ReadAllText(path)) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The kubelet swaps the files while the pod runs; the next start reads them, and none of them is required.
            return null;
        }
    }

    public static IReadOnlyDictionary<string, string> Parse(string text)
    {
        var result = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = line.IndexOf('=');
            if (equals > 0 && TryUnquote(line.AsSpan(equals + 1), out string value))
            {
                result[line[..equals]] = value;
            }
        }

        return result;
    }

    private static bool TryUnquote(ReadOnlySpan<char> quoted, out string value)
    {
        value = "";
        quoted = quoted.TrimEnd('\r');
        if (quoted.Length < 2 || quoted[0] != '"' || quoted[^1] != '"')
        {
            return false;
        }

        ReadOnlySpan<char> body = quoted[1..^1];
        var text = new StringBuilder(body.Length);
        for (int i = 0; i < body.Length; i++)
        {
            if (body[i] != '\\')
            {
                text.Append(body[i]);
                continue;
            }

            if (++i == body.Length || !TryUnescape(body, ref i, text))
            {
                return false;
            }
        }

        value = text.ToString();
        return true;
    }

    private static bool TryUnescape(ReadOnlySpan<char> body, ref int i, StringBuilder text)
    {
        int digits = body[i] switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
        if (digits > 0)
        {
            if (i + digits >= body.Length
                || !int.TryParse(body.Slice(i + 1, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int code)
                || !Rune.IsValid(code))
            {
                return false;
            }

            text.Append(new Rune(code).ToString());
            i += digits;
            return true;
        }

        char? plain = body[i] switch
        {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\a',
            'b' => '\b',
            'f' => '\f',
            'v' => '\v',
            '\\' or '"' or '\'' => body[i],
            _ => null,
        };
        text.Append(plain);
        return plain is not null;
    }
}
