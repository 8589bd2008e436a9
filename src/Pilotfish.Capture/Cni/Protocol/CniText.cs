using System.Globalization;
using System.Text;

namespace Pilotfish.Capture.Cni.Protocol;

/// <summary>Texts of the protocol: names of verbs, and values made fit for a message.</summary>
internal static class CniText
{
    private const int ShownMax = 128;

    public static string NameOf(CniVerb verb) => verb.ToString().ToUpperInvariant();

    /// <summary>A foreign value, short and without characters that could disturb a terminal or a log.</summary>
    public static string Printable(string value)
    {
        var shown = new StringBuilder();
        foreach (char c in value.AsSpan(0, Math.Min(value.Length, ShownMax)))
        {
            _ = c is < ' ' or > '~' ? shown.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}") : shown.Append(c);
        }

        return value.Length > ShownMax ? shown.Append("...").ToString() : shown.ToString();
    }
}
