using Pilotfish.Language.Cel.Compilation;
using Pilotfish.Language.Cel.Evaluation;
using Pilotfish.Language.Cel.Syntax;

namespace Pilotfish.Language.Cel;

/// <summary>
/// An expression of the Common Expression Language, parsed, type-checked and compiled once. Without comprehensions, string
/// building and regular expressions cost what their bytes weigh, so one evaluation's cost is bounded (<see cref="CelLimits"/>).
/// Immutable; any thread may evaluate with an activation of its own.
/// </summary>
public sealed class CelExpression
{
    private readonly CelNode _root;

    private CelExpression(string text, CelNode root, CelType type)
    {
        Text = text;
        _root = root;
        Type = type;
    }

    public string Text { get; }

    /// <summary>Dyn when only evaluation tells.</summary>
    public CelType Type { get; }

    /// <summary>Throws <see cref="CelSyntaxException"/> with line and column.</summary>
    public static CelExpression Compile(string text, ICelBinding binding)
    {
        CelSyntax syntax = CelParser.Parse(text);
        CelTyped compiled = new CelCompiler(text, binding).Compile(syntax);
        return new CelExpression(text, compiled.Node, compiled.Type);
    }

    /// <summary>Compiles a condition: refuses an expression that can never be a boolean.</summary>
    public static CelExpression CompileCondition(string text, ICelBinding binding)
    {
        CelExpression expression = Compile(text, binding);
        return expression.Type.MayBe(CelKind.Bool)
            ? expression
            : throw new CelSyntaxException(text, 0, $"the condition gives {expression.Type}; it must give bool");
    }

    /// <summary>Checks an expression for somebody who never evaluates it.</summary>
    public static void Check(string text) => Compile(text, CheckOnlyBinding.Instance);

    /// <summary>Likewise a condition.</summary>
    public static void CheckCondition(string text) => CompileCondition(text, CheckOnlyBinding.Instance);

    public CelValue Evaluate(CelActivation activation) => _root.Evaluate(activation);

    /// <summary>True only for true: an error or another value does not match.</summary>
    public bool Matches(CelActivation activation, object source)
    {
        activation.Begin(source);
        return _root.Evaluate(activation).IsTrue;
    }

    /// <summary>A value as string() gives it.</summary>
    public static CelValue TextOf(scoped in CelValue value, CelActivation activation) => CelConversions.ToText(in value, activation);

    private sealed class CheckOnlyBinding : ICelBinding
    {
        public static readonly CheckOnlyBinding Instance = new();

        public CelAttributeReader Bind(string path) => static _ => CelValue.Absent;
    }
}
