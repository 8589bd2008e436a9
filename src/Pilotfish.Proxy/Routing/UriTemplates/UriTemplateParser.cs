using System.Text;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Routing.UriTemplates;

/// <summary>Reads a path template and writes the regular expression that matches it; a group for each variable. Used once, on the main loop.</summary>
internal sealed class UriTemplateParser(string template, string field)
{
    private const int VariablesMax = 5;
    private const int VariableCharsMax = 16;

    // pchar of RFC 3986 without '*' and '=', which mean something here.
    private const string LiteralMarks = "-._~%!$&'()+,;:@";
    private const string LiteralClass = @"a-zA-Z0-9._~%!$&'()+,;:@\-";
    private const string OneSegment = $"[{LiteralClass}]+";
    private const string AnySegments = $"[{LiteralClass}/]*";

    private readonly StringBuilder _pattern = new();
    private int _at;
    private bool _sawAnySegments;

    public List<string> Variables { get; } = [];

    public static bool IsLiteral(char c) => char.IsAsciiLetterOrDigit(c) || LiteralMarks.Contains(c);

    public static bool IsVariableName(ReadOnlySpan<char> name)
    {
        foreach (char c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '_')
            {
                return false;
            }
        }

        return !name.IsEmpty && char.IsAsciiLetter(name[0]);
    }

    public string Parse()
    {
        if (template[0] != '/' || template.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            throw Rejected("it must begin with '/' and consist of visible ASCII characters");
        }

        while (_at < template.Length && template[_at] == '/')
        {
            _at++;
            _pattern.Append('/');
            if (_at < template.Length)
            {
                Segment();
            }
        }

        if (_at < template.Length)
        {
            // What follows an operator or a variable without a '/' ends the template.
            Literal(template.Length);
            if (_at < template.Length)
            {
                throw Rejected("what follows an operator or a variable directly must be the end of the template");
            }
        }

        return _pattern.ToString();
    }

    private void Segment()
    {
        switch (template[_at])
        {
            case '*':
                Operator(template.Length);
                break;
            case '{':
                Variable();
                break;
            default:
                Literal(template.Length);
                break;
        }
    }

    private void Variable()
    {
        int end = template.IndexOf('}', _at);
        if (end < 0)
        {
            throw Rejected("a '{' has no '}'");
        }

        int equals = template.IndexOf('=', _at, end - _at);
        string name = template[(_at + 1)..(equals < 0 ? end : equals)];
        if (!IsVariableName(name) || name.Length > VariableCharsMax)
        {
            throw Rejected($"'{name}' is no name of a variable: a letter, then letters, digits and '_', {VariableCharsMax} characters at most");
        }

        if (Variables.Contains(name) || Variables.Count == VariablesMax)
        {
            throw Rejected($"variable '{name}' stands there twice, or is one of more than {VariablesMax}");
        }

        Variables.Add(name);
        _pattern.Append('(');
        if (equals < 0)
        {
            Glob(isAny: false);
        }
        else
        {
            _at = equals + 1;
            Parts(end);
        }

        _pattern.Append(')');
        _at = end + 1;
    }

    // Within a variable: literals and operators with single slashes between them.
    private void Parts(int end)
    {
        while (true)
        {
            if (_at < end && template[_at] == '*')
            {
                Operator(end);
            }
            else
            {
                Literal(end);
            }

            if (_at == end)
            {
                return;
            }

            if (template[_at] != '/')
            {
                throw Rejected("only a '/' may follow an operator within a variable");
            }

            _pattern.Append('/');
            _at++;
        }
    }

    private void Operator(int end)
    {
        bool isAny = _at + 1 < end && template[_at + 1] == '*';
        _at += isAny ? 2 : 1;
        Glob(isAny);
    }

    private void Glob(bool isAny)
    {
        if (_sawAnySegments)
        {
            throw Rejected("no operator or variable may follow '**'");
        }

        _sawAnySegments = isAny;
        _pattern.Append(isAny ? AnySegments : OneSegment);
    }

    private void Literal(int end)
    {
        int start = _at;
        for (; _at < end && template[_at] != '/'; _at++)
        {
            char c = template[_at];
            if (!IsLiteral(c))
            {
                throw Rejected($"'{c}' at character {_at + 1} is not allowed in a literal");
            }

            if (c is '$' or '(' or ')' or '+' or '.')
            {
                _pattern.Append('\\');
            }

            _pattern.Append(c);
        }

        if (_at == start)
        {
            throw Rejected($"a segment is empty at character {start + 1}");
        }
    }

    private ConfigRejectedException Rejected(string why) => new(field, $"'{template}' is no path template: {why}");
}
