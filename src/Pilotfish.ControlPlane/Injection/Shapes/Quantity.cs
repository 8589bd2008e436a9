using System.Globalization;
using System.Numerics;

namespace Pilotfish.ControlPlane.Injection.Shapes;

/// <summary>A Kubernetes resource quantity: a decimal number with a suffix, kept in billionths.</summary>
internal readonly record struct Quantity
{
    /// <summary>Digits a quantity may have. Kubernetes caps values at 2^63 - 1, which has 19.</summary>
    private const int DigitsMax = 64;

    private const int NanoDigits = 9;
    private static readonly string[] s_decimalSuffixes = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
    private static readonly string[] s_binarySuffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

    private enum Notation
    {
        Decimal,
        Binary,
        Exponent,
    }

    private BigInteger Nanos { get; init; }

    private Notation Style { get; init; }

    public static bool TryParse(string text, out Quantity quantity)
    {
        quantity = default;
        var end = text.Length > 0 && text[0] is '+' or '-' ? 1 : 0;
        var digits = 0;
        var fraction = -1;
        while (end < text.Length && (char.IsAsciiDigit(text[end]) || (text[end] == '.' && fraction < 0)))
        {
            fraction = text[end] == '.' ? 0 : fraction < 0 ? -1 : fraction + 1;
            digits += text[end] == '.' ? 0 : 1;
            end++;
        }

        if (digits is 0 or > DigitsMax || !TryParseSuffix(text[end..], out var style, out var factor, out var exponent))
        {
            return false;
        }

        var mantissa = BigInteger.Parse(text[..end].Replace(".", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
        var scale = exponent + NanoDigits - Math.Max(fraction, 0);
        mantissa *= factor;
        // Amounts below a billionth round away from zero.
        var nanos = scale >= 0 ? mantissa * BigInteger.Pow(10, scale) : DivideAway(mantissa, BigInteger.Pow(10, -scale));
        quantity = new Quantity { Nanos = nanos, Style = style };
        return true;
    }

    /// <summary>The one spelling that Kubernetes writes: no fraction, and the largest suffix that allows it.</summary>
    public override string ToString()
    {
        var kilo = new BigInteger(1024) * BigInteger.Pow(10, NanoDigits);
        if (Style == Notation.Binary && BigInteger.Abs(Nanos) >= kilo)
        {
            return Write(DivideAway(Nanos, BigInteger.Pow(10, NanoDigits)), 1024, s_binarySuffixes);
        }

        if (Style != Notation.Exponent)
        {
            return Write(Nanos, 1000, s_decimalSuffixes);
        }

        var (value, steps) = Reduce(Nanos, 1000, int.MaxValue);
        var exponent = (steps * 3) - NanoDigits;
        return value.ToString(CultureInfo.InvariantCulture)
            + (exponent == 0 || value.IsZero ? "" : "e" + exponent.ToString(CultureInfo.InvariantCulture));
    }

    private static string Write(BigInteger value, int step, string[] suffixes)
    {
        if (value.IsZero)
        {
            return "0";
        }

        var (reduced, steps) = Reduce(value, step, suffixes.Length - 1);
        return reduced.ToString(CultureInfo.InvariantCulture) + suffixes[steps];
    }

    private static (BigInteger Value, int Steps) Reduce(BigInteger value, int step, int stepsMax)
    {
        var steps = 0;
        while (!value.IsZero && steps < stepsMax && (value % step).IsZero)
        {
            value /= step;
            steps++;
        }

        return (value, steps);
    }

    private static BigInteger DivideAway(BigInteger value, BigInteger divisor)
    {
        var quotient = BigInteger.DivRem(value, divisor, out var remainder);
        return remainder.IsZero ? quotient : quotient + remainder.Sign;
    }

    private static bool TryParseSuffix(string suffix, out Notation style, out BigInteger factor, out int exponent)
    {
        style = Notation.Decimal;
        factor = BigInteger.One;
        exponent = 0;
        var binary = Array.IndexOf(s_binarySuffixes, suffix);
        if (binary > 0)
        {
            style = Notation.Binary;
            factor = BigInteger.Pow(1024, binary);
            return true;
        }

        var place = Array.IndexOf(s_decimalSuffixes, suffix);
        if (place >= 0)
        {
            exponent = (place - 3) * 3;
            return true;
        }

        style = Notation.Exponent;
        // Exponents beyond these bounds cannot occur in a value that Kubernetes accepts.
        return suffix.Length is > 1 and <= 4 && suffix[0] is 'e' or 'E'
            && int.TryParse(suffix.AsSpan(1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent)
            && exponent is >= -NanoDigits and <= DigitsMax;
    }
}
