using System.Buffers;
using System.Globalization;
using System.Text;

namespace Pilotfish.Api.Messages;

/// <summary>google.protobuf.Duration as text, in proto3 JSON's form and in Go's.</summary>
public static class DurationText
{
    /// <summary>10,000 years: the range that the type's definition allows.</summary>
    private const long SecondsMax = 315_576_000_000;

    private const int NanosPerSecond = 1_000_000_000;

    private static readonly SearchValues<char> s_numberLetters = SearchValues.Create("0123456789.");

    /// <summary>Proto3 JSON: decimal seconds with at most nine digits of fraction, then "s".</summary>
    public static bool TryParse(string text, out long seconds, out int nanos)
    {
        seconds = 0;
        nanos = 0;
        ReadOnlySpan<char> rest = text;
        if (!rest.EndsWith("s"))
        {
            return false;
        }

        rest = rest[..^1];
        bool negative = rest.StartsWith("-");
        rest = negative ? rest[1..] : rest;
        int point = rest.IndexOf('.');
        ReadOnlySpan<char> whole = point < 0 ? rest : rest[..point];
        ReadOnlySpan<char> fraction = point < 0 ? "0" : rest[(point + 1)..];
        if (!IsDigits(whole) || !IsDigits(fraction) || whole.Length > 12 || fraction.Length > 9)
        {
            return false;
        }

        seconds = long.Parse(whole, CultureInfo.InvariantCulture);
        nanos = int.Parse(fraction, CultureInfo.InvariantCulture);
        for (int i = fraction.Length; i < 9; i++)
        {
            nanos *= 10;
        }

        if (negative)
        {
            seconds = -seconds;
            nanos = -nanos;
        }

        return Math.Abs(seconds) <= SecondsMax;
    }

    /// <summary>Go: a sequence of decimal numbers with a unit each (ns, us, µs, ms, s, m, h), such as 1h15m30.5s.</summary>
    public static bool TryParseGo(string text, out long seconds, out int nanos)
    {
        seconds = 0;
        nanos = 0;
        ReadOnlySpan<char> rest = text;
        bool negative = rest.StartsWith("-");
        rest = negative || rest.StartsWith("+") ? rest[1..] : rest;
        if (rest.SequenceEqual("0"))
        {
            return true;
        }

        decimal total = 0;
        if (rest.Length == 0)
        {
            return false;
        }

        while (rest.Length > 0)
        {
            int digits = rest.IndexOfAnyExcept(s_numberLetters);
            if (digits is <= 0 or > 20
                || !decimal.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number))
            {
                return false;
            }

            rest = rest[digits..];
            int unit = rest.IndexOfAny(s_numberLetters);
            unit = unit < 0 ? rest.Length : unit;
            if (!TryGetUnit(rest[..unit], out decimal nanosPerUnit))
            {
                return false;
            }

            total += number * nanosPerUnit;
            rest = rest[unit..];

            // Go's durations are 64-bit nanoseconds.
            if (total > long.MaxValue)
            {
                return false;
            }
        }

        long exact = (long)total * (negative ? -1 : 1);
        seconds = exact / NanosPerSecond;
        nanos = (int)(exact % NanosPerSecond);
        return true;
    }

    /// <summary>Proto3 JSON with no, three, six or nine digits of fraction, as many as the value needs.</summary>
    public static string Format(long seconds, int nanos)
    {
        var text = new StringBuilder();
        if (seconds < 0 || nanos < 0)
        {
            text.Append('-');
        }

        text.Append(CultureInfo.InvariantCulture, $"{Math.Abs(seconds)}");
        AppendFraction(text, Math.Abs(nanos));
        return text.Append('s').ToString();
    }

    internal static void AppendFraction(StringBuilder text, int nanos)
    {
        if (nanos == 0)
        {
            return;
        }

        text.Append('.');
        if (nanos % 1_000_000 == 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"{nanos / 1_000_000:d3}");
        }
        else if (nanos % 1000 == 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"{nanos / 1000:d6}");
        }
        else
        {
            text.Append(CultureInfo.InvariantCulture, $"{nanos:d9}");
        }
    }

    private static bool TryGetUnit(ReadOnlySpan<char> unit, out decimal nanos)
    {
        nanos = unit switch
        {
            "ns" => 1,
            "us" or "µs" or "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => NanosPerSecond,
            "m" => 60m * NanosPerSecond,
            "h" => 3600m * NanosPerSecond,
            _ => 0,
        };
        return nanos != 0;
    }

    private static bool IsDigits(ReadOnlySpan<char> text) => text.Length > 0 && text.IndexOfAnyExceptInRange('0', '9') < 0;
}
