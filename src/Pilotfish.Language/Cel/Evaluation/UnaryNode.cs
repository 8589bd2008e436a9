namespace Pilotfish.Language.Cel.Evaluation;

/// <summary>A function of one value.</summary>
internal sealed class UnaryNode(CelNode operand, UnaryNode.Function function) : CelNode
{
    public delegate CelValue Function(scoped in CelValue value, CelActivation activation);

    public override CelValue Evaluate(CelActivation activation)
    {
        if (!activation.Step())
        {
            return TooCostly;
        }

        CelValue value = operand.Evaluate(activation);
        return value.IsError ? value : function(in value, activation);
    }
}
