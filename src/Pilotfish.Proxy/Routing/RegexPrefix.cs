namespace Pilotfish.Proxy.Routing;

/// <summary>The literal text that everything begins with that a regular expression matches as a whole.</summary>
internal static class RegexPrefix
{
    /// <summary>
    /// The longest run of plain characters at the pattern's start, perhaps shorter than it could be and never too long; empty for none.
    /// A pattern that is an alternative has none: what comes first in it need not be what matches.
    /// </summary>
    public static string Of(string pattern)
    {
        if (IsAlternative(pattern))
        {
            return "";
        }

        int start = pattern.StartsWith('^') ? 1 : 0;
        int length = 0;
        while (start + length < pattern.Length && IsPlain(pattern[start + length]))
        {
            length++;
        }

        // What repeats the last character may also leave it out.
        bool repeats = start + length < pattern.Length && pattern[start + length] is '*' or '?' or '{' or '+';
        return pattern.Substring(start, Math.Max(0, length - (repeats ? 1 : 0)));
    }

    // Behind a class or an escape every bar counts: telling those inside apart would take a parser.
    private static bool IsAlternative(string pattern)
    {
        int depth = 0;
        for (int i = 0; i < pattern.Length; i++)
        {
            switch (pattern[i])
            {
                case '(':
                    depth++;
                    break;
                case ')':
                    depth--;
                    break;
                case '|' when depth == 0:
                    return true;
                case '[' or '\\':
                    return pattern.IndexOf('|', i) >= 0;
            }
        }

        return false;
    }

    private static bool IsPlain(char c) => char.IsAsciiLetterOrDigit(c) || c is '/' or '-' or '_' or '~' or '%' or ':' or '@' or '=' or ',';
}
