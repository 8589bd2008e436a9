namespace Pilotfish.Language.Cel.Syntax;

/// <summary>A token; Value is the literal's bytes, double or magnitude (ulong).</summary>
internal readonly record struct CelToken(CelTokenKind Kind, int Position, string Text, object? Value = null);
