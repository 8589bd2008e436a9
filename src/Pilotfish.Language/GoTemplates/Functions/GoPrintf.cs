using System.Globalization;
using System.Text;

namespace Pilotfish.Language.GoTemplates.Functions;

/// <summary>Go's Printf for template values: verbs v d s q t x X o b c U e f g, flags `-+ #0`, width and precision.</summary>
internal static class GoPrintf
{
    /// <summary>Widths and precisions above this are refused, as they only serve to fill memory.</summary>
    private const int WidthMax = 10_000;

    public static string Format(string format, IReadOnlyList<GoValue> arguments)
    {
        var output = new StringBuilder();
        var next = 0;
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                output.Append(format[i]);
                continue;
            }

            if (++i >= format.Length)
            {
                output.Append("%!(NOVERB)");
                break;
            }

            var directive = Directive.Read(format, ref i, arguments, ref next);
            if (directive.Verb == '%')
            {
                output.Append('%');
            }
            else if (next >= arguments.Count)
            {
                output.Append("%!").Append(directive.Verb).Append("(MISSING)");
            }
            else
            {
                output.Append(directive.Pad(FormatOne(directive, arguments[next++])));
            }
        }

        AppendExtra(output, arguments, next);
        return output.ToString();
    }

    private static void AppendExtra(StringBuilder output, IReadOnlyList<GoValue> arguments, int next)
    {
        if (next >= arguments.Count)
        {
            return;
        }

        var extra = arguments.Skip(next).Select(a => a.IsNil ? "<nil>" : $"{a.TypeName}={GoFormat.Print(a)}");
        output.Append("%!(EXTRA ").AppendJoin(", ", extra).Append(')');
    }

    private static string FormatOne(Directive directive, GoValue value)
    {
        switch (directive.Verb)
        {
            case 'v':
                return value.Kind == GoKind.Int ? FormatInt(directive, value.AsInt) : GoFormat.Print(value);
            case 's' when value.Kind is GoKind.String or GoKind.List or GoKind.Map or GoKind.Object:
                return Truncate(GoFormat.Print(value), directive.Precision);
            case 'q' when value.Kind == GoKind.String:
                return GoQuote.Quote(value.AsString);
            case 't' when value.Kind == GoKind.Bool:
                return GoFormat.Print(value);
            case 'd' when value.Kind == GoKind.Int:
                return FormatInt(directive, value.AsInt);
            case 'c' when value.Kind == GoKind.Int && Rune.IsValid((int)value.AsInt):
                return new Rune((int)value.AsInt).ToString();
            case 'U' when value.Kind == GoKind.Int:
                return "U+" + value.AsInt.ToString("X4", CultureInfo.InvariantCulture);
            case 'x' or 'X' or 'o' or 'b' when value.Kind == GoKind.Int:
                return FormatRadix(directive, value.AsInt);
            case 'x' or 'X' when value.Kind == GoKind.String:
                var hex = Convert.ToHexString(Encoding.UTF8.GetBytes(value.AsString));
                return directive.Verb == 'X' ? hex : hex.ToLowerInvariant();
            case 'e' or 'f' or 'F' or 'g' when value.Kind == GoKind.Float:
                return FormatFloat(directive, value.AsFloat);
            case 'T':
                return value.IsNil ? "<nil>" : value.TypeName;
            default:
                return value.IsNil
                    ? $"%!{directive.Verb}(<nil>)"
                    : $"%!{directive.Verb}({value.TypeName}={GoFormat.Print(value)})";
        }
    }

    private static string FormatInt(Directive directive, long value)
    {
        var text = value.ToString(CultureInfo.InvariantCulture);
        return directive.HasPlus && value >= 0 ? "+" + text : directive.HasSpace && value >= 0 ? " " + text : text;
    }

    private static string FormatRadix(Directive directive, long value)
    {
        var (radix, prefix) = directive.Verb switch
        {
            'b' => (2, "0b"),
            'o' => (8, "0"),
            'x' => (16, "0x"),
            _ => (16, "0X"),
        };
        var magnitude = Convert.ToString(Math.Abs(value), radix);
        magnitude = directive.Verb == 'X' ? magnitude.ToUpperInvariant() : magnitude;
        return (value < 0 ? "-" : "") + (directive.HasSharp ? prefix : "") + magnitude;
    }

    private static string FormatFloat(Directive directive, double value)
    {
        var precision = (directive.Precision ?? 6).ToString(CultureInfo.InvariantCulture);
        var text = directive.Verb switch
        {
            'e' => value.ToString((directive.Precision == 0 ? "0" : "0." + new string('0', directive.Precision ?? 6)) + "e+00",
                CultureInfo.InvariantCulture),
            'f' or 'F' => value.ToString("F" + precision, CultureInfo.InvariantCulture),
            _ => directive.Precision is null
                ? GoFormat.PrintFloat(value)
                : value.ToString("G" + precision, CultureInfo.InvariantCulture),
        };
        return directive.HasPlus && value >= 0 ? "+" + text : text;
    }

    private static string Truncate(string text, int? runes)
    {
        if (runes is null)
        {
            return text;
        }

        var kept = new StringBuilder();
        foreach (var rune in text.EnumerateRunes().Take(runes.Value))
        {
            kept.Append(rune.ToString());
        }

        return kept.ToString();
    }

    private readonly record struct Directive(
        char Verb, bool HasMinus, bool HasPlus, bool HasSpace, bool HasSharp, bool HasZero, int Width, int? Precision)
    {
        /// <summary>Reads flags, width, precision and verb; leaves the index on the verb.</summary>
        public static Directive Read(string format, ref int i, IReadOnlyList<GoValue> arguments, ref int next)
        {
            var flags = "";
            while (i < format.Length && "-+ #0".Contains(format[i], StringComparison.Ordinal))
            {
                flags += format[i++];
            }

            var width = ReadNumber(format, ref i, arguments, ref next) ?? 0;
            int? precision = null;
            if (i < format.Length && format[i] == '.')
            {
                i++;
                precision = ReadNumber(format, ref i, arguments, ref next) ?? 0;
            }

            var verb = i < format.Length ? format[i] : '!';
            return new Directive(
                verb,
                flags.Contains('-', StringComparison.Ordinal) || width < 0,
                flags.Contains('+', StringComparison.Ordinal),
                flags.Contains(' ', StringComparison.Ordinal),
                flags.Contains('#', StringComparison.Ordinal),
                flags.Contains('0', StringComparison.Ordinal),
                Math.Abs(width),
                precision);
        }

        public string Pad(string text)
        {
            var missing = Width - text.EnumerateRunes().Count();
            if (missing <= 0)
            {
                return text;
            }

            if (HasMinus)
            {
                return text + new string(' ', missing);
            }

            if (!HasZero)
            {
                return new string(' ', missing) + text;
            }

            var sign = text.Length > 0 && text[0] is '-' or '+' && Verb is not ('s' or 'v' or 'q') ? 1 : 0;
            return text[..sign] + new string('0', missing) + text[sign..];
        }

        private static int? ReadNumber(string format, ref int i, IReadOnlyList<GoValue> arguments, ref int next)
        {
            int? number = null;
            if (i < format.Length && format[i] == '*')
            {
                i++;
                number = next < arguments.Count ? (int)Arguments.AnyInt(arguments[next++]) : 0;
            }

            while (i < format.Length && char.IsAsciiDigit(format[i]))
            {
                number = Math.Min(((number ?? 0) * 10) + format[i++] - '0', WidthMax + 1);
            }

            return Math.Abs(number ?? 0) > WidthMax
                ? throw new GoFunctionException($"width or precision is above {WidthMax}")
                : number;
        }
    }
}
