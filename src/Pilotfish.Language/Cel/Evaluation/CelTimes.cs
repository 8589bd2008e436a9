using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using Pilotfish.Language.Formats;

namespace Pilotfish.Language.Cel.Evaluation;

/// <summary>Timestamps and durations as text, and the parts of a timestamp.</summary>
internal static class CelTimes
{
    private const long SecondsMin = -62135596800;
    private const long SecondsMax = 253402300799;
    private const int FractionDigits = 9;

    private static readonly SearchValues<byte> s_numberBytes = SearchValues.Create("0123456789."u8);


    public static bool IsInRange(long seconds) => seconds is >= SecondsMin and <= SecondsMax;

    /// <summary>RFC 3339. Null when the text is none.</summary>
    public static CelValue ParseTimestamp(ReadOnlySpan<byte> text)
    {
        // The framework keeps seven digits; the rest of the fraction is read by hand.
        Span<char> chars = stackalloc char[64];
        if (text.Length is < 20 or > 40 || text.ContainsAnyInRange((byte)0x80, (byte)0xFF))
        {
            return CelValue.Error("not a timestamp");
        }

        int fraction = 0;
        int digits = 0;
        int length = 0;
        bool inFraction = false;
        foreach (byte b in text)
        {
            if (b == '.')
            {
                inFraction = true;
                continue;
            }

            if (inFraction && char.IsAsciiDigit((char)b))
            {
                if (++digits > FractionDigits)
                {
                    return CelValue.Error("not a timestamp");
                }

                fraction = (fraction * 10) + (b - '0');
                continue;
            }

            inFraction = false;
            chars[length++] = (char)b;
        }

        for (int i = digits; i < FractionDigits; i++)
        {
            fraction *= 10;
        }

        const DateTimeStyles Styles = DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal;
        ReadOnlySpan<char> whole = chars[..length];
        return DateTimeOffset.TryParseExact(whole, "yyyy-MM-dd'T'HH:mm:ssK", CultureInfo.InvariantCulture, Styles, out DateTimeOffset time)
            && (whole[^1] is 'Z' || whole[^6] is '+' or '-')
            ? CelValue.OfTimestamp(time.ToUnixTimeSeconds(), fraction)
            : CelValue.Error("not a timestamp");
    }

    /// <summary>A sign and numbers with units, as in 1h30m, 1.5s, 200ms.</summary>
    public static CelValue ParseDuration(ReadOnlySpan<byte> text)
    {
        ReadOnlySpan<byte> rest = text;
        bool negative = !rest.IsEmpty && rest[0] == '-';
        if (!rest.IsEmpty && rest[0] is (byte)'-' or (byte)'+')
        {
            rest = rest[1..];
        }

        if (rest.SequenceEqual("0"u8))
        {
            return CelValue.OfDuration(0);
        }

        decimal total = 0;
        if (rest.IsEmpty)
        {
            return CelValue.Error("not a duration");
        }

        while (!rest.IsEmpty)
        {
            int digits = rest.IndexOfAnyExcept(s_numberBytes);
            if (digits <= 0 || digits > 20 || !Utf8Parser.TryParse(rest[..digits], out decimal number, out int read) || read != digits)
            {
                return CelValue.Error("not a duration");
            }

            rest = rest[digits..];
            int unit = rest.IndexOfAnyInRange((byte)'0', (byte)'9') is var next && next < 0 ? rest.Length : next;
            if (Unit(rest[..unit]) is not { } nanoseconds)
            {
                return CelValue.Error("not a duration");
            }

            total += number * nanoseconds;
            rest = rest[unit..];
            if (total > long.MaxValue)
            {
                return CelValue.Error("duration out of range");
            }
        }

        return CelValue.OfDuration((long)(negative ? -total : total));
    }

    public static void Append(FormatOutput output, scoped in CelValue value)
    {
        if (value.Kind == CelKind.Duration)
        {
            AppendSeconds(output, value.Bits);
            return;
        }

        DateTime time = DateTime.UnixEpoch.AddSeconds(value.Bits);
        output.AppendPadded(time.Year, 4);
        AppendPart(output, '-', time.Month);
        AppendPart(output, '-', time.Day);
        AppendPart(output, 'T', time.Hour);
        AppendPart(output, ':', time.Minute);
        AppendPart(output, ':', time.Second);
        AppendFraction(output, value.Nanos);
        output.Append((byte)'Z');
    }

    public static DateTime Clock(scoped in CelValue time, TimeZoneInfo? zone)
    {
        DateTime utc = DateTime.UnixEpoch.AddSeconds(time.Bits);
        return zone is null ? utc : utc + zone.GetUtcOffset(utc);
    }

    private static void AppendSeconds(FormatOutput output, long nanoseconds)
    {
        if (nanoseconds < 0)
        {
            output.Append((byte)'-');
        }

        ulong magnitude = nanoseconds < 0 ? 0UL - (ulong)nanoseconds : (ulong)nanoseconds;
        output.Append((long)(magnitude / 1_000_000_000));
        AppendFraction(output, (int)(magnitude % 1_000_000_000));
        output.Append((byte)'s');
    }

    private static void AppendPart(FormatOutput output, char before, int number)
    {
        output.Append((byte)before);
        output.AppendPadded(number, 2);
    }

    private static void AppendFraction(FormatOutput output, int nanos)
    {
        if (nanos == 0)
        {
            return;
        }

        int digits = FractionDigits;
        while (nanos % 10 == 0)
        {
            nanos /= 10;
            digits--;
        }

        output.Append((byte)'.');
        output.AppendPadded(nanos, digits);
    }

    private static decimal? Unit(ReadOnlySpan<byte> unit)
    {
        if (unit.SequenceEqual("h"u8))
        {
            return 3600m * 1_000_000_000;
        }

        if (unit.SequenceEqual("m"u8))
        {
            return 60m * 1_000_000_000;
        }

        if (unit.SequenceEqual("s"u8))
        {
            return 1_000_000_000;
        }

        if (unit.SequenceEqual("ms"u8))
        {
            return 1_000_000;
        }

        return unit.SequenceEqual("us"u8) || unit.SequenceEqual("µs"u8) ? 1000 : unit.SequenceEqual("ns"u8) ? 1 : null;
    }
}
