using System.Globalization;

namespace Pilotfish.ControlPlane.Config;

/// <summary>Durations as Go writes them (`1h15m`, `100ms`), which is how Istio's settings and annotations spell them.</summary>
public static class GoDuration
{
    // Longest suffixes first: `ms` must not be read as minutes.
    private static readonly (string Suffix, double Seconds)[] s_units =
        [("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("h", 3600), ("m", 60), ("s", 1)];

    public static bool TryParse(string? text, out TimeSpan value)
    {
        value = TimeSpan.Zero;
        if (string.IsNullOrEmpty(text))
        {
            return false;
        }

        if (text == "0")
        {
            return true;
        }

        var seconds = 0.0;
        var rest = text.AsSpan();
        while (rest.Length > 0)
        {
            var digits = 0;
            while (digits < rest.Length && (char.IsAsciiDigit(rest[digits]) || rest[digits] == '.'))
            {
                digits++;
            }

            if (digits == 0
                || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
                || !TryUnit(rest[digits..], out var unitSeconds, out var unitLength))
            {
                return false;
            }

            seconds += number * unitSeconds;
            rest = rest[(digits + unitLength)..];
        }

        if (seconds > TimeSpan.MaxValue.TotalSeconds / 2)
        {
            return false;
        }

        value = TimeSpan.FromSeconds(seconds);
        return true;
    }

    private static bool TryUnit(ReadOnlySpan<char> text, out double seconds, out int length)
    {
        foreach (var (suffix, unit) in s_units)
        {
            if (text.StartsWith(suffix, StringComparison.Ordinal))
            {
                seconds = unit;
                length = suffix.Length;
                return true;
            }
        }

        seconds = 0;
        length = 0;
        return false;
    }
}
