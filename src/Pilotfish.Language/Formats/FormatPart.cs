namespace Pilotfish.Language.Formats;

/// <summary>A piece of a format string: either literal text or an operator.</summary>
public readonly record struct FormatPart(string? Literal, FormatOperator? Operator);
