using System.Text;

namespace Pilotfish.Language.Formats;

/// <summary>
/// A format string taken apart: literals and operators in order. The grammar is Envoy's: %NAME%, %NAME(args)%,
/// %NAME(args):Z%, and %% for a percent sign. Which names exist is for the compiler that turns it into a program.
/// </summary>
public sealed class FormatTemplate
{
    // Far above any real format; bounds the work that one pushed string can cause.
    public const int LengthMax = 64 * 1024;

    private FormatTemplate(IReadOnlyList<FormatPart> parts) => Parts = parts;

    public IReadOnlyList<FormatPart> Parts { get; }

    /// <summary>The operator when the whole template is exactly one; such a JSON value keeps its type.</summary>
    public FormatOperator? SingleOperator => Parts.Count == 1 ? Parts[0].Operator : null;

    public static FormatTemplate Parse(string format)
    {
        if (format.Length > LengthMax)
        {
            throw new FormatSyntaxException(
                LengthMax, $"the format has {format.Length} characters; at most {LengthMax} are accepted");
        }

        List<FormatPart> parts = [];
        StringBuilder literal = new();
        int at = 0;
        while (at < format.Length)
        {
            if (format[at] != '%')
            {
                literal.Append(format[at++]);
            }
            else if (at + 1 < format.Length && format[at + 1] == '%')
            {
                literal.Append('%');
                at += 2;
            }
            else
            {
                FlushLiteral(parts, literal);
                parts.Add(new FormatPart(null, ReadOperator(format, ref at)));
            }
        }

        FlushLiteral(parts, literal);
        return new FormatTemplate(parts);
    }

    private static void FlushLiteral(List<FormatPart> parts, StringBuilder literal)
    {
        if (literal.Length > 0)
        {
            parts.Add(new FormatPart(literal.ToString(), null));
            literal.Clear();
        }
    }

    private static FormatOperator ReadOperator(string format, ref int at)
    {
        int start = at;
        int nameEnd = start + 1;
        while (nameEnd < format.Length && IsNameCharacter(format[nameEnd]))
        {
            nameEnd++;
        }

        string name = format[(start + 1)..nameEnd];
        if (name.Length == 0)
        {
            throw new FormatSyntaxException(start, "'%' begins no operator; write '%%' for a percent sign");
        }

        string? arguments = null;
        int next = nameEnd;
        int? length = null;
        if (next < format.Length && format[next] == '(')
        {
            (int close, next, length) = FindEnd(format, start, name, next);
            arguments = format[(nameEnd + 1)..close];
        }
        else if (!TryReadEnd(format, next, out next, out length))
        {
            throw new FormatSyntaxException(
                start, $"operator '%{name}' does not end: expected '%', ':length%' or '(arguments)' after its name");
        }

        at = next;
        return new FormatOperator(name, arguments, length, start);
    }

    // Arguments may hold '%' and ')' (time formats, expressions): they end at the first ')' that an operator's end follows.
    private static (int Close, int Next, int? Length) FindEnd(string format, int start, string name, int open)
    {
        for (int close = format.IndexOf(')', open); close >= 0; close = format.IndexOf(')', close + 1))
        {
            if (TryReadEnd(format, close + 1, out int next, out int? length))
            {
                return (close, next, length);
            }
        }

        throw new FormatSyntaxException(
            start, $"operator '%{name}(' does not end: expected ')%' or '):length%' after its arguments");
    }

    private static bool TryReadEnd(string format, int at, out int next, out int? length)
    {
        next = at;
        length = null;
        if (at < format.Length && format[at] == ':')
        {
            int digits = at + 1;
            while (digits < format.Length && char.IsAsciiDigit(format[digits]))
            {
                digits++;
            }

            if (!int.TryParse(format.AsSpan(at + 1, digits - at - 1), out int value))
            {
                return false;
            }

            length = value;
            at = digits;
        }

        if (at >= format.Length || format[at] != '%')
        {
            return false;
        }

        next = at + 1;
        return true;
    }

    private static bool IsNameCharacter(char c) => char.IsAsciiLetterUpper(c) || char.IsAsciiDigit(c) || c == '_';
}
