namespace Pilotfish.Language.Cel.Syntax;

/// <summary>The closed set of expressions as parsed. Operators are calls with the names that CEL's specification gives them.</summary>
/// <param name="Position">Index of the operator, name or literal in the text.</param>
internal abstract record CelSyntax(int Position)
{
    /// <summary>1 for a leaf.</summary>
    public int Depth { get; internal set; } = 1;

    /// <summary>A literal: null, bool, long, ulong, double, or UTF-8 in a byte array for String and Bytes.</summary>
    internal sealed record Literal(int Position, CelKind Kind, object? Value) : CelSyntax(Position);

    internal sealed record Name(int Position, string Text) : CelSyntax(Position);

    /// <summary><c>operand.field</c>, or <c>has(operand.field)</c>.</summary>
    internal sealed record Select(int Position, CelSyntax Operand, string Field, bool TestOnly) : CelSyntax(Position);

    /// <summary>A function or an operator; Target is what stands before the dot.</summary>
    internal sealed record Call(int Position, string Function, CelSyntax? Target, IReadOnlyList<CelSyntax> Arguments)
        : CelSyntax(Position);

    internal sealed record List(int Position, IReadOnlyList<CelSyntax> Items) : CelSyntax(Position);

    internal sealed record Map(int Position, IReadOnlyList<(CelSyntax Key, CelSyntax Value)> Entries) : CelSyntax(Position);
}
