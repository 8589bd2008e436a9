namespace Pilotfish.Language.Cel.Evaluation;

/// <summary>One step of a compiled expression. Immutable; evaluation allocates nothing.</summary>
internal abstract class CelNode
{
    /// <summary>An error is a value: whoever cannot use it passes it on.</summary>
    public abstract CelValue Evaluate(CelActivation activation);

    /// <summary>Whether the operand of has() exists; null for an error that is not absence.</summary>
    public virtual bool? Exists(CelActivation activation) => !Evaluate(activation).IsError;

    protected static CelValue TooCostly => CelValue.Error("the evaluation costs too much");

    protected static CelValue NoOverload => CelValue.Error("no matching overload");
}
