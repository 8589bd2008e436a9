namespace Pilotfish.Language.Cel.Syntax;

/// <summary>Symbols are told apart by their text.</summary>
internal enum CelTokenKind : byte
{
    End,
    Identifier,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Symbol,
}
