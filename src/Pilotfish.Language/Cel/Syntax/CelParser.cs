namespace Pilotfish.Language.Cel.Syntax;

/// <summary>
/// Recursive descent over the grammar of the CEL language definition (cel-spec, doc/langdef.md, "Syntax"). Chains of &amp;&amp; and ||
/// become one call with many arguments, so that long conditions do not nest.
/// </summary>
internal sealed class CelParser
{
    private static readonly HashSet<string> s_reserved =
    [
        "as", "break", "const", "continue", "else", "for", "function", "if", "import", "in", "let", "loop", "package", "namespace",
        "return", "var", "void", "while",
    ];

    private static readonly HashSet<string> s_comprehensions = ["all", "exists", "exists_one", "map", "filter"];

    private readonly string _source;
    private readonly CelLexer _lexer;
    private CelToken _token;
    private int _nesting;
    private int _nodes;

    private CelParser(string source)
    {
        _source = source;
        _lexer = new CelLexer(source);
        _token = _lexer.Next();
    }

    /// <summary>Throws <see cref="CelSyntaxException"/>.</summary>
    public static CelSyntax Parse(string source)
    {
        if (source.Length > CelLimits.LengthMax)
        {
            throw new CelSyntaxException(
                source, 0, $"the expression has {source.Length} characters; at most {CelLimits.LengthMax} are accepted");
        }

        CelParser parser = new(source);
        CelSyntax expression = parser.ParseExpression();
        return parser._token.Kind == CelTokenKind.End ? expression : throw parser.Unexpected("the end of the expression");
    }

    private CelSyntax ParseExpression()
    {
        Enter();
        CelSyntax condition = ParseChain(CelOperators.Or, "||", () => ParseChain(CelOperators.And, "&&", ParseRelation));
        int position = _token.Position;
        if (TryTake("?"))
        {
            CelSyntax then = ParseChain(CelOperators.Or, "||", () => ParseChain(CelOperators.And, "&&", ParseRelation));
            Require(":");
            condition = Call(position, CelOperators.Conditional, null, condition, then, ParseExpression());
        }

        _nesting--;
        return condition;
    }

    private CelSyntax ParseChain(string function, string symbol, Func<CelSyntax> operand)
    {
        CelSyntax first = operand();
        int position = _token.Position;
        if (!Is(symbol))
        {
            return first;
        }

        List<CelSyntax> operands = [first];
        while (TryTake(symbol))
        {
            operands.Add(operand());
        }

        return Call(position, function, null, [.. operands]);
    }

    private CelSyntax ParseRelation()
    {
        CelSyntax left = ParseAddition();
        while (Relation() is { } function)
        {
            int position = Take().Position;
            left = Call(position, function, null, left, ParseAddition());
        }

        return left;
    }

    private string? Relation() => _token switch
    {
        { Kind: CelTokenKind.Identifier, Text: "in" } => CelOperators.In,
        { Kind: CelTokenKind.Symbol, Text: "==" } => CelOperators.Equal,
        { Kind: CelTokenKind.Symbol, Text: "!=" } => CelOperators.NotEqual,
        { Kind: CelTokenKind.Symbol, Text: "<" } => CelOperators.Less,
        { Kind: CelTokenKind.Symbol, Text: "<=" } => CelOperators.LessOrEqual,
        { Kind: CelTokenKind.Symbol, Text: ">" } => CelOperators.Greater,
        { Kind: CelTokenKind.Symbol, Text: ">=" } => CelOperators.GreaterOrEqual,
        _ => null,
    };

    private CelSyntax ParseAddition()
    {
        CelSyntax left = ParseMultiplication();
        while (Is("+") || Is("-"))
        {
            CelToken symbol = Take();
            string function = symbol.Text == "+" ? CelOperators.Add : CelOperators.Subtract;
            left = Call(symbol.Position, function, null, left, ParseMultiplication());
        }

        return left;
    }

    private CelSyntax ParseMultiplication()
    {
        CelSyntax left = ParseUnary();
        while (Is("*") || Is("/") || Is("%"))
        {
            CelToken symbol = Take();
            string function = symbol.Text switch
            {
                "*" => CelOperators.Multiply,
                "/" => CelOperators.Divide,
                _ => CelOperators.Modulo,
            };
            left = Call(symbol.Position, function, null, left, ParseUnary());
        }

        return left;
    }

    private CelSyntax ParseUnary()
    {
        if (!Is("!") && !Is("-"))
        {
            return ParseMember();
        }

        CelToken symbol = Take();
        if (symbol.Text == "-" && _token.Kind is CelTokenKind.Int or CelTokenKind.Double)
        {
            // The smallest integer has no positive counterpart, so the sign belongs to the literal.
            return ParseMember(ParseNumber(negative: true));
        }

        Enter();
        CelSyntax operand = ParseUnary();
        _nesting--;
        return Call(symbol.Position, symbol.Text == "!" ? CelOperators.Not : CelOperators.Negate, null, operand);
    }

    private CelSyntax ParseMember() => ParseMember(ParsePrimary());

    private CelSyntax ParseMember(CelSyntax operand)
    {
        while (true)
        {
            int position = _token.Position;
            if (TryTake("."))
            {
                CelToken name = RequireIdentifier();
                if (TryTake("("))
                {
                    RefuseComprehension(name);
                    operand = Call(name.Position, name.Text, operand, ParseArguments(")"));
                }
                else
                {
                    operand = Node(new CelSyntax.Select(name.Position, operand, name.Text, TestOnly: false), operand);
                }
            }
            else if (TryTake("["))
            {
                CelSyntax index = ParseExpression();
                Require("]");
                operand = Call(position, CelOperators.Index, null, operand, index);
            }
            else if (Is("{"))
            {
                throw new CelSyntaxException(_source, position, "messages cannot be made in a condition");
            }
            else
            {
                return operand;
            }
        }
    }

    private CelSyntax ParsePrimary()
    {
        switch (_token.Kind)
        {
            case CelTokenKind.Int or CelTokenKind.Uint or CelTokenKind.Double:
                return ParseNumber(negative: false);
            case CelTokenKind.String or CelTokenKind.Bytes:
                CelToken text = Take();
                CelKind kind = text.Kind == CelTokenKind.String ? CelKind.String : CelKind.Bytes;
                return Node(new CelSyntax.Literal(text.Position, kind, text.Value));
            case CelTokenKind.Identifier:
                return ParseName();
        }

        int position = _token.Position;
        if (TryTake("("))
        {
            CelSyntax inner = ParseExpression();
            Require(")");
            return inner;
        }

        if (TryTake("["))
        {
            CelSyntax[] items = ParseArguments("]");
            return Node(new CelSyntax.List(position, items), items);
        }

        if (TryTake("{"))
        {
            return ParseMap(position);
        }

        // A leading dot names the root scope, which is the only one here.
        return TryTake(".") && _token.Kind == CelTokenKind.Identifier ? ParseName() : throw Unexpected("a value");
    }

    private CelSyntax ParseName()
    {
        CelToken name = RequireIdentifier();
        CelSyntax.Literal? literal = name.Text switch
        {
            "true" => new CelSyntax.Literal(name.Position, CelKind.Bool, true),
            "false" => new CelSyntax.Literal(name.Position, CelKind.Bool, false),
            "null" => new CelSyntax.Literal(name.Position, CelKind.Null, null),
            _ => null,
        };
        if (literal is not null)
        {
            return Node(literal);
        }

        if (s_reserved.Contains(name.Text))
        {
            throw new CelSyntaxException(_source, name.Position, $"'{name.Text}' is a reserved word");
        }

        if (!TryTake("("))
        {
            return Node(new CelSyntax.Name(name.Position, name.Text));
        }

        CelSyntax[] arguments = ParseArguments(")");
        if (name.Text != "has")
        {
            return Call(name.Position, name.Text, null, arguments);
        }

        return arguments is [CelSyntax.Select { TestOnly: false } field]
            ? Node(field with { TestOnly = true }, field.Operand)
            : throw new CelSyntaxException(_source, name.Position, "has() takes one field, as in has(request.headers.name)");
    }

    private CelSyntax ParseNumber(bool negative)
    {
        CelToken token = Take();
        if (token.Kind == CelTokenKind.Double)
        {
            double number = (double)token.Value!;
            return Node(new CelSyntax.Literal(token.Position, CelKind.Double, negative ? -number : number));
        }

        ulong magnitude = (ulong)token.Value!;
        if (token.Kind == CelTokenKind.Uint)
        {
            return Node(new CelSyntax.Literal(token.Position, CelKind.Uint, magnitude));
        }

        ulong limit = negative ? 1UL << 63 : long.MaxValue;
        return magnitude > limit
            ? throw new CelSyntaxException(_source, token.Position, $"the number '{token.Text}' does not fit 64 bits")
            : Node(new CelSyntax.Literal(token.Position, CelKind.Int, negative ? unchecked(-(long)magnitude) : (long)magnitude));
    }

    private CelSyntax[] ParseArguments(string end)
    {
        List<CelSyntax> arguments = [];
        while (!TryTake(end))
        {
            arguments.Add(ParseExpression());

            // A list may end with a comma, a call may not.
            if (!TryTake(",") || (end == ")" && Is(end)))
            {
                Require(end);
                break;
            }
        }

        return [.. arguments];
    }

    private CelSyntax ParseMap(int position)
    {
        List<(CelSyntax Key, CelSyntax Value)> entries = [];
        List<CelSyntax> children = [];
        while (!TryTake("}"))
        {
            CelSyntax key = ParseExpression();
            Require(":");
            CelSyntax value = ParseExpression();
            entries.Add((key, value));
            children.Add(key);
            children.Add(value);
            if (!TryTake(","))
            {
                Require("}");
                break;
            }
        }

        return Node(new CelSyntax.Map(position, entries), [.. children]);
    }

    private void RefuseComprehension(CelToken name)
    {
        if (s_comprehensions.Contains(name.Text))
        {
            throw new CelSyntaxException(
                _source, name.Position, $"'{name.Text}' walks over a collection, which conditions may not: their cost would not be bounded");
        }
    }

    private CelSyntax Call(int position, string function, CelSyntax? target, params CelSyntax[] arguments)
    {
        CelSyntax.Call call = new(position, function, target, arguments);
        return target is null ? Node(call, arguments) : Node(call, [target, .. arguments]);
    }

    private T Node<T>(T node, params ReadOnlySpan<CelSyntax> children)
        where T : CelSyntax
    {
        if (++_nodes > CelLimits.NodesMax)
        {
            throw new CelSyntaxException(_source, node.Position, $"the expression has more than {CelLimits.NodesMax} parts");
        }

        foreach (CelSyntax child in children)
        {
            node.Depth = Math.Max(node.Depth, child.Depth + 1);
        }

        return node.Depth <= CelLimits.DepthMax ? node : throw TooDeep(node.Position);
    }

    private void Enter()
    {
        if (++_nesting > CelLimits.DepthMax)
        {
            throw TooDeep(_token.Position);
        }
    }

    private CelSyntaxException TooDeep(int position) =>
        new(_source, position, $"the expression nests deeper than {CelLimits.DepthMax} levels");

    private CelToken RequireIdentifier() => _token.Kind == CelTokenKind.Identifier ? Take() : throw Unexpected("a name");

    private void Require(string symbol)
    {
        if (!TryTake(symbol))
        {
            throw Unexpected($"'{symbol}'");
        }
    }

    private bool TryTake(string symbol)
    {
        bool found = Is(symbol);
        if (found)
        {
            Take();
        }

        return found;
    }

    private bool Is(string symbol) => _token.Kind == CelTokenKind.Symbol && _token.Text == symbol;

    private CelToken Take()
    {
        CelToken taken = _token;
        _token = _lexer.Next();
        return taken;
    }

    private CelSyntaxException Unexpected(string wanted) => new(
        _source,
        _token.Position,
        _token.Kind == CelTokenKind.End ? $"the expression ends where {wanted} must follow" : $"'{_token.Text}' stands where {wanted} must follow");
}
