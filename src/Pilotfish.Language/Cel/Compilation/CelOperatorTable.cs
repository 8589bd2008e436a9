using Pilotfish.Language.Cel.Evaluation;
using Pilotfish.Language.Cel.Syntax;

namespace Pilotfish.Language.Cel.Compilation;

/// <summary>Types and nodes of operators.</summary>
internal static class CelOperatorTable
{
    /// <summary>Null when the call is a function.</summary>
    public static CelTyped? TryCompile(CelCompiler compiler, CelSyntax.Call call, List<CelTyped> operands) => call.Function switch
    {
        CelOperators.Or => Logic(compiler, call, operands, decisive: true),
        CelOperators.And => Logic(compiler, call, operands, decisive: false),
        CelOperators.Conditional => Conditional(compiler, call, operands),
        CelOperators.Not => operands[0].Type.MayBe(CelKind.Bool)
            ? new CelTyped(new UnaryNode(operands[0].Node, CelFunctions.Not), CelType.Bool)
            : throw compiler.Refuse(call.Position, $"'!' needs bool, not {operands[0].Type}"),
        CelOperators.Negate => operands[0].Type.Kind is CelKind.Int or CelKind.Double or CelKind.Duration or CelKind.Dyn
            ? new CelTyped(new UnaryNode(operands[0].Node, CelArithmetic.Negate), operands[0].Type)
            : throw compiler.Refuse(call.Position, $"'-' needs int, double or duration, not {operands[0].Type}"),
        CelOperators.Equal => Equality(compiler, call, operands, CelFunctions.Equal, "=="),
        CelOperators.NotEqual => Equality(compiler, call, operands, CelFunctions.NotEqual, "!="),
        CelOperators.Less => Order(compiler, call, operands, CelFunctions.Less, "<"),
        CelOperators.LessOrEqual => Order(compiler, call, operands, CelFunctions.LessOrEqual, "<="),
        CelOperators.Greater => Order(compiler, call, operands, CelFunctions.Greater, ">"),
        CelOperators.GreaterOrEqual => Order(compiler, call, operands, CelFunctions.GreaterOrEqual, ">="),
        CelOperators.Add => Arithmetic(compiler, call, operands, CelArithmetic.Add, "+"),
        CelOperators.Subtract => Arithmetic(compiler, call, operands, CelArithmetic.Subtract, "-"),
        CelOperators.Multiply => Arithmetic(compiler, call, operands, CelArithmetic.Multiply, "*"),
        CelOperators.Divide => Arithmetic(compiler, call, operands, CelArithmetic.Divide, "/"),
        CelOperators.Modulo => Arithmetic(compiler, call, operands, CelArithmetic.Modulo, "%"),
        _ => null,
    };

    private static CelTyped Logic(CelCompiler compiler, CelSyntax.Call call, List<CelTyped> operands, bool decisive)
    {
        CelNode[] nodes = new CelNode[operands.Count];
        for (int i = 0; i < nodes.Length; i++)
        {
            if (!operands[i].Type.MayBe(CelKind.Bool))
            {
                throw compiler.Refuse(
                    call.Arguments[i].Position, $"'{(decisive ? "||" : "&&")}' needs bool, not {operands[i].Type}");
            }

            nodes[i] = operands[i].Node;
        }

        return new CelTyped(new LogicNode(nodes, decisive), CelType.Bool);
    }

    private static CelTyped Conditional(CelCompiler compiler, CelSyntax.Call call, List<CelTyped> operands) =>
        operands[0].Type.MayBe(CelKind.Bool)
            ? new CelTyped(
                new ConditionalNode(operands[0].Node, operands[1].Node, operands[2].Node),
                CelType.Join(operands[1].Type, operands[2].Type))
            : throw compiler.Refuse(call.Position, $"'?' needs bool before it, not {operands[0].Type}");

    private static CelTyped Equality(
        CelCompiler compiler, CelSyntax.Call call, List<CelTyped> operands, BinaryNode.Function function, string symbol)
    {
        compiler.RequireComparable(operands[0].Type, operands[1].Type, call.Position, symbol);
        return new CelTyped(new BinaryNode(operands[0].Node, operands[1].Node, function), CelType.Bool);
    }

    private static CelTyped Order(
        CelCompiler compiler, CelSyntax.Call call, List<CelTyped> operands, BinaryNode.Function function, string symbol)
    {
        (CelType left, CelType right) = (operands[0].Type, operands[1].Type);
        bool ordered = CelEquality.HasOrder(left.Kind, right.Kind)
            || (left.IsDyn && (right.IsDyn || CelEquality.HasOrder(right.Kind, right.Kind)))
            || (right.IsDyn && CelEquality.HasOrder(left.Kind, left.Kind));
        return ordered
            ? new CelTyped(new BinaryNode(operands[0].Node, operands[1].Node, function), CelType.Bool)
            : throw compiler.Refuse(call.Position, $"'{symbol}' cannot compare {left} with {right}");
    }

    private static CelTyped Arithmetic(
        CelCompiler compiler, CelSyntax.Call call, List<CelTyped> operands, BinaryNode.Function function, string symbol)
    {
        (CelType left, CelType right) = (operands[0].Type, operands[1].Type);
        CelType? result = left.IsDyn || right.IsDyn ? CelType.Dyn : ResultOf(symbol, left, right);
        return result is not null
            ? new CelTyped(new BinaryNode(operands[0].Node, operands[1].Node, function), result)
            : throw compiler.Refuse(call.Position, $"'{symbol}' is not defined for {left} and {right}");
    }

    private static CelType? ResultOf(string symbol, CelType left, CelType right) => (symbol, left.Kind, right.Kind) switch
    {
        ("%", CelKind.Double, CelKind.Double) => null,
        (_, CelKind.Int, CelKind.Int) or (_, CelKind.Uint, CelKind.Uint) or (_, CelKind.Double, CelKind.Double) => left,
        ("+", CelKind.String, CelKind.String) or ("+", CelKind.Bytes, CelKind.Bytes) => left,
        ("+" or "-", CelKind.Duration, CelKind.Duration) => CelType.Duration,
        ("+" or "-", CelKind.Timestamp, CelKind.Duration) => CelType.Timestamp,
        ("+", CelKind.Duration, CelKind.Timestamp) => CelType.Timestamp,
        ("-", CelKind.Timestamp, CelKind.Timestamp) => CelType.Duration,
        _ => null,
    };
}
