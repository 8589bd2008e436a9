using System.Globalization;

namespace Pilotfish.ControlPlane.Injection.Shapes;

/// <summary>Durations in protobuf's JSON form: seconds with up to nine decimals and an `s`.</summary>
internal static class ProtoDuration
{
    /// <summary>The bound of google.protobuf.Duration: about 10,000 years.</summary>
    private const decimal SecondsMax = 315_576_000_000;

    public static bool TryParse(string text, out decimal seconds)
    {
        seconds = 0;
        return text.EndsWith('s')
            && decimal.TryParse(
                text.AsSpan(0, text.Length - 1),
                NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint,
                CultureInfo.InvariantCulture,
                out seconds)
            && Math.Abs(seconds) <= SecondsMax;
    }

    /// <summary>The canonical spelling has 0, 3, 6 or 9 decimals.</summary>
    public static string Format(decimal seconds)
    {
        foreach (var format in new[] { "0", "0.000", "0.000000" })
        {
            var text = seconds.ToString(format, CultureInfo.InvariantCulture);
            if (decimal.Parse(text, CultureInfo.InvariantCulture) == seconds)
            {
                return text + "s";
            }
        }

        return seconds.ToString("0.000000000", CultureInfo.InvariantCulture) + "s";
    }
}
