using Pilotfish.Language.Cel.Evaluation;

namespace Pilotfish.Language.Cel.Compilation;

/// <summary>A compiled part and the type that the checker found for it.</summary>
internal readonly record struct CelTyped(CelNode Node, CelType Type);
