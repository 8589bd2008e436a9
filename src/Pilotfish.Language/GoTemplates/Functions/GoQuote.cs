using System.Globalization;
using System.Text;

namespace Pilotfish.Language.GoTemplates.Functions;

/// <summary>Texts as Go string literals (strconv.Quote).</summary>
internal static class GoQuote
{
    public static string Quote(string text)
    {
        var quoted = new StringBuilder(text.Length + 2).Append('"');
        foreach (var rune in text.EnumerateRunes())
        {
            Append(quoted, rune);
        }

        return quoted.Append('"').ToString();
    }

    private static void Append(StringBuilder quoted, Rune rune)
    {
        switch (rune.Value)
        {
            case '"' or '\\':
                quoted.Append('\\').Append((char)rune.Value);
                break;
            case '\a' or '\b' or '\f' or '\n' or '\r' or '\t' or '\v':
                quoted.Append('\\').Append("abtnvfr"[rune.Value - '\a']);
                break;
            case < 0x20 or 0x7f:
                quoted.Append(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}");
                break;
            default:
                AppendPrintable(quoted, rune);
                break;
        }
    }

    private static void AppendPrintable(StringBuilder quoted, Rune rune)
    {
        var isPrintable = rune.Value < 0x7f || Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control
            or UnicodeCategory.Format or UnicodeCategory.OtherNotAssigned or UnicodeCategory.PrivateUse
            or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);
        if (isPrintable)
        {
            quoted.Append(rune.ToString());
        }
        else
        {
            quoted.Append(rune.Value > 0xffff ? $"\\U{rune.Value:x8}" : $"\\u{rune.Value:x4}");
        }
    }
}
