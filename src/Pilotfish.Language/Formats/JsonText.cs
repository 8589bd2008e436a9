using System.Buffers;
using System.Text;

namespace Pilotfish.Language.Formats;

/// <summary>Writes text as a JSON string, without allocating. Bytes that are not UTF-8 become U+FFFD, one for each.</summary>
public static class JsonText
{
    private static readonly SearchValues<byte> s_needsCare = SearchValues.Create(CareBytes());

    public static void AppendQuoted(FormatOutput output, ReadOnlySpan<byte> text)
    {
        output.Append((byte)'"');
        AppendEscaped(output, text);
        output.Append((byte)'"');
    }

    public static void AppendQuoted(FormatOutput output, string text)
    {
        output.Append((byte)'"');
        Span<byte> utf8 = stackalloc byte[4];
        foreach (Rune rune in text.EnumerateRunes())
        {
            AppendEscaped(output, utf8[..rune.EncodeToUtf8(utf8)]);
        }

        output.Append((byte)'"');
    }

    public static void AppendEscaped(FormatOutput output, ReadOnlySpan<byte> text)
    {
        while (!text.IsEmpty)
        {
            int plain = text.IndexOfAny(s_needsCare);
            if (plain < 0)
            {
                output.Append(text);
                return;
            }

            output.Append(text[..plain]);
            text = text[plain..];
            text = text[AppendCareful(output, text)..];
        }
    }

    // Returns how many bytes it consumed.
    private static int AppendCareful(FormatOutput output, ReadOnlySpan<byte> text)
    {
        byte first = text[0];
        if (first >= 0x80)
        {
            OperationStatus status = Rune.DecodeFromUtf8(text, out _, out int consumed);
            if (status == OperationStatus.Done)
            {
                output.Append(text[..consumed]);
                return consumed;
            }

            output.Append("\uFFFD"u8);
            return 1;
        }

        ReadOnlySpan<byte> escape = first switch
        {
            (byte)'"' => "\\\""u8,
            (byte)'\\' => "\\\\"u8,
            (byte)'\b' => "\\b"u8,
            (byte)'\f' => "\\f"u8,
            (byte)'\n' => "\\n"u8,
            (byte)'\r' => "\\r"u8,
            (byte)'\t' => "\\t"u8,
            _ => default,
        };
        if (escape.IsEmpty)
        {
            output.Append("\\u00"u8);
            output.Append(HexDigit(first >> 4));
            output.Append(HexDigit(first & 0xF));
        }
        else
        {
            output.Append(escape);
        }

        return 1;
    }

    private static byte HexDigit(int value) => (byte)(value < 10 ? '0' + value : 'a' + value - 10);

    private static byte[] CareBytes()
    {
        List<byte> bytes = [(byte)'"', (byte)'\\', 0x7F];
        for (int i = 0; i < 0x20; i++)
        {
            bytes.Add((byte)i);
        }

        for (int i = 0x80; i <= 0xFF; i++)
        {
            bytes.Add((byte)i);
        }

        return [.. bytes];
    }
}
