using System.Globalization;

namespace Pilotfish.Language.Cel.Syntax;

/// <summary>Splits an expression into tokens.</summary>
internal sealed class CelLexer(string source)
{
    private static readonly string[] s_symbols =
        ["&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "?", ":", "+", "-", "*", "/", "%", "(", ")", "[", "]", "{", "}", ",", "."];

    private int _at;

    public CelToken Next()
    {
        SkipBlanks();
        if (_at == source.Length)
        {
            return new CelToken(CelTokenKind.End, _at, "");
        }

        char c = source[_at];
        if (char.IsAsciiDigit(c) || (c == '.' && char.IsAsciiDigit(Peek(1))))
        {
            return Number();
        }

        if (StringStart() is { } quote)
        {
            return CelStringLexer.Read(source, ref _at, quote);
        }

        if (char.IsAsciiLetter(c) || c == '_')
        {
            int start = _at;
            while (_at < source.Length && (char.IsAsciiLetterOrDigit(source[_at]) || source[_at] == '_'))
            {
                _at++;
            }

            return new CelToken(CelTokenKind.Identifier, start, source[start.._at]);
        }

        foreach (string symbol in s_symbols)
        {
            if (string.CompareOrdinal(source, _at, symbol, 0, symbol.Length) == 0)
            {
                _at += symbol.Length;
                return new CelToken(CelTokenKind.Symbol, _at - symbol.Length, symbol);
            }
        }

        string hint = c switch
        {
            '=' => "; write '==' to compare",
            '&' => "; write '&&'",
            '|' => "; write '||'",
            _ => "",
        };
        throw new CelSyntaxException(source, _at, $"'{c}' has no meaning here{hint}");
    }

    // The index of the opening quote when a string begins here: prefixes r and b in either order and case.
    private int? StringStart()
    {
        int at = _at;
        while (at < source.Length && at - _at < 2 && source[at] is 'r' or 'R' or 'b' or 'B')
        {
            at++;
        }

        return at < source.Length && source[at] is '"' or '\'' ? at : null;
    }

    private void SkipBlanks()
    {
        while (_at < source.Length)
        {
            if (source[_at] is ' ' or '\t' or '\n' or '\r' or '\f')
            {
                _at++;
            }
            else if (source[_at] == '/' && Peek(1) == '/')
            {
                int end = source.IndexOf('\n', _at);
                _at = end < 0 ? source.Length : end;
            }
            else
            {
                return;
            }
        }
    }

    private CelToken Number()
    {
        int start = _at;
        if (source[_at] == '0' && Peek(1) is 'x' or 'X')
        {
            _at += 2;
            int digits = _at;
            SkipWhile(char.IsAsciiHexDigit);
            return Integer(start, source.AsSpan(digits, _at - digits), NumberStyles.AllowHexSpecifier);
        }

        SkipWhile(char.IsAsciiDigit);
        bool isDouble = false;
        if (Peek(0) == '.' && char.IsAsciiDigit(Peek(1)))
        {
            isDouble = true;
            _at++;
            SkipWhile(char.IsAsciiDigit);
        }

        if (Peek(0) is 'e' or 'E' && (char.IsAsciiDigit(Peek(1)) || (Peek(1) is '+' or '-' && char.IsAsciiDigit(Peek(2)))))
        {
            isDouble = true;
            _at += 2;
            SkipWhile(char.IsAsciiDigit);
        }

        if (!isDouble)
        {
            return Integer(start, source.AsSpan(start, _at - start), NumberStyles.None);
        }

        string text = source[start.._at];
        double value = double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
        return double.IsInfinity(value)
            ? throw new CelSyntaxException(source, start, $"the number '{text}' is too large")
            : End(new CelToken(CelTokenKind.Double, start, text, value));
    }

    private CelToken Integer(int start, ReadOnlySpan<char> digits, NumberStyles styles)
    {
        bool unsigned = Peek(0) is 'u' or 'U';
        if (!ulong.TryParse(digits, styles, CultureInfo.InvariantCulture, out ulong value))
        {
            throw new CelSyntaxException(source, start, digits.IsEmpty
                ? "a hexadecimal number has no digits" : $"the number '{digits}' is too large");
        }

        if (unsigned)
        {
            _at++;
        }

        return End(new CelToken(unsigned ? CelTokenKind.Uint : CelTokenKind.Int, start, source[start.._at], value));
    }

    private CelToken End(CelToken number) =>
        char.IsAsciiLetterOrDigit(Peek(0)) || Peek(0) == '_'
            ? throw new CelSyntaxException(source, _at, $"'{Peek(0)}' follows the number '{number.Text}'")
            : number;

    private void SkipWhile(Func<char, bool> belongs)
    {
        while (_at < source.Length && belongs(source[_at]))
        {
            _at++;
        }
    }

    private char Peek(int ahead) => _at + ahead < source.Length ? source[_at + ahead] : '\0';
}
