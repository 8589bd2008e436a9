namespace Pilotfish.Language.GoTemplates.Functions;

/// <summary>eq, ne, lt, le, gt and ge of text/template: only values of one basic kind compare.</summary>
internal static class ComparisonFunctions
{
    public static void AddTo(GoFunctionSet set)
    {
        set.AddVariadic("eq", 2, EqualAny);
        set.Add("ne", 2, arguments => GoValue.From(!AreEqual(arguments[0], arguments[1])));
        set.Add("lt", 2, arguments => GoValue.From(Compare(arguments) < 0));
        set.Add("le", 2, arguments => GoValue.From(Compare(arguments) <= 0));
        set.Add("gt", 2, arguments => GoValue.From(Compare(arguments) > 0));
        set.Add("ge", 2, arguments => GoValue.From(Compare(arguments) >= 0));
    }

    private static GoValue EqualAny(IReadOnlyList<GoValue> arguments)
    {
        for (var i = 1; i < arguments.Count; i++)
        {
            if (AreEqual(arguments[0], arguments[i]))
            {
                return GoValue.From(true);
            }
        }

        return GoValue.From(false);
    }

    private static bool AreEqual(GoValue left, GoValue right)
    {
        var (a, b) = (Basic(left), Basic(right));
        if (a.IsNil || b.IsNil)
        {
            return a.IsNil && b.IsNil;
        }

        if (a.Kind is GoKind.List or GoKind.Map || b.Kind is GoKind.List or GoKind.Map)
        {
            throw new GoFunctionException($"non-comparable type {(a.Kind is GoKind.List or GoKind.Map ? a : b).TypeName}");
        }

        return a.Kind == b.Kind
            ? a.Equals(b)
            : throw new GoFunctionException("incompatible types for comparison");
    }

    private static int Compare(IReadOnlyList<GoValue> arguments)
    {
        var (a, b) = (Basic(arguments[0]), Basic(arguments[1]));
        if (a.Kind != b.Kind)
        {
            throw new GoFunctionException("incompatible types for comparison");
        }

        return a.Kind switch
        {
            GoKind.Int => a.AsInt.CompareTo(b.AsInt),
            GoKind.Float => a.AsFloat.CompareTo(b.AsFloat),
            GoKind.String => string.CompareOrdinal(a.AsString, b.AsString),
            _ => throw new GoFunctionException("invalid type for comparison"),
        };
    }

    /// <summary>Named string types of a program compare as their text.</summary>
    private static GoValue Basic(GoValue value) => value.Kind == GoKind.Object && value.AsObject.ToPlain() is var plain
        && plain.Kind == GoKind.String ? plain : value;
}
