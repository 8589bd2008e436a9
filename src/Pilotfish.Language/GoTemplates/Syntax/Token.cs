namespace Pilotfish.Language.GoTemplates.Syntax;

/// <summary>A token; strings and characters already hold their unquoted value.</summary>
internal readonly record struct Token(TokenKind Kind, string Text, TemplatePosition Position);
