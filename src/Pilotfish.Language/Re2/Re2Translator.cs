using System.Buffers;
using System.Globalization;
using System.Text;

namespace Pilotfish.Language.Re2;

/// <summary>
/// Rewrites RE2 syntax as .NET syntax where the two differ, and refuses what RE2 does not have (look-around, back-references, atomic
/// groups). Differences that matter: <c>$</c> is the end of the text and nothing else; <c>\d \w \s</c> are ASCII; <c>\Q...\E</c>,
/// <c>(?P&lt;n&gt;...)</c>, <c>[[:alpha:]]</c> and <c>\x{10FFFF}</c> are spelt differently.
/// </summary>
internal sealed class Re2Translator(string pattern)
{
    // RE2's own limit on counted repetition.
    private const int RepeatMax = 1000;

    private static readonly SearchValues<char> s_repeatCharacters = SearchValues.Create("0123456789,");

    private readonly StringBuilder _out = new();
    private int _at;
    private bool _multiLine;

    public string Translate()
    {
        while (_at < pattern.Length)
        {
            char c = pattern[_at];
            switch (c)
            {
                case '\\':
                    TranslateEscape();
                    break;
                case '[':
                    TranslateClass();
                    break;
                case '(':
                    TranslateGroup();
                    break;
                case '$':
                    _out.Append(_multiLine ? "$" : @"\z");
                    _at++;
                    break;
                case '{':
                    TranslateRepeat();
                    break;
                case '*' or '+' or '?':
                    CopyQuantifier(1);
                    break;
                default:
                    _out.Append(c);
                    _at++;
                    break;
            }
        }

        return _out.ToString();
    }

    private void TranslateEscape()
    {
        if (_at + 1 == pattern.Length)
        {
            throw Error("it ends with a backslash");
        }

        char c = pattern[_at + 1];
        if (AsciiClass(c) is { } set)
        {
            _out.Append(char.IsUpper(c) ? "[^" : "[").Append(set).Append(']');
            _at += 2;
            return;
        }

        switch (c)
        {
            case 'Q':
                TranslateQuote();
                break;
            case 'x':
                AppendCodePoint(ReadHex());
                break;
            case 'p' or 'P':
                TranslateProperty();
                break;
            case 'A' or 'z' or 'b' or 'B':
                _out.Append('\\').Append(c);
                _at += 2;
                break;
            case '0':
                AppendCodePoint(ReadOctal());
                break;
            default:
                AppendSimpleEscape(c);
                _at += 2;
                break;
        }
    }

    private void AppendSimpleEscape(char c)
    {
        if (c is 'a' or 'f' or 't' or 'n' or 'r' or 'v')
        {
            _out.Append('\\').Append(c);
        }
        else if (char.IsAsciiLetterOrDigit(c))
        {
            throw Error(char.IsAsciiDigit(c) ? $"back-reference '\\{c}'" : $"unknown escape '\\{c}'");
        }
        else
        {
            AppendLiteral(c);
        }
    }

    private void TranslateQuote()
    {
        int end = pattern.IndexOf(@"\E", _at + 2, StringComparison.Ordinal);
        string quoted = end < 0 ? pattern[(_at + 2)..] : pattern[(_at + 2)..end];
        foreach (char c in quoted)
        {
            AppendLiteral(c);
        }

        _at = end < 0 ? pattern.Length : end + 2;
    }

    private void TranslateProperty()
    {
        int length = _at + 2 < pattern.Length && pattern[_at + 2] == '{' ? pattern.IndexOf('}', _at) - _at + 1 : 3;
        if (length < 3 || _at + length > pattern.Length)
        {
            throw Error("a Unicode class is not closed");
        }

        string text = pattern.Substring(_at, length);
        _out.Append(length == 3 ? $"{text[..2]}{{{text[2]}}}" : text);
        _at += length;
    }

    private void TranslateGroup()
    {
        if (_at + 1 >= pattern.Length || pattern[_at + 1] != '?')
        {
            _out.Append('(');
            _at++;
            return;
        }

        int name = pattern.AsSpan(_at).StartsWith("(?P<") ? 4 : pattern.AsSpan(_at).StartsWith("(?<") ? 3 : 0;
        if (name > 0)
        {
            if (_at + name < pattern.Length && pattern[_at + name] is '=' or '!')
            {
                throw Error("look-behind");
            }

            _out.Append("(?<");
            _at += name;
            return;
        }

        TranslateFlags();
    }

    // (?flags) and (?flags:...), flags out of i, m, s and U with at most one '-'.
    private void TranslateFlags()
    {
        int end = _at + 2;
        while (end < pattern.Length && pattern[end] is not (':' or ')'))
        {
            if (pattern[end] is not ('i' or 'm' or 's' or '-'))
            {
                throw Error($"group '(?{pattern[end]}'");
            }

            end++;
        }

        if (end == pattern.Length)
        {
            throw Error("a group is not closed");
        }

        string flags = pattern[(_at + 2)..end];
        int minus = flags.IndexOf('-');
        if (flags.Contains('m'))
        {
            _multiLine = minus < 0 || flags.IndexOf('m') < minus;
        }

        _out.Append("(?").Append(flags).Append(pattern[end]);
        _at = end + 1;
    }

    private void TranslateRepeat()
    {
        int end = pattern.IndexOf('}', _at);
        string body = end < 0 ? "" : pattern[(_at + 1)..end];
        string[] bounds = body.Split(',');
        bool isRepeat = bounds.Length is 1 or 2 && bounds[0].Length > 0 && body.AsSpan().IndexOfAnyExcept(s_repeatCharacters) < 0;
        if (!isRepeat)
        {
            _out.Append(@"\{");
            _at++;
            return;
        }

        foreach (string bound in bounds)
        {
            if (bound.Length > 0 && (bound.Length > 4 || int.Parse(bound, CultureInfo.InvariantCulture) > RepeatMax))
            {
                throw Error($"repetition '{{{body}}}' is above {RepeatMax}");
            }
        }

        CopyQuantifier(end - _at + 1);
    }

    private void CopyQuantifier(int length)
    {
        _out.Append(pattern, _at, length);
        _at += length;
        if (_at < pattern.Length && pattern[_at] == '?')
        {
            _out.Append('?');
            _at++;
        }

        if (_at < pattern.Length && pattern[_at] is '*' or '+' or '?')
        {
            throw Error("a repetition is repeated");
        }
    }

    private void TranslateClass()
    {
        _out.Append('[');
        _at++;
        if (_at < pattern.Length && pattern[_at] == '^')
        {
            _out.Append('^');
            _at++;
        }

        bool first = true;
        while (_at < pattern.Length && (pattern[_at] != ']' || first))
        {
            first = false;
            TranslateClassItem();
        }

        if (_at >= pattern.Length)
        {
            throw Error("a character class is not closed");
        }

        _out.Append(']');
        _at++;
    }

    private void TranslateClassItem()
    {
        char c = pattern[_at];
        bool isNamed = c == '[' && _at + 1 < pattern.Length && pattern[_at + 1] == ':';

        // Without an end behind both characters it is a bracket like any other, as RE2 reads it.
        int end = isNamed ? pattern.IndexOf(":]", _at + 2, StringComparison.Ordinal) : -1;
        if (end >= 0)
        {
            string name = pattern[(_at + 2)..end];
            _out.Append(PosixClass(name) ?? throw Error($"unknown class '[:{name}:]'"));
            _at = end + 2;
        }
        else if (c == '\\')
        {
            TranslateClassEscape();
        }
        else
        {
            _out.Append(c is '[' or ']' or '^' ? $"\\{c}" : c.ToString());
            _at++;
        }
    }

    private void TranslateClassEscape()
    {
        char c = _at + 1 < pattern.Length ? pattern[_at + 1] : throw Error("it ends with a backslash");
        if (AsciiClass(c) is { } set)
        {
            _out.Append(char.IsUpper(c) ? NegatedAsciiClass(c) : set);
            _at += 2;
        }
        else if (c == 'x')
        {
            AppendCodePoint(ReadHex());
        }
        else if (c == '0')
        {
            AppendCodePoint(ReadOctal());
        }
        else if (c is 'p' or 'P')
        {
            TranslateProperty();
        }
        else
        {
            AppendSimpleEscape(c);
            _at += 2;
        }
    }

    private int ReadHex()
    {
        bool braced = _at + 2 < pattern.Length && pattern[_at + 2] == '{';
        int start = braced ? _at + 3 : _at + 2;
        int end = braced ? pattern.IndexOf('}', start) : start + 2;
        if (end < 0 || end > pattern.Length
            || !int.TryParse(pattern.AsSpan(start, end - start), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value)
            || value is < 0 or > 0x10FFFF)
        {
            throw Error("a hexadecimal escape is malformed");
        }

        _at = braced ? end + 1 : end;
        return value;
    }

    private int ReadOctal()
    {
        int value = 0;
        _at++;
        for (int digits = 0; digits < 3 && _at < pattern.Length && pattern[_at] is >= '0' and <= '7'; digits++)
        {
            value = (value * 8) + pattern[_at++] - '0';
        }

        return value;
    }

    private void AppendCodePoint(int value)
    {
        if (value > 0xFFFF)
        {
            _out.Append(char.ConvertFromUtf32(value));
        }
        else
        {
            _out.Append(CultureInfo.InvariantCulture, $"\\u{value:X4}");
        }
    }

    private void AppendLiteral(char c) => _out.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");

    private static string? AsciiClass(char c) => char.ToLowerInvariant(c) switch
    {
        'd' => "0-9",
        'w' => "0-9A-Za-z_",
        's' => @"\t\n\f\r ",
        _ => null,
    };

    private static string NegatedAsciiClass(char c) => c switch
    {
        'D' => @"\u0000-/:-\uFFFF",
        'W' => @"\u0000-/:-@\u005B-\u005E`\u007B-\uFFFF",
        _ => @"\u0000-\u0008\u000B\u000E-\u001F\u0021-\uFFFF",
    };

    private static string? PosixClass(string name) => name switch
    {
        "alnum" => "0-9A-Za-z",
        "alpha" => "A-Za-z",
        "ascii" => @"\u0000-\u007F",
        "blank" => @"\t ",
        "cntrl" => @"\u0000-\u001F\u007F",
        "digit" => "0-9",
        "graph" => "!-~",
        "lower" => "a-z",
        "print" => " -~",
        "punct" => @"!-/:-@\u005B-`{-~",
        "space" => @"\t\n\v\f\r ",
        "upper" => "A-Z",
        "word" => "0-9A-Za-z_",
        "xdigit" => "0-9A-Fa-f",
        _ => null,
    };

    private Re2SyntaxException Error(string problem) => new(pattern, problem);
}
