namespace Pilotfish.Language.Cel.Evaluation;

/// <summary>&amp;&amp; and ||: an operand that decides wins over another's error, in either order.</summary>
internal sealed class LogicNode(CelNode[] operands, bool decisive) : CelNode
{
    public override CelValue Evaluate(CelActivation activation)
    {
        string? error = null;
        foreach (CelNode operand in operands)
        {
            if (!activation.Step())
            {
                return TooCostly;
            }

            CelValue value = operand.Evaluate(activation);
            if (value.Kind == CelKind.Bool)
            {
                if (value.Boolean == decisive)
                {
                    return value;
                }
            }
            else
            {
                error ??= value.IsError ? (string)value.Reference! : "no matching overload";
            }
        }

        return error is null ? CelValue.Of(!decisive) : CelValue.Error(error);
    }
}
