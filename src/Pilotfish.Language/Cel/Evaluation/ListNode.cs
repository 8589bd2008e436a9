namespace Pilotfish.Language.Cel.Evaluation;

/// <summary>
/// A list as a value. Elements are evaluated once to find errors and again when they are read, so that no list is allocated;
/// the cost bound limits what nesting makes of that.
/// </summary>
internal sealed class ListNode : CelNode
{
    private readonly CelNode[] _items;
    private readonly Reader _reader;

    public ListNode(CelNode[] items)
    {
        _items = items;
        _reader = new Reader(items);
    }

    public override CelValue Evaluate(CelActivation activation)
    {
        foreach (CelNode item in _items)
        {
            if (!activation.Step())
            {
                return TooCostly;
            }

            CelValue value = item.Evaluate(activation);
            if (value.IsError)
            {
                return value;
            }
        }

        return CelValue.OfList(_reader);
    }

    private sealed class Reader(CelNode[] items) : CelContainer
    {
        public override int Count(scoped in CelValue self, CelActivation activation) => items.Length;

        public override CelValue At(scoped in CelValue self, int index, CelActivation activation) =>
            activation.Step() ? items[index].Evaluate(activation) : TooCostly;
    }
}
