namespace Pilotfish.Language.Cel.Evaluation;

/// <summary><c>operand[index]</c>, and <c>operand.field</c> of a map.</summary>
internal sealed class IndexNode(CelNode operand, CelNode index) : CelNode
{
    public override CelValue Evaluate(CelActivation activation)
    {
        if (!activation.Step())
        {
            return TooCostly;
        }

        CelValue container = operand.Evaluate(activation);
        if (container.IsError)
        {
            return container;
        }

        CelValue key = index.Evaluate(activation);
        if (key.IsError)
        {
            return key;
        }

        return container.Kind switch
        {
            CelKind.Map => container.Container!.TryGet(in container, in key, activation, out CelValue value)
                ? value : CelValue.Error("no such key"),
            CelKind.List => At(in container, in key, activation),
            _ => NoOverload,
        };
    }

    public override bool? Exists(CelActivation activation)
    {
        CelValue container = operand.Evaluate(activation);
        if (container.Kind != CelKind.Map)
        {
            return null;
        }

        CelValue key = index.Evaluate(activation);
        return container.Container!.TryGet(in container, in key, activation, out _);
    }

    private static CelValue At(scoped in CelValue list, scoped in CelValue key, CelActivation activation)
    {
        long position = key.Kind switch
        {
            CelKind.Int => key.Bits,
            CelKind.Uint => key.Unsigned > int.MaxValue ? int.MaxValue : key.Bits,
            CelKind.Double when key.Number == Math.Floor(key.Number) && Math.Abs(key.Number) < int.MaxValue => (long)key.Number,
            _ => -2,
        };
        if (position == -2)
        {
            return NoOverload;
        }

        return position < 0 || position >= list.Container!.Count(in list, activation)
            ? CelValue.Error("index out of bounds")
            : list.Container.At(in list, (int)position, activation);
    }
}
