namespace Pilotfish.Language.Cel.Evaluation;

/// <summary><c>value in [a, b, c]</c> with the list written out: no list is made.</summary>
internal sealed class InListNode(CelNode value, CelNode[] items) : CelNode
{
    public override CelValue Evaluate(CelActivation activation)
    {
        CelValue wanted = value.Evaluate(activation);
        if (wanted.IsError)
        {
            return wanted;
        }

        // Every item is evaluated: an error in a list is an error of the list.
        bool found = false;
        foreach (CelNode node in items)
        {
            if (!activation.Step())
            {
                return TooCostly;
            }

            CelValue item = node.Evaluate(activation);
            if (item.IsError)
            {
                return item;
            }

            found = found || CelEquality.AreEqual(in wanted, in item, activation);
        }

        return CelValue.Of(found);
    }
}
