namespace Pilotfish.Language.GoTemplates.Evaluation;

/// <summary>How a block ended: at its end, or at a `break` or `continue` that the enclosing `range` obeys.</summary>
internal enum LoopJump
{
    None,
    Break,
    Continue,
}
