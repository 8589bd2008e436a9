namespace Pilotfish.Language.GoTemplates.Syntax;

/// <summary>What stands between texts of a template: the closed set of statements.</summary>
internal abstract record Statement(TemplatePosition Position)
{
    internal sealed record Text(TemplatePosition Position, string Value) : Statement(Position);

    /// <summary>A pipeline whose value is printed, unless it declares or assigns a variable.</summary>
    internal sealed record Action(TemplatePosition Position, Pipeline Pipeline) : Statement(Position);

    internal sealed record If(TemplatePosition Position, Pipeline Condition, Block Then, Block? Else) : Statement(Position);

    internal sealed record With(TemplatePosition Position, Pipeline Subject, Block Then, Block? Else) : Statement(Position);

    internal sealed record Range(TemplatePosition Position, Pipeline Subject, Block Each, Block? Else) : Statement(Position);

    internal sealed record Call(TemplatePosition Position, string Name, Pipeline? Argument) : Statement(Position);

    internal sealed record Break(TemplatePosition Position) : Statement(Position);

    internal sealed record Continue(TemplatePosition Position) : Statement(Position);

    internal sealed record Block(TemplatePosition Position, IReadOnlyList<Statement> Statements) : Statement(Position);
}
