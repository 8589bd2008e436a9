using System.Globalization;
using System.Text;

namespace Pilotfish.Language.GoTemplates.Syntax;

/// <summary>Cuts a template into text and the tokens between `{{` and `}}`, applying the trim markers `{{- ` and ` -}}`.
/// Spaces inside actions are tokens, because `.a.b` and `.a .b` differ.</summary>
internal sealed class TemplateLexer
{
    private const string Left = "{{";
    private const string Right = "}}";
    private const string CommentStart = "/*";
    private const string CommentEnd = "*/";

    private readonly string _name;
    private readonly string _text;
    private readonly List<Token> _tokens = [];
    private int _index;
    private int _line = 1;
    private int _lineStart;
    private int _parentheses;

    public TemplateLexer(string name, string text)
    {
        _name = name;
        _text = text;
    }

    private TemplatePosition Here => new(_line, _index - _lineStart + 1);

    public List<Token> Run()
    {
        var trimBefore = false;
        while (true)
        {
            var open = _text.IndexOf(Left, _index, StringComparison.Ordinal);
            var end = open < 0 ? _text.Length : open;
            var trimAfter = open >= 0 && HasTrimMarkerAt(open + Left.Length);
            AddText(_text.AsSpan(_index, end - _index), trimBefore, trimAfter);
            Advance(end - _index);
            if (open < 0)
            {
                _tokens.Add(new Token(TokenKind.End, "", Here));
                return _tokens;
            }

            trimBefore = LexAction(trimAfter);
        }
    }

    private bool HasTrimMarkerAt(int index) =>
        index + 1 < _text.Length && _text[index] == '-' && IsSpace(_text[index + 1]);

    private void AddText(ReadOnlySpan<char> text, bool trimStart, bool trimEnd)
    {
        if (trimStart)
        {
            text = text.TrimStart(" \t\r\n");
        }

        if (trimEnd)
        {
            text = text.TrimEnd(" \t\r\n");
        }

        if (!text.IsEmpty)
        {
            _tokens.Add(new Token(TokenKind.Text, text.ToString(), Here));
        }
    }

    /// <summary>Reads one action or comment; returns whether it ends with a trim marker.</summary>
    private bool LexAction(bool hasTrimMarker)
    {
        var opened = Here;
        Advance(Left.Length + (hasTrimMarker ? 2 : 0));
        if (StartsWith(CommentStart))
        {
            return SkipComment(opened);
        }

        _tokens.Add(new Token(TokenKind.LeftDelimiter, Left, opened));
        _parentheses = 0;
        while (true)
        {
            if (_index >= _text.Length)
            {
                throw Error(opened, "unclosed action");
            }

            var trims = IsSpace(_text[_index]) && StartsWithAt(_index + 1, "-" + Right);
            if (trims || StartsWith(Right))
            {
                if (_parentheses > 0)
                {
                    throw Error(Here, "unclosed left parenthesis");
                }

                _tokens.Add(new Token(TokenKind.RightDelimiter, Right, Here));
                Advance(trims ? Right.Length + 2 : Right.Length);
                return trims;
            }

            LexToken();
        }
    }

    private bool SkipComment(TemplatePosition opened)
    {
        var end = _text.IndexOf(CommentEnd, _index + CommentStart.Length, StringComparison.Ordinal);
        if (end < 0)
        {
            throw Error(opened, "unclosed comment");
        }

        Advance(end + CommentEnd.Length - _index);
        if (StartsWith(Right))
        {
            Advance(Right.Length);
            return false;
        }

        if (_index < _text.Length && IsSpace(_text[_index]) && StartsWithAt(_index + 1, "-" + Right))
        {
            Advance(Right.Length + 2);
            return true;
        }

        throw Error(Here, "comment ends before closing delimiter");
    }

    private void LexToken()
    {
        var at = Here;
        var c = _text[_index];
        if (IsSpace(c))
        {
            var length = 0;
            while (_index + length < _text.Length && IsSpace(_text[_index + length])
                && !StartsWithAt(_index + length + 1, "-" + Right))
            {
                length++;
            }

            Take(TokenKind.Space, Math.Max(length, 1), at);
            return;
        }

        switch (c)
        {
            case '|':
                Take(TokenKind.Pipe, 1, at);
                break;
            case ',':
                Take(TokenKind.Comma, 1, at);
                break;
            case '=':
                Take(TokenKind.Assign, 1, at);
                break;
            case ':' when StartsWith(":="):
                Take(TokenKind.Declare, 2, at);
                break;
            case '(':
                _parentheses++;
                Take(TokenKind.LeftParenthesis, 1, at);
                break;
            case ')':
                if (--_parentheses < 0)
                {
                    throw Error(at, "unexpected right parenthesis");
                }

                Take(TokenKind.RightParenthesis, 1, at);
                break;
            case '"':
                LexQuoted(TokenKind.String, '"', at);
                break;
            case '\'':
                LexQuoted(TokenKind.Character, '\'', at);
                break;
            case '`':
                LexRawString(at);
                break;
            case '$':
                Take(TokenKind.Variable, 1 + WordLength(_index + 1), at);
                break;
            case '.' when _index + 1 >= _text.Length || !char.IsAsciiDigit(_text[_index + 1]):
                var word = WordLength(_index + 1);
                Take(word == 0 ? TokenKind.Dot : TokenKind.Field, 1 + word, at);
                break;
            default:
                LexWordOrNumber(c, at);
                break;
        }
    }

    private void LexWordOrNumber(char c, TemplatePosition at)
    {
        if (char.IsLetter(c) || c == '_')
        {
            Take(TokenKind.Identifier, WordLength(_index), at);
            return;
        }

        if (char.IsAsciiDigit(c) || c is '.' or '+' or '-')
        {
            var length = 1;
            while (_index + length < _text.Length && IsNumberPart(_text[_index + length], _text[_index + length - 1]))
            {
                length++;
            }

            Take(TokenKind.Number, length, at);
            return;
        }

        throw Error(at, $"unrecognized character in action: '{c}'");
    }

    private static bool IsNumberPart(char c, char before) =>
        char.IsAsciiLetterOrDigit(c) || c is '.' or '_' || (c is '+' or '-' && before is 'e' or 'E' or 'p' or 'P');

    private void LexRawString(TemplatePosition at)
    {
        var end = _text.IndexOf('`', _index + 1);
        if (end < 0)
        {
            throw Error(at, "unterminated raw quoted string");
        }

        // Go removes carriage returns from raw strings.
        var value = _text[(_index + 1)..end].Replace("\r", "", StringComparison.Ordinal);
        _tokens.Add(new Token(TokenKind.String, value, at));
        Advance(end + 1 - _index);
    }

    private void LexQuoted(TokenKind kind, char quote, TemplatePosition at)
    {
        var value = new StringBuilder();
        var index = _index + 1;
        while (true)
        {
            if (index >= _text.Length || _text[index] == '\n')
            {
                throw Error(at, kind == TokenKind.String ? "unterminated quoted string" : "unterminated character constant");
            }

            var c = _text[index++];
            if (c == quote)
            {
                break;
            }

            if (c == '\\')
            {
                index = Unescape(index, quote, value, at);
            }
            else
            {
                value.Append(c);
            }
        }

        _tokens.Add(new Token(kind, value.ToString(), at));
        Advance(index - _index);
    }

    private int Unescape(int index, char quote, StringBuilder value, TemplatePosition at)
    {
        var c = index < _text.Length ? _text[index] : '\0';
        var simple = "abfnrtv\\\"'".IndexOf(c, StringComparison.Ordinal);
        if (simple >= 0 && (c is not ('"' or '\'') || c == quote))
        {
            value.Append("\a\b\f\n\r\t\v\\\"'"[simple]);
            return index + 1;
        }

        var (digits, start, style) = c switch
        {
            'x' => (2, index + 1, NumberStyles.AllowHexSpecifier),
            'u' => (4, index + 1, NumberStyles.AllowHexSpecifier),
            'U' => (8, index + 1, NumberStyles.AllowHexSpecifier),
            _ => (0, index, NumberStyles.None),
        };
        if (digits == 0 || start + digits > _text.Length
            || !int.TryParse(_text.AsSpan(start, digits), style, CultureInfo.InvariantCulture, out var rune)
            || !Rune.IsValid(rune))
        {
            throw Error(at, $"invalid escape '\\{c}' in quoted string");
        }

        value.Append(new Rune(rune).ToString());
        return start + digits;
    }

    private int WordLength(int start)
    {
        var end = start;
        while (end < _text.Length && (char.IsLetterOrDigit(_text[end]) || _text[end] == '_'))
        {
            end++;
        }

        return end - start;
    }

    private void Take(TokenKind kind, int length, TemplatePosition at)
    {
        _tokens.Add(new Token(kind, _text.Substring(_index, length), at));
        Advance(length);
    }

    private void Advance(int length)
    {
        for (var end = _index + length; _index < end; _index++)
        {
            if (_text[_index] == '\n')
            {
                _line++;
                _lineStart = _index + 1;
            }
        }
    }

    private bool StartsWith(string value) => StartsWithAt(_index, value);

    private bool StartsWithAt(int index, string value) =>
        index <= _text.Length && _text.AsSpan(index).StartsWith(value, StringComparison.Ordinal);

    private static bool IsSpace(char c) => c is ' ' or '\t' or '\r' or '\n';

    private TemplateException Error(TemplatePosition at, string reason) => new(_name, at, reason);
}
