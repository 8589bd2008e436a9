namespace Pilotfish.Language.Cel.Evaluation;

/// <summary>Equality and order. Numbers of different kinds compare by value; values of unlike kinds are unequal and have no order.</summary>
internal static class CelEquality
{
    // Doubles at and beyond this have no counterpart among 64-bit integers.
    private const double TwoTo63 = 9223372036854775808.0;
    private const double TwoTo64 = 18446744073709551616.0;

    public static bool AreEqual(scoped in CelValue left, scoped in CelValue right, CelActivation activation)
    {
        if (left.Kind != right.Kind)
        {
            return IsNumber(left.Kind) && IsNumber(right.Kind) && Compare(in left, in right) == 0;
        }

        return left.Kind switch
        {
            CelKind.Null => true,
            CelKind.Double => left.Number == right.Number,
            CelKind.String or CelKind.Bytes => activation.PayBytes(left.Text.Length) && left.Text.SequenceEqual(right.Text),
            CelKind.Timestamp => left.Bits == right.Bits && left.Nanos == right.Nanos,
            CelKind.List => ListsEqual(in left, in right, activation),
            CelKind.Map => MapsEqual(in left, in right, activation),
            CelKind.Error => false,
            _ => left.Bits == right.Bits,
        };
    }

    /// <summary>Null when the two have no order (unlike kinds, NaN).</summary>
    public static int? Compare(scoped in CelValue left, scoped in CelValue right)
    {
        if (left.Kind != right.Kind)
        {
            return IsNumber(left.Kind) && IsNumber(right.Kind) ? CompareNumbers(in left, in right) : null;
        }

        return left.Kind switch
        {
            CelKind.Bool or CelKind.Int or CelKind.Duration => left.Bits.CompareTo(right.Bits),
            CelKind.Uint => left.Unsigned.CompareTo(right.Unsigned),
            CelKind.Double => double.IsNaN(left.Number) || double.IsNaN(right.Number) ? null : left.Number.CompareTo(right.Number),
            CelKind.String or CelKind.Bytes => left.Text.SequenceCompareTo(right.Text),
            CelKind.Timestamp => left.Bits != right.Bits ? left.Bits.CompareTo(right.Bits) : left.Nanos.CompareTo(right.Nanos),
            _ => null,
        };
    }

    public static bool HasOrder(CelKind left, CelKind right) =>
        (IsNumber(left) && IsNumber(right))
        || (left == right && left is CelKind.Bool or CelKind.String or CelKind.Bytes or CelKind.Timestamp or CelKind.Duration);

    private static bool IsNumber(CelKind kind) => kind is CelKind.Int or CelKind.Uint or CelKind.Double;

    private static int? CompareNumbers(scoped in CelValue left, scoped in CelValue right)
    {
        if (left.Kind == CelKind.Double)
        {
            return -CompareNumbers(in right, in left);
        }

        if (right.Kind == CelKind.Double)
        {
            return left.Kind == CelKind.Int ? CompareDouble(left.Bits, right.Number) : CompareDouble(left.Unsigned, right.Number);
        }

        // An integer and an unsigned one.
        return left.Kind == CelKind.Int
            ? left.Bits < 0 ? -1 : left.Unsigned.CompareTo(right.Unsigned)
            : right.Bits < 0 ? 1 : left.Unsigned.CompareTo(right.Unsigned);
    }

    private static int? CompareDouble(long whole, double number)
    {
        if (double.IsNaN(number))
        {
            return null;
        }

        if (number >= TwoTo63)
        {
            return -1;
        }

        if (number < -TwoTo63)
        {
            return 1;
        }

        double floor = Math.Floor(number);
        int order = whole.CompareTo((long)floor);
        return order == 0 && number > floor ? -1 : order;
    }

    private static int? CompareDouble(ulong whole, double number)
    {
        if (double.IsNaN(number))
        {
            return null;
        }

        if (number >= TwoTo64)
        {
            return -1;
        }

        if (number < 0)
        {
            return 1;
        }

        double floor = Math.Floor(number);
        int order = whole.CompareTo((ulong)floor);
        return order == 0 && number > floor ? -1 : order;
    }

    private static bool ListsEqual(scoped in CelValue left, scoped in CelValue right, CelActivation activation)
    {
        int count = left.Container!.Count(in left, activation);
        if (count != right.Container!.Count(in right, activation))
        {
            return false;
        }

        for (int i = 0; i < count; i++)
        {
            CelValue first = left.Container.At(in left, i, activation);
            CelValue second = right.Container.At(in right, i, activation);
            if (!activation.Step() || !AreEqual(in first, in second, activation))
            {
                return false;
            }
        }

        return true;
    }

    private static bool MapsEqual(scoped in CelValue left, scoped in CelValue right, CelActivation activation)
    {
        int count = left.Container!.Count(in left, activation);
        if (count != right.Container!.Count(in right, activation))
        {
            return false;
        }

        for (int i = 0; i < count; i++)
        {
            CelValue key = left.Container.KeyAt(in left, i, activation);
            if (!activation.Step()
                || !left.Container.TryGet(in left, in key, activation, out CelValue first)
                || !right.Container.TryGet(in right, in key, activation, out CelValue second)
                || !AreEqual(in first, in second, activation))
            {
                return false;
            }
        }

        return true;
    }
}
