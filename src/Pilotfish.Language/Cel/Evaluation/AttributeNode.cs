namespace Pilotfish.Language.Cel.Evaluation;

internal sealed class AttributeNode(CelAttributeReader reader) : CelNode
{
    public override CelValue Evaluate(CelActivation activation) =>
        activation.Step() ? reader(activation) : TooCostly;
}
