using System.Globalization;
using System.Text;

namespace Pilotfish.Api.Messages;

/// <summary>google.protobuf.Timestamp as text: RFC 3339, printed in UTC.</summary>
public static class TimestampText
{
    // "2026-01-02T03:04:05": what every timestamp begins with.
    private const int SecondsLength = 19;

    public static bool TryParse(string text, out long seconds, out int nanos)
    {
        seconds = 0;
        nanos = 0;
        if (text.Length <= SecondsLength || text[10] is not ('T' or 't'))
        {
            return false;
        }

        ReadOnlySpan<char> rest = text.AsSpan(SecondsLength);
        int zone = rest.IndexOfAny("Zz+-");
        if (zone < 0)
        {
            return false;
        }

        ReadOnlySpan<char> fraction = rest[..zone];
        if (fraction.Length > 0 && !TryParseFraction(fraction, out nanos))
        {
            return false;
        }

        ReadOnlySpan<char> offset = rest[zone..] is "z" or "Z" ? "+00:00" : rest[zone..];
        string whole = $"{text.AsSpan(0, 10)}T{text.AsSpan(11, 8)}{offset}";
        bool parsed = DateTimeOffset.TryParseExact(
            whole, "yyyy-MM-dd'T'HH:mm:sszzz", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateTimeOffset time);
        seconds = parsed ? time.ToUnixTimeSeconds() : 0;
        return parsed;
    }

    /// <summary>Null where the value is outside years 1 to 9999, which have no text.</summary>
    public static string? Format(long seconds, int nanos)
    {
        const long Least = -62_135_596_800;
        const long Most = 253_402_300_799;
        if (seconds is < Least or > Most || nanos is < 0 or > 999_999_999)
        {
            return null;
        }

        DateTimeOffset time = DateTimeOffset.FromUnixTimeSeconds(seconds);
        var text = new StringBuilder(time.ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture));
        DurationText.AppendFraction(text, nanos);
        return text.Append('Z').ToString();
    }

    private static bool TryParseFraction(ReadOnlySpan<char> fraction, out int nanos)
    {
        nanos = 0;
        if (fraction[0] != '.' || fraction.Length is < 2 or > 10)
        {
            return false;
        }

        string digits = fraction[1..].ToString().PadRight(9, '0');
        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out nanos);
    }
}
