using System.Buffers.Text;
using System.Text;

namespace Pilotfish.Language.Cel.Evaluation;

/// <summary>
/// Numbers in texts as Envoy's CEL (cel-cpp, by Abseil's SimpleAtoi and SimpleAtod) reads them: decimal, with white space of ASCII around
/// them and a sign, which for unsigned ones can only be '+'. CEL's specification leaves this open; cel-go takes neither blanks nor '+' for unsigned.
/// </summary>
internal static class CelNumberText
{
    public static bool TryInt(ReadOnlySpan<byte> text, out long number)
    {
        text = Trim(text);
        return Utf8Parser.TryParse(text, out number, out int read) && read == text.Length;
    }

    public static bool TryUint(ReadOnlySpan<byte> text, out ulong number)
    {
        text = WithoutPlus(Trim(text));
        return Utf8Parser.TryParse(text, out number, out int read) && read == text.Length;
    }

    public static bool TryDouble(ReadOnlySpan<byte> text, out double number)
    {
        text = Trim(text);
        if (Utf8Parser.TryParse(text, out number, out int read) && read == text.Length)
        {
            return true;
        }

        bool isNegative = text.StartsWith("-"u8);
        text = isNegative ? text[1..] : WithoutPlus(text);
        bool isInfinite = Ascii.EqualsIgnoreCase(text, "inf"u8) || Ascii.EqualsIgnoreCase(text, "infinity"u8);
        number = !isInfinite ? double.NaN : isNegative ? double.NegativeInfinity : double.PositiveInfinity;
        return isInfinite || Ascii.EqualsIgnoreCase(text, "nan"u8);
    }

    // A sign behind the sign is none.
    private static ReadOnlySpan<byte> WithoutPlus(ReadOnlySpan<byte> text) =>
        text.Length > 1 && text[0] == '+' && text[1] is not ((byte)'+' or (byte)'-') ? text[1..] : text;

    private static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> text) => text.Trim(" \t\n\v\f\r"u8);
}
