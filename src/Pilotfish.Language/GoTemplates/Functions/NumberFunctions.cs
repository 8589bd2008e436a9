using System.Globalization;

namespace Pilotfish.Language.GoTemplates.Functions;

/// <summary>Sprig's arithmetic and conversions to numbers.</summary>
internal static class NumberFunctions
{
    /// <summary>Elements that until, untilStep and seq may produce.</summary>
    private const int SequenceMax = 100_000;

    public static void AddTo(GoFunctionSet set)
    {
        set.Add("int", 1, a => GoValue.From((long)(int)Arguments.AnyInt(a[0])));
        set.Add("int64", 1, a => GoValue.From(Arguments.AnyInt(a[0])));
        set.AddAlias("atoi", "int");
        set.Add("float64", 1, a => GoValue.From(Arguments.AnyFloat(a[0])));
        set.Add("toDecimal", 1, a => GoValue.From(Octal(a.AnyText(0))));
        set.AddVariadic("add", 0, a => Fold(a, 0, (x, y) => unchecked(x + y)));
        set.AddVariadic("mul", 1, a => Fold(a, 1, (x, y) => unchecked(x * y)));
        set.Add("add1", 1, a => GoValue.From(Arguments.AnyInt(a[0]) + 1));
        set.Add("sub", 2, a => GoValue.From(Arguments.AnyInt(a[0]) - Arguments.AnyInt(a[1])));
        set.Add("div", 2, a => GoValue.From(Divide(Arguments.AnyInt(a[0]), Divisor(a[1]))));
        set.Add("mod", 2, a => GoValue.From(Remainder(Arguments.AnyInt(a[0]), Divisor(a[1]))));
        set.AddVariadic("addf", 0, a => GoValue.From(a.Sum(Arguments.AnyFloat)));
        set.Add("add1f", 1, a => GoValue.From(Arguments.AnyFloat(a[0]) + 1));
        set.AddVariadic("subf", 1, a => GoValue.From(a.Skip(1).Aggregate(Arguments.AnyFloat(a[0]), (x, y) => x - Arguments.AnyFloat(y))));
        set.AddVariadic("mulf", 1, a => GoValue.From(a.Aggregate(1.0, (x, y) => x * Arguments.AnyFloat(y))));
        set.AddVariadic("divf", 1, a => GoValue.From(a.Skip(1).Aggregate(Arguments.AnyFloat(a[0]), (x, y) => x / Arguments.AnyFloat(y))));
        set.AddVariadic("max", 1, a => GoValue.From(a.Max(Arguments.AnyInt)));
        set.AddAlias("biggest", "max");
        set.AddVariadic("min", 1, a => GoValue.From(a.Min(Arguments.AnyInt)));
        set.AddVariadic("maxf", 1, a => GoValue.From(a.Max(Arguments.AnyFloat)));
        set.AddVariadic("minf", 1, a => GoValue.From(a.Min(Arguments.AnyFloat)));
        set.Add("ceil", 1, a => GoValue.From(Math.Ceiling(Arguments.AnyFloat(a[0]))));
        set.Add("floor", 1, a => GoValue.From(Math.Floor(Arguments.AnyFloat(a[0]))));
        set.Add("round", 2, 3, a => GoValue.From(Round(Arguments.AnyFloat(a[0]), a.Count(1))));
        set.Add("until", 1, a => Sequence(0, a.Count(0), a.Count(0) < 0 ? -1 : 1));
        set.Add("untilStep", 3, a => Sequence(a.Count(0), a.Count(1), a.Count(2)));
        set.AddVariadic("seq", 0, Seq);
    }

    private static GoValue Fold(IReadOnlyList<GoValue> arguments, long seed, Func<long, long, long> combine) =>
        GoValue.From(arguments.Select(Arguments.AnyInt).Aggregate(seed, combine));

    // The lowest number divided by -1 wraps in Go and would fault here.
    private static long Divide(long value, long divisor) => divisor == -1 ? unchecked(-value) : value / divisor;

    private static long Remainder(long value, long divisor) => divisor == -1 ? 0 : value % divisor;

    private static long Divisor(GoValue value)
    {
        var divisor = Arguments.AnyInt(value);
        return divisor == 0 ? throw new GoFunctionException("integer divide by zero") : divisor;
    }

    private static double Round(double value, int places)
    {
        var scale = Math.Pow(10, places);
        return Math.Round(value * scale, MidpointRounding.AwayFromZero) / scale;
    }

    private static long Octal(string text)
    {
        var value = 0L;
        foreach (var c in text)
        {
            if (c is < '0' or > '7')
            {
                return 0;
            }

            value = (value * 8) + c - '0';
        }

        return value;
    }

    private static GoValue Sequence(long start, long stop, long step)
    {
        var items = new List<GoValue>();
        if (step != 0)
        {
            for (var i = start; step > 0 ? i < stop : i > stop; i += step)
            {
                items.Add(items.Count < SequenceMax
                    ? GoValue.From(i)
                    : throw new GoFunctionException($"the sequence is longer than {SequenceMax}"));
            }
        }

        return GoValue.From(items);
    }

    private static GoValue Seq(IReadOnlyList<GoValue> arguments)
    {
        var (start, step, end) = arguments.Count switch
        {
            1 => (1, arguments.Count(0) < 1 ? -1 : 1, arguments.Count(0)),
            2 => (arguments.Count(0), arguments.Count(1) < arguments.Count(0) ? -1 : 1, arguments.Count(1)),
            3 => (arguments.Count(0), arguments.Count(1), arguments.Count(2)),
            _ => (0, 0, 0),
        };
        var numbers = Sequence(start, end + Math.Sign(step), step).AsList;
        return GoValue.From(string.Join(' ', numbers.Select(n => n.AsInt.ToString(CultureInfo.InvariantCulture))));
    }
}
