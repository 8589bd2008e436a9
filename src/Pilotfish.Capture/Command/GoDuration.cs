using System.Globalization;

namespace Pilotfish.Capture.Command;

/// <summary>Durations as Go prints and reads them: "5s", "1m30s", "500ms", "1.5h", "0".</summary>
internal static class GoDuration
{
    public static bool TryParse(string text, out TimeSpan value)
    {
        value = TimeSpan.Zero;
        if (text == "0")
        {
            return true;
        }

        double seconds = 0;
        int at = 0;
        while (at < text.Length)
        {
            int digits = at;
            while (digits < text.Length && (char.IsAsciiDigit(text[digits]) || text[digits] == '.'))
            {
                digits++;
            }

            int unitEnd = digits;
            while (unitEnd < text.Length && !char.IsAsciiDigit(text[unitEnd]) && text[unitEnd] != '.')
            {
                unitEnd++;
            }

            if (!double.TryParse(text[at..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number)
                || SecondsOf(text[digits..unitEnd]) is not double unit)
            {
                return false;
            }

            seconds += number * unit;
            at = unitEnd;
        }

        bool fits = text.Length > 0 && seconds <= TimeSpan.MaxValue.TotalSeconds / 2;
        value = fits ? TimeSpan.FromSeconds(seconds) : TimeSpan.Zero;
        return fits;
    }

    private static double? SecondsOf(string unit) => unit switch
    {
        "ns" => 1e-9,
        "us" or "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => null,
    };
}
