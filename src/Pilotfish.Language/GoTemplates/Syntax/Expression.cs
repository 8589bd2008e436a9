namespace Pilotfish.Language.GoTemplates.Syntax;

/// <summary>One operand or call inside a pipeline: the closed set of expressions.</summary>
internal abstract record Expression(TemplatePosition Position)
{
    /// <summary>A literal: string, number, boolean, character or nil.</summary>
    internal sealed record Literal(TemplatePosition Position, GoValue Value) : Expression(Position);

    internal sealed record Dot(TemplatePosition Position) : Expression(Position);

    /// <summary>`$name`; `$` alone is the data of the whole rendering.</summary>
    internal sealed record Variable(TemplatePosition Position, string Name) : Expression(Position);

    /// <summary>`operand.Name`; a leading `.Name` has the dot as operand.</summary>
    internal sealed record Field(TemplatePosition Position, Expression Operand, string Name) : Expression(Position);

    internal sealed record Function(TemplatePosition Position, string Name) : Expression(Position);

    internal sealed record Parenthesized(TemplatePosition Position, Pipeline Pipeline) : Expression(Position);

    /// <summary>A head with arguments; the head alone when there are none.</summary>
    internal sealed record Command(TemplatePosition Position, IReadOnlyList<Expression> Words) : Expression(Position);
}
