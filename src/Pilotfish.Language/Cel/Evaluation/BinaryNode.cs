namespace Pilotfish.Language.Cel.Evaluation;

/// <summary>A function of two values, both evaluated first.</summary>
internal sealed class BinaryNode(CelNode left, CelNode right, BinaryNode.Function function) : CelNode
{
    public delegate CelValue Function(scoped in CelValue left, scoped in CelValue right, CelActivation activation);

    public override CelValue Evaluate(CelActivation activation)
    {
        if (!activation.Step())
        {
            return TooCostly;
        }

        CelValue first = left.Evaluate(activation);
        if (first.IsError)
        {
            return first;
        }

        CelValue second = right.Evaluate(activation);
        return second.IsError ? second : function(in first, in second, activation);
    }
}
