using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Pilotfish.Language.GoTemplates;

/// <summary>Values as text, as Go's fmt package prints them with %v.</summary>
public static class GoFormat
{
    /// <summary>Decimal exponents from which on %g of the shortest form turns to scientific notation; a number of seven
    /// digits that came from JSON prints as 1.234567e+06, and templates are written with that in mind.</summary>
    private const int ScientificExponentMin = 6;

    public static string Print(GoValue value)
    {
        switch (value.Kind)
        {
            case GoKind.Nil:
                return "<nil>";
            case GoKind.Bool:
                return value.AsBool ? "true" : "false";
            case GoKind.Int:
                return value.AsInt.ToString(CultureInfo.InvariantCulture);
            case GoKind.Float:
                return PrintFloat(value.AsFloat);
            case GoKind.String:
                return value.AsString;
            case GoKind.List:
                return "[" + string.Join(' ', value.AsList.Select(Print)) + "]";
            case GoKind.Map:
                return "map[" + string.Join(' ', value.AsMap.Entries.Select(e => e.Key + ":" + Print(e.Value))) + "]";
            case GoKind.Object:
                return value.AsObject.ToText();
            default:
                throw new UnreachableException();
        }
    }

    /// <summary>The shortest form that reads back, in %g notation.</summary>
    public static string PrintFloat(double value)
    {
        if (double.IsNaN(value))
        {
            return "NaN";
        }

        if (double.IsInfinity(value))
        {
            return value > 0 ? "+Inf" : "-Inf";
        }

        if (value == 0)
        {
            return double.IsNegative(value) ? "-0" : "0";
        }

        var (digits, exponent, isNegative) = ShortestDigits(value);
        var text = new StringBuilder(isNegative ? "-" : "");
        if (exponent < -4 || exponent >= ScientificExponentMin)
        {
            return AppendExponential(text, digits, exponent).ToString();
        }

        return AppendDecimal(text, digits, exponent).ToString();
    }

    private static StringBuilder AppendExponential(StringBuilder text, string digits, int exponent)
    {
        text.Append(digits[0]);
        if (digits.Length > 1)
        {
            text.Append('.').Append(digits, 1, digits.Length - 1);
        }

        return text.Append(exponent < 0 ? "e-" : "e+")
            .Append(Math.Abs(exponent).ToString("00", CultureInfo.InvariantCulture));
    }

    private static StringBuilder AppendDecimal(StringBuilder text, string digits, int exponent)
    {
        if (exponent < 0)
        {
            return text.Append("0.").Append('0', -exponent - 1).Append(digits);
        }

        if (digits.Length <= exponent + 1)
        {
            return text.Append(digits).Append('0', exponent + 1 - digits.Length);
        }

        return text.Append(digits, 0, exponent + 1).Append('.').Append(digits, exponent + 1, digits.Length - exponent - 1);
    }

    private static (string Digits, int Exponent, bool IsNegative) ShortestDigits(double value)
    {
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        var isNegative = text.StartsWith('-');
        text = text.TrimStart('-');
        var exponent = 0;
        var mark = text.IndexOf('E', StringComparison.Ordinal);
        if (mark >= 0)
        {
            exponent = int.Parse(text.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
            text = text[..mark];
        }

        var point = text.IndexOf('.', StringComparison.Ordinal);
        var whole = point < 0 ? text : text[..point];
        var all = point < 0 ? text : whole + text[(point + 1)..];
        exponent += whole.Length - 1;
        var leading = all.Length - all.TrimStart('0').Length;
        return (all.Trim('0') is { Length: > 0 } trimmed ? trimmed : "0", exponent - leading, isNegative);
    }
}
