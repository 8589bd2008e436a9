namespace Pilotfish.Language.Formats;

/// <summary>
/// A strftime-like time format, compiled. Over strftime it has %s (seconds since 1970), %f (nine digits of fraction) and
/// %1f to %9f (so many digits). Writes without allocating.
/// </summary>
public sealed class TimeFormat
{
    private static readonly string[] s_months =
    [
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ];

    private static readonly string[] s_days =
        ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

    private readonly TimeFormatPart[] _parts;
    private readonly TimeZoneInfo? _zone;

    private TimeFormat(TimeFormatPart[] parts, TimeZoneInfo? zone)
    {
        _parts = parts;
        _zone = zone;
    }

    /// <summary>ISO 8601 with milliseconds and Z; the form of a time operator without argument.</summary>
    public static TimeFormat Default { get; } = Parse("%Y-%m-%dT%H:%M:%S.%3fZ");

    /// <summary>A null zone is UTC. Throws <see cref="FormatException"/> with one sentence.</summary>
    public static TimeFormat Parse(string format, TimeZoneInfo? zone = null) =>
        new(TimeFormatParser.Parse(format), zone);

    public void Append(FormatOutput output, DateTimeOffset time)
    {
        TimeSpan offset = _zone is null ? TimeSpan.Zero : _zone.GetUtcOffset(time);
        DateTime clock = time.UtcDateTime + offset;
        foreach (ref readonly TimeFormatPart part in _parts.AsSpan())
        {
            AppendPart(output, in part, clock, time, offset);
        }
    }

    private void AppendPart(
        FormatOutput output, in TimeFormatPart part, DateTime clock, DateTimeOffset time, TimeSpan offset)
    {
        switch (part.Specifier)
        {
            case '\0': output.Append(part.Literal); break;
            case 'Y': output.AppendPadded(clock.Year, 4); break;
            case 'C': output.AppendPadded(clock.Year / 100, 2); break;
            case 'y': output.AppendPadded(clock.Year % 100, 2); break;
            case 'm': output.AppendPadded(clock.Month, 2); break;
            case 'd': output.AppendPadded(clock.Day, 2); break;
            case 'e': output.AppendPadded(clock.Day, 2, (byte)' '); break;
            case 'H': output.AppendPadded(clock.Hour, 2); break;
            case 'k': output.AppendPadded(clock.Hour, 2, (byte)' '); break;
            case 'I': output.AppendPadded(Hour12(clock), 2); break;
            case 'l': output.AppendPadded(Hour12(clock), 2, (byte)' '); break;
            case 'M': output.AppendPadded(clock.Minute, 2); break;
            case 'S': output.AppendPadded(clock.Second, 2); break;
            case 'j': output.AppendPadded(clock.DayOfYear, 3); break;
            case 'p': output.Append(clock.Hour < 12 ? "AM"u8 : "PM"u8); break;
            case 'P': output.Append(clock.Hour < 12 ? "am"u8 : "pm"u8); break;
            case 'b': output.Append(s_months[clock.Month - 1].AsSpan(0, 3)); break;
            case 'B': output.Append(s_months[clock.Month - 1]); break;
            case 'a': output.Append(s_days[(int)clock.DayOfWeek].AsSpan(0, 3)); break;
            case 'A': output.Append(s_days[(int)clock.DayOfWeek]); break;
            case 'u': output.Append(clock.DayOfWeek == DayOfWeek.Sunday ? 7 : (int)clock.DayOfWeek); break;
            case 'w': output.Append((int)clock.DayOfWeek); break;
            case 'U': output.AppendPadded((clock.DayOfYear + 6 - (int)clock.DayOfWeek) / 7, 2); break;
            case 'W': output.AppendPadded((clock.DayOfYear + 6 - (((int)clock.DayOfWeek + 6) % 7)) / 7, 2); break;
            case 'V': output.AppendPadded(System.Globalization.ISOWeek.GetWeekOfYear(clock), 2); break;
            case 'G': output.AppendPadded(System.Globalization.ISOWeek.GetYear(clock), 4); break;
            case 'g': output.AppendPadded(System.Globalization.ISOWeek.GetYear(clock) % 100, 2); break;
            case 's': output.Append(time.ToUnixTimeSeconds()); break;
            case 'f': AppendFraction(output, clock, part.Digits); break;
            case 'z': AppendOffset(output, offset, colon: false); break;
            case ':': AppendOffset(output, offset, colon: true); break;
            case 'Z': AppendZone(output, clock); break;
        }
    }

    private static int Hour12(DateTime clock) => clock.Hour % 12 == 0 ? 12 : clock.Hour % 12;

    private static void AppendFraction(FormatOutput output, DateTime clock, int digits)
    {
        long nanoseconds = clock.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick;
        for (int i = digits; i < TimeFormatParser.FractionDigitsMax; i++)
        {
            nanoseconds /= 10;
        }

        output.AppendPadded((int)nanoseconds, digits);
    }

    private static void AppendOffset(FormatOutput output, TimeSpan offset, bool colon)
    {
        output.Append(offset < TimeSpan.Zero ? (byte)'-' : (byte)'+');
        output.AppendPadded(Math.Abs(offset.Hours), 2);
        if (colon)
        {
            output.Append((byte)':');
        }

        output.AppendPadded(Math.Abs(offset.Minutes), 2);
    }

    private void AppendZone(FormatOutput output, DateTime clock)
    {
        if (_zone is null)
        {
            output.Append("UTC"u8);
        }
        else
        {
            output.Append(_zone.IsDaylightSavingTime(clock) ? _zone.DaylightName : _zone.StandardName);
        }
    }
}
