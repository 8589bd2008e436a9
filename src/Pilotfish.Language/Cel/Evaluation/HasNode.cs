namespace Pilotfish.Language.Cel.Evaluation;

/// <summary><c>has(operand.field)</c>.</summary>
internal sealed class HasNode(CelNode field) : CelNode
{
    public override CelValue Evaluate(CelActivation activation)
    {
        if (!activation.Step())
        {
            return TooCostly;
        }

        return field.Exists(activation) is { } exists ? CelValue.Of(exists) : CelValue.Error("has() looks into what does not exist");
    }
}
