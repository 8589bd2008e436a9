using System.Globalization;

namespace Pilotfish.Language.GoTemplates;

/// <summary>Numbers as Go's template literals and conversions write them.</summary>
internal static class GoNumber
{
    public static bool TryParse(string text, out GoValue value)
    {
        value = default;
        if (TryParseInt(text, out var integer))
        {
            value = GoValue.From(integer);
            return true;
        }

        if (double.TryParse(text.Replace("_", "", StringComparison.Ordinal), NumberStyles.Float, CultureInfo.InvariantCulture,
            out var real))
        {
            value = GoValue.From(real);
            return true;
        }

        return false;
    }

    /// <summary>Decimal, 0x, 0o, 0b and leading-zero octal, with underscores, as base 0 of strconv.ParseInt.</summary>
    public static bool TryParseInt(string text, out long value)
    {
        value = 0;
        var digits = text.Replace("_", "", StringComparison.Ordinal);
        var isNegative = digits.StartsWith('-');
        if (isNegative || digits.StartsWith('+'))
        {
            digits = digits[1..];
        }

        var (radix, start) = digits switch
        {
            _ when digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase) => (16, 2),
            _ when digits.StartsWith("0o", StringComparison.OrdinalIgnoreCase) => (8, 2),
            _ when digits.StartsWith("0b", StringComparison.OrdinalIgnoreCase) => (2, 2),
            _ when digits.Length > 1 && digits[0] == '0' => (8, 1),
            _ => (10, 0),
        };
        if (start == digits.Length)
        {
            return false;
        }

        for (var i = start; i < digits.Length; i++)
        {
            var digit = char.IsAsciiHexDigit(digits[i]) ? Convert.ToInt32(digits[i].ToString(), 16) : radix;
            if (digit >= radix || value > (long.MaxValue - digit) / radix)
            {
                return false;
            }

            value = (value * radix) + digit;
        }

        value = isNegative ? -value : value;
        return true;
    }
}
