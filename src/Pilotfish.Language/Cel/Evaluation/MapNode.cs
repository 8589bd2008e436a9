namespace Pilotfish.Language.Cel.Evaluation;

/// <summary>A map as a value, read like <see cref="ListNode"/> without being made.</summary>
internal sealed class MapNode : CelNode
{
    private readonly CelNode[] _keys;
    private readonly CelNode[] _values;
    private readonly Reader _reader;

    public MapNode(CelNode[] keys, CelNode[] values)
    {
        _keys = keys;
        _values = values;
        _reader = new Reader(keys, values);
    }

    public override CelValue Evaluate(CelActivation activation)
    {
        for (int i = 0; i < _keys.Length; i++)
        {
            if (!activation.Step())
            {
                return TooCostly;
            }

            CelValue key = _keys[i].Evaluate(activation);
            if (key.IsError)
            {
                return key;
            }

            if (key.Kind is not (CelKind.Bool or CelKind.Int or CelKind.Uint or CelKind.String))
            {
                return CelValue.Error("a map's keys are booleans, integers or strings");
            }

            CelValue value = _values[i].Evaluate(activation);
            if (value.IsError)
            {
                return value;
            }

            for (int other = 0; other < i; other++)
            {
                CelValue before = _keys[other].Evaluate(activation);
                if (!activation.Step())
                {
                    return TooCostly;
                }

                if (CelEquality.AreEqual(in before, in key, activation))
                {
                    return CelValue.Error("a map holds a key twice");
                }
            }
        }

        return CelValue.OfMap(_reader);
    }

    private sealed class Reader(CelNode[] keys, CelNode[] values) : CelContainer
    {
        public override int Count(scoped in CelValue self, CelActivation activation) => keys.Length;

        public override CelValue KeyAt(scoped in CelValue self, int index, CelActivation activation) =>
            keys[index].Evaluate(activation);

        public override bool TryGet(scoped in CelValue self, scoped in CelValue key, CelActivation activation, out CelValue value)
        {
            for (int i = 0; i < keys.Length; i++)
            {
                if (!activation.Step())
                {
                    value = TooCostly;
                    return true;
                }

                CelValue candidate = keys[i].Evaluate(activation);
                if (CelEquality.AreEqual(in candidate, in key, activation))
                {
                    value = values[i].Evaluate(activation);
                    return true;
                }
            }

            value = default;
            return false;
        }
    }
}
