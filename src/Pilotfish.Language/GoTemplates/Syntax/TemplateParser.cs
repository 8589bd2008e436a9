using System.Diagnostics;

namespace Pilotfish.Language.GoTemplates.Syntax;

/// <summary>Builds the statements of a template and of the templates that it defines.</summary>
internal sealed class TemplateParser
{
    /// <summary>Blocks and parentheses inside one another. The parser and the evaluator recurse once per level, so this
    /// keeps hostile text off the stack's end.</summary>
    private const int NestingMax = 200;

    private readonly string _name;
    private readonly GoFunctionSet _functions;
    private readonly Dictionary<string, Statement.Block> _definitions;
    private readonly List<Token> _tokens;
    private readonly List<string> _variables = ["$"];
    private int _index;
    private int _nesting;
    private int _loops;

    private TemplateParser(
        string name, string text, GoFunctionSet functions, Dictionary<string, Statement.Block> definitions)
    {
        _name = name;
        _functions = functions;
        _definitions = definitions;
        _tokens = new TemplateLexer(name, text).Run();
    }

    private Token Current => _tokens[_index];

    /// <summary>Parses a text; definitions inside it are added to <paramref name="definitions"/>.</summary>
    public static Statement.Block Parse(
        string name, string text, GoFunctionSet functions, Dictionary<string, Statement.Block> definitions)
    {
        var parser = new TemplateParser(name, text, functions, definitions);
        var body = parser.ParseBlock(out var terminator);
        if (terminator is not null)
        {
            throw parser.Error(parser.Current.Position, $"unexpected {{{{{terminator}}}}}");
        }

        return body;
    }

    /// <summary>Statements up to `end` or `else`, whose word is not yet consumed, or up to the end of the text.</summary>
    private Statement.Block ParseBlock(out string? terminator)
    {
        if (++_nesting > NestingMax)
        {
            throw Error(Current.Position, $"blocks are nested more than {NestingMax} deep");
        }

        var position = Current.Position;
        var statements = new List<Statement>();
        terminator = null;
        while (Current.Kind != TokenKind.End && terminator is null)
        {
            if (Current.Kind == TokenKind.Text)
            {
                statements.Add(new Statement.Text(Current.Position, Current.Text));
                _index++;
                continue;
            }

            Expect(TokenKind.LeftDelimiter, "text or action");
            SkipSpace();
            if (Current is { Kind: TokenKind.Identifier, Text: "end" or "else" })
            {
                terminator = Current.Text;
            }
            else if (ParseAction() is { } statement)
            {
                statements.Add(statement);
            }
        }

        _nesting--;
        return new Statement.Block(position, statements);
    }

    private Statement? ParseAction()
    {
        var token = Current;
        if (token.Kind == TokenKind.Identifier)
        {
            switch (token.Text)
            {
                case "if":
                    return ParseBranch(token, "if");
                case "with":
                    return ParseBranch(token, "with");
                case "range":
                    return ParseBranch(token, "range");
                case "template":
                    return ParseCall(token);
                case "block":
                    return ParseInlineBlock(token);
                case "define":
                    ParseDefinition(token);
                    return null;
                case "break" or "continue":
                    return ParseLoopJump(token);
                default:
                    break;
            }
        }

        var pipeline = ParsePipeline("command");
        CloseAction("command");
        return new Statement.Action(token.Position, pipeline);
    }

    private Statement ParseBranch(Token word, string kind)
    {
        _index++;
        var variables = _variables.Count;
        var pipeline = ParsePipeline(kind, allowsTwoVariables: kind == "range");
        CloseAction(kind);
        _loops += kind == "range" ? 1 : 0;
        var then = ParseBlock(out var terminator);
        _loops -= kind == "range" ? 1 : 0;
        Statement.Block? otherwise = null;
        if (terminator == "else")
        {
            otherwise = ParseElse(kind, out terminator);
        }

        if (terminator != "end")
        {
            throw Error(word.Position, $"{{{{{kind}}}}} has no {{{{end}}}}");
        }

        _variables.RemoveRange(variables, _variables.Count - variables);
        return kind switch
        {
            "if" => FinishBranch(new Statement.If(word.Position, pipeline, then, otherwise)),
            "with" => FinishBranch(new Statement.With(word.Position, pipeline, then, otherwise)),
            "range" => FinishBranch(new Statement.Range(word.Position, pipeline, then, otherwise)),
            _ => throw new UnreachableException(),
        };
    }

    /// <summary>Consumes the `end` that closes a branch, unless an `else if` already did.</summary>
    private Statement FinishBranch(Statement branch)
    {
        if (Current is { Kind: TokenKind.Identifier, Text: "end" })
        {
            _index++;
            CloseAction("end");
        }

        return branch;
    }

    private Statement.Block ParseElse(string kind, out string? terminator)
    {
        var word = Current;
        _index++;
        SkipSpace();
        if (Current is { Kind: TokenKind.Identifier, Text: "if" or "with" } chained && chained.Text == kind)
        {
            if (++_nesting > NestingMax)
            {
                throw Error(word.Position, $"blocks are nested more than {NestingMax} deep");
            }

            // The nested branch takes the only `end`; the outer one must not look for another.
            var nested = ParseBranch(chained, kind);
            _nesting--;
            terminator = "end";
            return new Statement.Block(word.Position, [nested]);
        }

        CloseAction("else");
        var block = ParseBlock(out terminator);
        if (terminator == "else")
        {
            throw Error(Current.Position, "expected end; found {{else}}");
        }

        return block;
    }

    private Statement.Call ParseCall(Token word)
    {
        _index++;
        SkipSpace();
        var name = Expect(TokenKind.String, "template name").Text;
        SkipSpace();
        var argument = Current.Kind == TokenKind.RightDelimiter ? null : ParsePipeline("template clause");
        CloseAction("template clause");
        return new Statement.Call(word.Position, name, argument);
    }

    private Statement.Call ParseInlineBlock(Token word)
    {
        _index++;
        SkipSpace();
        var name = Expect(TokenKind.String, "block name").Text;
        var argument = ParsePipeline("block clause");
        CloseAction("block clause");
        // A block is a default: a definition of the same name that stands elsewhere wins.
        var body = ParseDefinitionBody(word, "block");
        _definitions.TryAdd(name, body);
        return new Statement.Call(word.Position, name, argument);
    }

    private void ParseDefinition(Token word)
    {
        _index++;
        SkipSpace();
        var name = Expect(TokenKind.String, "template name").Text;
        CloseAction("define clause");
        _definitions[name] = ParseDefinitionBody(word, "define");
    }

    private Statement.Block ParseDefinitionBody(Token word, string kind)
    {
        // A definition sees only `$`, which is its own argument.
        var outer = _variables.ToList();
        var loops = _loops;
        _variables.Clear();
        _variables.Add("$");
        _loops = 0;
        var body = ParseBlock(out var terminator);
        if (terminator != "end")
        {
            throw Error(word.Position, $"{{{{{kind}}}}} has no {{{{end}}}}");
        }

        _index++;
        CloseAction("end");
        _variables.Clear();
        _variables.AddRange(outer);
        _loops = loops;
        return body;
    }

    private Statement ParseLoopJump(Token word)
    {
        _index++;
        if (_loops == 0)
        {
            throw Error(word.Position, $"{{{{{word.Text}}}}} outside {{{{range}}}}");
        }

        CloseAction(word.Text);
        return word.Text == "break" ? new Statement.Break(word.Position) : new Statement.Continue(word.Position);
    }

    private Pipeline ParsePipeline(string context, bool allowsTwoVariables = false)
    {
        SkipSpace();
        var position = Current.Position;
        var names = ParseVariableTargets(allowsTwoVariables, out var isAssignment);
        var commands = new List<Expression.Command>();
        while (true)
        {
            SkipSpace();
            if (Current.Kind is TokenKind.RightDelimiter or TokenKind.RightParenthesis or TokenKind.Pipe or TokenKind.End)
            {
                throw Error(Current.Position, $"missing value for {context}");
            }

            var command = ParseCommand();
            if (commands.Count > 0 && command.Words[0] is Expression.Literal or Expression.Dot)
            {
                throw Error(command.Position, $"non executable command in pipeline stage {commands.Count + 1}");
            }

            commands.Add(command);
            SkipSpace();
            if (Current.Kind != TokenKind.Pipe)
            {
                break;
            }

            _index++;
        }

        if (!isAssignment)
        {
            _variables.AddRange(names);
        }

        return new Pipeline(position, names, isAssignment, commands);
    }

    /// <summary>`$x :=`, `$x =` or `$i, $x :=` at the head of a pipeline, if it is there.</summary>
    private List<string> ParseVariableTargets(bool allowsTwo, out bool isAssignment)
    {
        isAssignment = false;
        var start = _index;
        var names = new List<string>();
        while (Current.Kind == TokenKind.Variable)
        {
            var variable = Current;
            names.Add(variable.Text);
            _index++;
            SkipSpace();
            if (Current.Kind is TokenKind.Declare or TokenKind.Assign)
            {
                isAssignment = Current.Kind == TokenKind.Assign;
                if (isAssignment && !names.TrueForAll(_variables.Contains))
                {
                    throw Error(variable.Position, $"undefined variable \"{variable.Text}\"");
                }

                _index++;
                return names;
            }

            if (Current.Kind == TokenKind.Comma && allowsTwo && names.Count == 1)
            {
                _index++;
                SkipSpace();
                continue;
            }

            if (Current.Kind == TokenKind.Comma)
            {
                throw Error(variable.Position, "too many declarations");
            }

            break;
        }

        _index = start;
        return [];
    }

    private Expression.Command ParseCommand()
    {
        var position = Current.Position;
        var words = new List<Expression>();
        while (true)
        {
            SkipSpace();
            if (Current.Kind is TokenKind.Pipe or TokenKind.RightDelimiter or TokenKind.RightParenthesis)
            {
                return new Expression.Command(position, words);
            }

            words.Add(ParseOperand());
        }
    }

    private Expression ParseOperand()
    {
        var token = Current;
        _index++;
        Expression operand = token.Kind switch
        {
            TokenKind.Identifier => ParseWord(token),
            TokenKind.Dot => new Expression.Dot(token.Position),
            TokenKind.Field => new Expression.Field(
                token.Position, new Expression.Dot(token.Position), token.Text[1..]),
            TokenKind.Variable when _variables.Contains(token.Text) => new Expression.Variable(token.Position, token.Text),
            TokenKind.Variable => throw Error(token.Position, $"undefined variable \"{token.Text}\""),
            TokenKind.Number or TokenKind.Character => new Expression.Literal(token.Position, ParseNumber(token)),
            TokenKind.String => new Expression.Literal(token.Position, GoValue.From(token.Text)),
            TokenKind.LeftParenthesis => ParseParenthesized(token),
            TokenKind.End => throw Error(token.Position, "unclosed action"),
            _ => throw Error(token.Position, $"unexpected \"{token.Text}\" in operand"),
        };

        while (Current.Kind == TokenKind.Field)
        {
            if (operand is Expression.Literal or Expression.Dot)
            {
                throw Error(Current.Position, $"unexpected {Current.Text} after operand");
            }

            operand = new Expression.Field(Current.Position, operand, Current.Text[1..]);
            _index++;
        }

        if (Current.Kind is not (TokenKind.Space or TokenKind.Pipe or TokenKind.RightDelimiter or TokenKind.RightParenthesis
            or TokenKind.Comma or TokenKind.Declare or TokenKind.Assign or TokenKind.LeftParenthesis or TokenKind.End))
        {
            throw Error(Current.Position, $"unexpected \"{Current.Text}\" after operand");
        }

        return operand;
    }

    private Expression ParseWord(Token token) => token.Text switch
    {
        "true" => new Expression.Literal(token.Position, GoValue.From(true)),
        "false" => new Expression.Literal(token.Position, GoValue.From(false)),
        "nil" => new Expression.Literal(token.Position, GoValue.Nil),
        _ when _functions.Contains(token.Text) => new Expression.Function(token.Position, token.Text),
        _ => throw Error(token.Position, $"function \"{token.Text}\" not defined"),
    };

    private GoValue ParseNumber(Token token)
    {
        if (token.Kind == TokenKind.Character)
        {
            var runes = token.Text.EnumerateRunes().ToList();
            return runes.Count == 1
                ? GoValue.From((long)runes[0].Value)
                : throw Error(token.Position, $"malformed character constant '{token.Text}'");
        }

        return GoNumber.TryParse(token.Text, out var value)
            ? value
            : throw Error(token.Position, $"bad number syntax: \"{token.Text}\"");
    }

    private Expression.Parenthesized ParseParenthesized(Token token)
    {
        if (++_nesting > NestingMax)
        {
            throw Error(token.Position, $"parentheses are nested more than {NestingMax} deep");
        }

        var pipeline = ParsePipeline("parenthesized pipeline");
        SkipSpace();
        Expect(TokenKind.RightParenthesis, "right parenthesis");
        _nesting--;
        return new Expression.Parenthesized(token.Position, pipeline);
    }

    private void CloseAction(string context)
    {
        SkipSpace();
        if (Current.Kind != TokenKind.RightDelimiter)
        {
            throw Error(Current.Position, $"unexpected \"{Current.Text}\" in {context}");
        }

        _index++;
    }

    private Token Expect(TokenKind kind, string what)
    {
        var token = Current;
        if (token.Kind != kind)
        {
            throw Error(token.Position, $"unexpected \"{token.Text}\", expected {what}");
        }

        _index++;
        return token;
    }

    private void SkipSpace()
    {
        while (Current.Kind == TokenKind.Space)
        {
            _index++;
        }
    }

    private TemplateException Error(TemplatePosition at, string reason) => new(_name, at, reason);
}
