namespace Pilotfish.Language.GoTemplates;

/// <summary>A function refused its arguments; the evaluator adds the place of the call.</summary>
public sealed class GoFunctionException(string message) : Exception(message);
