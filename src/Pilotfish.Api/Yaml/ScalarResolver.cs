using System.Globalization;

namespace Pilotfish.Api.Yaml;

/// <summary>
/// What an unquoted scalar means. The rules are those of the YAML library behind kubectl and Istio where manifests
/// depend on them (0644 is octal, ~ is null), with one departure: yes, no, on and off stay strings, as YAML 1.2 has it.
/// </summary>
internal static class ScalarResolver
{
    public static YamlScalarKind Resolve(string text)
    {
        switch (text)
        {
            case "" or "~" or "null" or "Null" or "NULL":
                return YamlScalarKind.Null;
            case "true" or "True" or "TRUE" or "false" or "False" or "FALSE":
                return YamlScalarKind.Boolean;
        }

        char first = text[0];
        if (!char.IsAsciiDigit(first) && first is not ('-' or '+' or '.'))
        {
            return YamlScalarKind.String;
        }

        if (TryParseInteger(text, out _))
        {
            return YamlScalarKind.Integer;
        }

        return TryParseFloat(text, out _) ? YamlScalarKind.Float : YamlScalarKind.String;
    }

    public static bool TryParseInteger(string text, out Int128 value)
    {
        value = 0;
        ReadOnlySpan<char> digits = text;
        bool negative = digits.StartsWith("-");
        if (negative || digits.StartsWith("+"))
        {
            digits = digits[1..];
        }

        // 39 decimal digits are the most that fit; longer texts are floats or strings.
        if (digits.Length is 0 or > 39)
        {
            return false;
        }

        bool parsed;
        if (digits.StartsWith("0x") || digits.StartsWith("0X"))
        {
            parsed = TryParseRadix(digits[2..], 16, out value);
        }
        else if (digits.StartsWith("0o"))
        {
            parsed = TryParseRadix(digits[2..], 8, out value);
        }
        else if (digits.StartsWith("0b"))
        {
            parsed = TryParseRadix(digits[2..], 2, out value);
        }
        else if (digits.Length > 1 && digits[0] == '0')
        {
            parsed = TryParseRadix(digits, 8, out value);
        }
        else
        {
            parsed = TryParseRadix(digits, 10, out value);
        }

        if (parsed && negative)
        {
            value = -value;
        }

        return parsed;
    }

    public static bool TryParseFloat(string text, out double value)
    {
        value = 0;
        switch (text)
        {
            case ".inf" or ".Inf" or ".INF" or "+.inf" or "+.Inf" or "+.INF":
                value = double.PositiveInfinity;
                return true;
            case "-.inf" or "-.Inf" or "-.INF":
                value = double.NegativeInfinity;
                return true;
            case ".nan" or ".NaN" or ".NAN":
                value = double.NaN;
                return true;
        }

        foreach (char c in text)
        {
            if (!char.IsAsciiDigit(c) && c is not ('-' or '+' or '.' or 'e' or 'E'))
            {
                return false;
            }
        }

        const NumberStyles Styles = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return double.TryParse(text, Styles, CultureInfo.InvariantCulture, out value);
    }

    public static bool TryParseWholeFloat(string text, out Int128 value)
    {
        value = 0;

        // Beyond 2^64 no field takes the number anyway.
        if (!TryParseFloat(text, out double number) || number != Math.Floor(number) || Math.Abs(number) > 1.9e19)
        {
            return false;
        }

        value = (Int128)number;
        return true;
    }

    private static bool TryParseRadix(ReadOnlySpan<char> digits, int radix, out Int128 value)
    {
        value = 0;
        if (digits.Length == 0)
        {
            return false;
        }

        foreach (char c in digits)
        {
            int digit = char.IsAsciiHexDigit(c) ? Convert.ToInt32(c.ToString(), 16) : radix;
            if (digit >= radix || value > (Int128.MaxValue - digit) / radix)
            {
                return false;
            }

            value = (value * radix) + digit;
        }

        return true;
    }
}
