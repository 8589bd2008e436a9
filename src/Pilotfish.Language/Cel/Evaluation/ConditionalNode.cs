namespace Pilotfish.Language.Cel.Evaluation;

internal sealed class ConditionalNode(CelNode condition, CelNode then, CelNode otherwise) : CelNode
{
    public override CelValue Evaluate(CelActivation activation)
    {
        if (!activation.Step())
        {
            return TooCostly;
        }

        CelValue decision = condition.Evaluate(activation);
        return decision.Kind switch
        {
            CelKind.Bool => (decision.Boolean ? then : otherwise).Evaluate(activation),
            CelKind.Error => decision,
            _ => NoOverload,
        };
    }
}
