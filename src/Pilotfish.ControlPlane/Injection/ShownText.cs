using System.Globalization;
using System.Text;

namespace Pilotfish.ControlPlane.Injection;

/// <summary>A value that somebody else wrote, for a message: short, and without characters that could disturb a terminal.</summary>
internal static class ShownText
{
    private const int LengthMax = 200;

    public static string Of(string value)
    {
        var shown = new StringBuilder();
        foreach (var c in value.Take(LengthMax))
        {
            _ = char.IsControl(c)
                ? shown.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}")
                : shown.Append(c);
        }

        return value.Length > LengthMax ? shown.Append("...").ToString() : shown.ToString();
    }
}
