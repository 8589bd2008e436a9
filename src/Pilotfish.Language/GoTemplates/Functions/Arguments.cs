using System.Globalization;

namespace Pilotfish.Language.GoTemplates.Functions;

/// <summary>Conversions that functions apply to their arguments, strict where Go's types are and lenient where Sprig's are.</summary>
internal static class Arguments
{
    /// <summary>A parameter of Go type string. A lacking map key stands for "", which is what templates rely on.</summary>
    public static string Text(this IReadOnlyList<GoValue> arguments, int index)
    {
        var value = arguments[index];
        return value.Kind switch
        {
            GoKind.String => value.AsString,
            GoKind.Nil => "",
            GoKind.Object => value.AsObject.ToText(),
            _ => throw new GoFunctionException($"wrong type for value; expected string; got {value.TypeName}"),
        };
    }

    /// <summary>Any value as text, as Sprig's strval does.</summary>
    public static string AnyText(this IReadOnlyList<GoValue> arguments, int index) => AnyText(arguments[index]);

    public static string AnyText(GoValue value) => value.IsNil ? "" : GoFormat.Print(value);

    /// <summary>A parameter of Go type int.</summary>
    public static int Count(this IReadOnlyList<GoValue> arguments, int index)
    {
        var value = arguments[index];
        if (value.Kind == GoKind.Int && value.AsInt is >= int.MinValue and <= int.MaxValue)
        {
            return (int)value.AsInt;
        }

        if (value.Kind == GoKind.Float && value.AsFloat == Math.Floor(value.AsFloat) && Math.Abs(value.AsFloat) <= int.MaxValue)
        {
            return (int)value.AsFloat;
        }

        throw new GoFunctionException($"wrong type for value; expected int; got {value.TypeName}");
    }

    public static bool Flag(this IReadOnlyList<GoValue> arguments, int index) =>
        arguments[index].Kind == GoKind.Bool
            ? arguments[index].AsBool
            : throw new GoFunctionException($"wrong type for value; expected bool; got {arguments[index].TypeName}");

    public static IReadOnlyList<GoValue> List(this IReadOnlyList<GoValue> arguments, int index)
    {
        var value = arguments[index];
        return value.Kind switch
        {
            GoKind.List => value.AsList,
            GoKind.Nil => [],
            _ => throw new GoFunctionException($"wrong type for value; expected a list; got {value.TypeName}"),
        };
    }

    public static GoMap Map(this IReadOnlyList<GoValue> arguments, int index)
    {
        var value = arguments[index];
        return value.Kind switch
        {
            GoKind.Map => value.AsMap,
            GoKind.Nil => new GoMap(),
            GoKind.Object when value.AsObject.ToPlain() is { Kind: GoKind.Map } plain => plain.AsMap,
            _ => throw new GoFunctionException($"wrong type for value; expected a map; got {value.TypeName}"),
        };
    }

    /// <summary>Any value as a whole number, as cast.ToInt64 does: what cannot be read is 0.</summary>
    public static long AnyInt(GoValue value) => value.Kind switch
    {
        GoKind.Int => value.AsInt,
        GoKind.Float => AnyIntOf(value.AsFloat),
        GoKind.Bool => value.AsBool ? 1 : 0,
        GoKind.String when GoNumber.TryParseInt(value.AsString, out var number) => number,
        _ => 0,
    };

    public static double AnyFloat(GoValue value) => value.Kind switch
    {
        GoKind.Int => value.AsInt,
        GoKind.Float => value.AsFloat,
        GoKind.Bool => value.AsBool ? 1 : 0,
        GoKind.String when double.TryParse(
            value.AsString, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
        _ => 0,
    };

    /// <summary>A list of texts from a list, nil or a single value, as Sprig's strslice.</summary>
    public static IReadOnlyList<string> Texts(GoValue value) => value.Kind switch
    {
        GoKind.List => value.AsList.Where(item => !item.IsNil).Select(AnyText).ToList(),
        GoKind.Nil => [],
        _ => [AnyText(value)],
    };

    public static GoValue FromTexts(IEnumerable<string> texts) =>
        GoValue.From(texts.Select(text => GoValue.From(text)).ToArray());

    /// <summary>Sprig's notion of empty, which `default`, `empty`, `coalesce` and `ternary` share.</summary>
    public static bool IsEmpty(GoValue value) => !value.IsTrue;

    private static long AnyIntOf(double value) =>
        value is >= long.MinValue and < long.MaxValue ? (long)value : 0;
}
