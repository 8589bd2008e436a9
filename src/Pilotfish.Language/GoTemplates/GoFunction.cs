namespace Pilotfish.Language.GoTemplates;

/// <summary>A function that templates call. It reports bad arguments by throwing <see cref="GoFunctionException"/>.</summary>
public delegate GoValue GoFunction(IReadOnlyList<GoValue> arguments);
