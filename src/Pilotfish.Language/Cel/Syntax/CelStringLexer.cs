using System.Globalization;
using System.Text;

namespace Pilotfish.Language.Cel.Syntax;

/// <summary>String and bytes literals: four quotes, raw ones, and escapes.</summary>
internal static class CelStringLexer
{
    /// <summary>Reads the literal whose prefix begins at <paramref name="at"/> and whose quote stands at <paramref name="quote"/>.</summary>
    public static CelToken Read(string source, ref int at, int quote)
    {
        int start = at;
        ReadOnlySpan<char> prefix = source.AsSpan(start, quote - start);
        bool raw = prefix.ContainsAny('r', 'R');
        bool bytes = prefix.ContainsAny('b', 'B');
        char mark = source[quote];
        bool triple = quote + 2 < source.Length && source[quote + 1] == mark && source[quote + 2] == mark;
        string end = new(mark, triple ? 3 : 1);
        at = quote + end.Length;
        MemoryStream value = new();
        while (true)
        {
            if (at >= source.Length || (!triple && source[at] is '\n' or '\r'))
            {
                throw new CelSyntaxException(source, start, $"the text that begins here has no closing {end}");
            }

            if (string.CompareOrdinal(source, at, end, 0, end.Length) == 0)
            {
                at += end.Length;
                break;
            }

            if (source[at] == '\\' && !raw)
            {
                ReadEscape(source, ref at, bytes, value);
            }
            else
            {
                Rune.DecodeFromUtf16(source.AsSpan(at), out Rune rune, out int consumed);
                Write(value, rune);
                at += consumed;
            }
        }

        return new CelToken(bytes ? CelTokenKind.Bytes : CelTokenKind.String, start, source[start..at], value.ToArray());
    }

    private static void ReadEscape(string source, ref int at, bool bytes, MemoryStream value)
    {
        int start = at;
        char c = at + 1 < source.Length ? source[at + 1] : '\0';
        at += 2;
        int simple = c switch
        {
            'a' => '\a',
            'b' => '\b',
            'f' => '\f',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\v',
            '\\' or '?' or '"' or '\'' or '`' => c,
            _ => -1,
        };
        if (simple >= 0)
        {
            value.WriteByte((byte)simple);
            return;
        }

        (int digits, int from, NumberStyles styles) = c switch
        {
            'x' or 'X' => (2, at, NumberStyles.AllowHexSpecifier),
            'u' when !bytes => (4, at, NumberStyles.AllowHexSpecifier),
            'U' when !bytes => (8, at, NumberStyles.AllowHexSpecifier),
            >= '0' and <= '3' => (3, at - 1, NumberStyles.None),
            _ => throw new CelSyntaxException(source, start, $"the escape '\\{c}' is not known"),
        };
        if (from + digits > source.Length
            || !TryParse(source.AsSpan(from, digits), styles, out uint code))
        {
            throw new CelSyntaxException(source, start, $"the escape '\\{c}' needs {digits} digits");
        }

        at = from + digits;
        if (bytes)
        {
            value.WriteByte((byte)code);
        }
        else if (Rune.TryCreate(code, out Rune rune))
        {
            Write(value, rune);
        }
        else
        {
            throw new CelSyntaxException(source, start, "the escape names no character");
        }
    }

    private static bool TryParse(ReadOnlySpan<char> digits, NumberStyles styles, out uint code)
    {
        if (styles == NumberStyles.AllowHexSpecifier)
        {
            return uint.TryParse(digits, styles, CultureInfo.InvariantCulture, out code);
        }

        code = 0;
        foreach (char digit in digits)
        {
            if (digit is < '0' or > '7')
            {
                return false;
            }

            code = (code * 8) + (uint)(digit - '0');
        }

        return true;
    }

    private static void Write(MemoryStream value, Rune rune)
    {
        Span<byte> utf8 = stackalloc byte[4];
        value.Write(utf8[..rune.EncodeToUtf8(utf8)]);
    }
}
