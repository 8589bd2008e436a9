using Pilotfish.Language.Re2;

namespace Pilotfish.Language.Cel.Evaluation;

/// <summary><c>text.matches(pattern)</c>: the pattern is compiled with the expression and found anywhere in the text, in linear time.</summary>
internal sealed class MatchesNode(CelNode text, Re2Regex pattern) : CelNode
{
    // An automaton step costs more than comparing a byte.
    private const int CostFactor = 4;

    public override CelValue Evaluate(CelActivation activation)
    {
        CelValue value = text.Evaluate(activation);
        if (value.Kind != CelKind.String)
        {
            return value.IsError ? value : NoOverload;
        }

        return activation.Step() && activation.PayBytes(value.Text.Length * CostFactor)
            ? CelValue.Of(pattern.IsPartialMatch(value.Text))
            : TooCostly;
    }
}
