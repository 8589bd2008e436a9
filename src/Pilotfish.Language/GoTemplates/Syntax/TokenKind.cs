namespace Pilotfish.Language.GoTemplates.Syntax;

internal enum TokenKind
{
    Text,
    LeftDelimiter,
    RightDelimiter,
    Space,
    Identifier,
    Field,
    Dot,
    Variable,
    Number,
    String,
    Character,
    Pipe,
    Declare,
    Assign,
    Comma,
    LeftParenthesis,
    RightParenthesis,
    End,
}
