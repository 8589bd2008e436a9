namespace Pilotfish.Language.GoTemplates;

/// <summary>A place in a template's text; line and column count from 1.</summary>
public readonly record struct TemplatePosition(int Line, int Column);
