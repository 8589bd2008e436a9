using System.Text;

namespace Pilotfish.Language.Formats;

/// <summary>Takes a strftime-like format apart; compound specifiers such as %T are spelled out.</summary>
internal static class TimeFormatParser
{
    public const int FractionDigitsMax = 9;

    private const string Simple = "YCymdeHkIlMSjpPbBaAuwUWVGgsfzZ";

    public static TimeFormatPart[] Parse(string format)
    {
        List<TimeFormatPart> parts = [];
        StringBuilder literal = new();
        ParseInto(format, parts, literal);
        Flush(parts, literal);
        return [.. parts];
    }

    private static void ParseInto(string format, List<TimeFormatPart> parts, StringBuilder literal)
    {
        for (int at = 0; at < format.Length; at++)
        {
            if (format[at] is '\n' or '\r' or '\0')
            {
                throw new FormatException("the time format holds a line break or a zero byte");
            }

            if (format[at] != '%')
            {
                literal.Append(format[at]);
                continue;
            }

            if (++at == format.Length)
            {
                throw new FormatException("the time format ends with a single '%'");
            }

            at = ParseSpecifier(format, at, parts, literal);
        }
    }

    private static int ParseSpecifier(string format, int at, List<TimeFormatPart> parts, StringBuilder literal)
    {
        char specifier = format[at];
        if (Compound(specifier) is { } spelledOut)
        {
            ParseInto(spelledOut, parts, literal);
            return at;
        }

        int digits = 0;
        switch (specifier)
        {
            case '%':
                literal.Append('%');
                return at;
            case 'n':
                literal.Append('\n');
                return at;
            case 't':
                literal.Append('\t');
                return at;
            case 'h':
                specifier = 'b';
                break;
            case >= '1' and <= '9' when at + 1 < format.Length && format[at + 1] == 'f':
                digits = specifier - '0';
                specifier = 'f';
                at++;
                break;
            case 'f':
                digits = FractionDigitsMax;
                break;
            case 'E' when at + 1 < format.Length && format[at + 1] == 'z':
                specifier = ':';
                at++;
                break;
        }

        if (specifier != ':' && !Simple.Contains(specifier))
        {
            throw new FormatException($"the time format has the specifier '%{specifier}', which is not known");
        }

        Flush(parts, literal);
        parts.Add(new TimeFormatPart(specifier, [], digits));
        return at;
    }

    private static string? Compound(char specifier) => specifier switch
    {
        'F' => "%Y-%m-%d",
        'T' or 'X' => "%H:%M:%S",
        'R' => "%H:%M",
        'D' or 'x' => "%m/%d/%y",
        'r' => "%I:%M:%S %p",
        'c' => "%a %b %e %H:%M:%S %Y",
        _ => null,
    };

    private static void Flush(List<TimeFormatPart> parts, StringBuilder literal)
    {
        if (literal.Length > 0)
        {
            parts.Add(new TimeFormatPart('\0', Encoding.UTF8.GetBytes(literal.ToString()), 0));
            literal.Clear();
        }
    }
}
