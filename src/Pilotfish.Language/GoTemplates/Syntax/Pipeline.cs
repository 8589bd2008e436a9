namespace Pilotfish.Language.GoTemplates.Syntax;

/// <summary>Commands whose values flow from left to right, and the variables that take the last value.</summary>
internal sealed record Pipeline(
    TemplatePosition Position,
    IReadOnlyList<string> Variables,
    bool IsAssignment,
    IReadOnlyList<Expression.Command> Commands);
