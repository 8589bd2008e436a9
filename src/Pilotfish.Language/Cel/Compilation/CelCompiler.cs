using Pilotfish.Language.Cel.Evaluation;
using Pilotfish.Language.Cel.Syntax;

namespace Pilotfish.Language.Cel.Compilation;

/// <summary>Checks types and turns syntax into nodes, in one walk. What is known to fail is refused here with its column.</summary>
internal sealed class CelCompiler(string source, ICelBinding binding)
{
    public CelTyped Compile(CelSyntax syntax)
    {
        CelTyped compiled = CompilePart(syntax);
        return compiled.Type.Kind != CelKind.Message
            ? compiled
            : throw Refuse(syntax.Position, $"it names a group of attributes, which has no value of its own{FieldsOf(compiled.Type)}");
    }

    public CelSyntaxException Refuse(int position, string problem) => new(source, position, problem);

    // Only this may give a Message: a group of attributes, which must be followed by a field.
    private CelTyped CompilePart(CelSyntax syntax) => syntax switch
    {
        CelSyntax.Literal literal => CompileLiteral(literal),
        CelSyntax.Name name => CompileName(name),
        CelSyntax.Select select => CompileSelect(select),
        CelSyntax.List list => CompileList(list),
        CelSyntax.Map map => CompileMap(map),
        CelSyntax.Call call => CompileCall(call),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static CelTyped CompileLiteral(CelSyntax.Literal literal) => new(
        new ConstantNode(literal.Kind, literal.Value),
        literal.Kind switch
        {
            CelKind.Bool => CelType.Bool,
            CelKind.Int => CelType.Int,
            CelKind.Uint => CelType.Uint,
            CelKind.Double => CelType.Double,
            CelKind.String => CelType.String,
            CelKind.Bytes => CelType.Bytes,
            _ => CelType.Null,
        });

    private CelTyped CompileName(CelSyntax.Name name)
    {
        if (!CelAttributes.Roots.TryGetValue(name.Text, out CelType? type))
        {
            throw Refuse(name.Position, $"'{name.Text}' is not an attribute; there are {string.Join(", ", CelAttributes.Roots.Keys)}");
        }

        return Attribute(name.Text, type);
    }

    private CelTyped Attribute(string path, CelType type) =>
        new(type.Kind == CelKind.Message ? new GroupNode(path) : new AttributeNode(binding.Bind(path)), type);

    private CelTyped CompileSelect(CelSyntax.Select select)
    {
        CelTyped operand = CompilePart(select.Operand);
        CelTyped field = CompileField(operand, select.Field, select.Position);
        if (!select.TestOnly)
        {
            return field;
        }

        // A group is always there; what it holds may be missing.
        CelNode node = field.Type.Kind == CelKind.Message ? new ConstantNode(CelKind.Bool, true) : new HasNode(field.Node);
        return new CelTyped(node, CelType.Bool);
    }

    private CelTyped CompileField(CelTyped operand, string field, int position)
    {
        if (operand.Type.Kind == CelKind.Message)
        {
            string path = $"{((GroupNode)operand.Node).Path}.{field}";
            return operand.Type.Fields!.TryGetValue(field, out CelType? type)
                ? Attribute(path, type)
                : throw Refuse(position, $"'{path}' is not an attribute{FieldsOf(operand.Type)}");
        }

        if (!operand.Type.MayBe(CelKind.Map))
        {
            throw Refuse(position, $"a value of type {operand.Type} has no field '{field}'");
        }

        ConstantNode key = new(CelKind.String, System.Text.Encoding.UTF8.GetBytes(field));
        return new CelTyped(new IndexNode(operand.Node, key), operand.Type.Item ?? CelType.Dyn);
    }

    private CelTyped CompileList(CelSyntax.List list)
    {
        CelNode[] nodes = new CelNode[list.Items.Count];
        CelType? type = null;
        for (int i = 0; i < nodes.Length; i++)
        {
            CelTyped item = Compile(list.Items[i]);
            nodes[i] = item.Node;
            type = type is null ? item.Type : CelType.Join(type, item.Type);
        }

        return new CelTyped(new ListNode(nodes), CelType.ListOf(type ?? CelType.Dyn));
    }

    private CelTyped CompileMap(CelSyntax.Map map)
    {
        CelNode[] keys = new CelNode[map.Entries.Count];
        CelNode[] values = new CelNode[keys.Length];
        CelType? type = null;
        for (int i = 0; i < keys.Length; i++)
        {
            CelTyped key = Compile(map.Entries[i].Key);
            if (key.Type.Kind is not (CelKind.Bool or CelKind.Int or CelKind.Uint or CelKind.String or CelKind.Dyn))
            {
                throw Refuse(map.Entries[i].Key.Position, $"a map's keys are bool, int, uint or string, not {key.Type}");
            }

            CelTyped value = Compile(map.Entries[i].Value);
            keys[i] = key.Node;
            values[i] = value.Node;
            type = type is null ? value.Type : CelType.Join(type, value.Type);
        }

        return new CelTyped(new MapNode(keys, values), CelType.MapOf(type ?? CelType.Dyn));
    }

    private CelTyped CompileCall(CelSyntax.Call call)
    {
        if (call.Function == CelOperators.Index)
        {
            return CompileIndex(call);
        }

        if (call.Function == CelOperators.In)
        {
            return CompileIn(call);
        }

        List<CelTyped> arguments = [];
        if (call.Target is not null)
        {
            arguments.Add(Compile(call.Target));
        }

        foreach (CelSyntax argument in call.Arguments)
        {
            arguments.Add(Compile(argument));
        }

        return CelOperatorTable.TryCompile(this, call, arguments) ?? CelFunctionTable.Compile(this, call, arguments);
    }

    private CelTyped CompileIndex(CelSyntax.Call call)
    {
        CelTyped operand = CompilePart(call.Arguments[0]);
        if (operand.Type.Kind == CelKind.Message)
        {
            // request['path'] is request.path: the name must be written out, for attributes are resolved once.
            return call.Arguments[1] is CelSyntax.Literal { Kind: CelKind.String, Value: byte[] name }
                ? CompileField(operand, System.Text.Encoding.UTF8.GetString(name), call.Arguments[1].Position)
                : throw Refuse(call.Arguments[1].Position, "an attribute's name must be a constant string");
        }

        CelTyped index = Compile(call.Arguments[1]);
        bool fits = operand.Type.Kind switch
        {
            CelKind.List => index.Type.IsNumber || index.Type.IsDyn,
            CelKind.Map => index.Type.Kind is CelKind.String or CelKind.Int or CelKind.Uint or CelKind.Bool or CelKind.Double or CelKind.Dyn,
            CelKind.Dyn => true,
            _ => false,
        };
        return fits
            ? new CelTyped(new IndexNode(operand.Node, index.Node), operand.Type.Item ?? CelType.Dyn)
            : throw Refuse(call.Position, $"a value of type {operand.Type} cannot be indexed with {index.Type}");
    }

    private CelTyped CompileIn(CelSyntax.Call call)
    {
        CelTyped value = Compile(call.Arguments[0]);
        if (call.Arguments[1] is CelSyntax.List list)
        {
            CelNode[] items = new CelNode[list.Items.Count];
            for (int i = 0; i < items.Length; i++)
            {
                CelTyped item = Compile(list.Items[i]);
                RequireComparable(value.Type, item.Type, list.Items[i].Position, "in");
                items[i] = item.Node;
            }

            return new CelTyped(new InListNode(value.Node, items), CelType.Bool);
        }

        CelTyped container = Compile(call.Arguments[1]);
        if (!container.Type.MayBe(CelKind.List) && !container.Type.MayBe(CelKind.Map))
        {
            throw Refuse(call.Position, $"'in' needs a list or a map on its right, not {container.Type}");
        }

        if (container.Type.Kind == CelKind.List)
        {
            RequireComparable(value.Type, container.Type.Item!, call.Position, "in");
        }

        return new CelTyped(new BinaryNode(value.Node, container.Node, CelFunctions.IsIn), CelType.Bool);
    }

    public void RequireComparable(CelType left, CelType right, int position, string symbol)
    {
        bool comparable = left.Kind == right.Kind || left.IsDyn || right.IsDyn || (left.IsNumber && right.IsNumber)
            || left.Kind == CelKind.Null || right.Kind == CelKind.Null;
        if (!comparable)
        {
            throw Refuse(position, $"'{symbol}' compares {left} with {right}, which are never equal");
        }
    }

    private static string FieldsOf(CelType type) => $"; there are {string.Join(", ", type.Fields!.Keys)}";

    /// <summary>Stands for a group of attributes until a field is selected; never evaluated.</summary>
    private sealed class GroupNode(string path) : CelNode
    {
        public string Path { get; } = path;

        public override CelValue Evaluate(CelActivation activation) => throw new System.Diagnostics.UnreachableException();
    }
}
