namespace Pilotfish.Language.Cel.Evaluation;

/// <summary>The operators + - * / %, with overflow as an error.</summary>
internal static class CelArithmetic
{
    private const long NanosPerSecond = 1_000_000_000;

    private static CelValue Overflow => CelValue.Error("integer overflow");

    private static CelValue DivisionByZero => CelValue.Error("division by zero");

    private static CelValue NoOverload => CelValue.Error("no matching overload");

    public static CelValue Add(scoped in CelValue left, scoped in CelValue right, CelActivation activation) =>
        (left.Kind, right.Kind) switch
        {
            (CelKind.Int, CelKind.Int) => Checked(left.Bits, right.Bits, left.Bits + right.Bits),
            (CelKind.Uint, CelKind.Uint) => left.Unsigned + right.Unsigned is var sum && sum < left.Unsigned
                ? Overflow : CelValue.OfUnsigned(sum),
            (CelKind.Double, CelKind.Double) => CelValue.Of(left.Number + right.Number),
            (CelKind.String, CelKind.String) or (CelKind.Bytes, CelKind.Bytes) => Join(in left, in right, activation),
            (CelKind.Duration, CelKind.Duration) => AsDuration(Checked(left.Bits, right.Bits, left.Bits + right.Bits)),
            (CelKind.Timestamp, CelKind.Duration) => Move(in left, right.Bits),
            (CelKind.Duration, CelKind.Timestamp) => Move(in right, left.Bits),
            _ => NoOverload,
        };

    public static CelValue Subtract(scoped in CelValue left, scoped in CelValue right, CelActivation activation) =>
        (left.Kind, right.Kind) switch
        {
            (CelKind.Int, CelKind.Int) => Difference(left.Bits, right.Bits),
            (CelKind.Uint, CelKind.Uint) => right.Unsigned > left.Unsigned
                ? Overflow : CelValue.OfUnsigned(left.Unsigned - right.Unsigned),
            (CelKind.Double, CelKind.Double) => CelValue.Of(left.Number - right.Number),
            (CelKind.Duration, CelKind.Duration) => AsDuration(Difference(left.Bits, right.Bits)),
            (CelKind.Timestamp, CelKind.Duration) => right.Bits == long.MinValue ? Overflow : Move(in left, -right.Bits),
            (CelKind.Timestamp, CelKind.Timestamp) => Between(in left, in right),
            _ => NoOverload,
        };

    public static CelValue Multiply(scoped in CelValue left, scoped in CelValue right, CelActivation activation)
    {
        switch (left.Kind, right.Kind)
        {
            case (CelKind.Int, CelKind.Int):
                long high = Math.BigMul(left.Bits, right.Bits, out long low);
                return high == low >> 63 ? CelValue.Of(low) : Overflow;
            case (CelKind.Uint, CelKind.Uint):
                ulong upper = Math.BigMul(left.Unsigned, right.Unsigned, out ulong lower);
                return upper == 0 ? CelValue.OfUnsigned(lower) : Overflow;
            case (CelKind.Double, CelKind.Double):
                return CelValue.Of(left.Number * right.Number);
            default:
                return NoOverload;
        }
    }

    public static CelValue Divide(scoped in CelValue left, scoped in CelValue right, CelActivation activation) =>
        (left.Kind, right.Kind) switch
        {
            (CelKind.Int, CelKind.Int) when right.Bits == 0 => DivisionByZero,
            (CelKind.Int, CelKind.Int) when right.Bits == -1 => Negate(in left, activation),
            (CelKind.Int, CelKind.Int) => CelValue.Of(left.Bits / right.Bits),
            (CelKind.Uint, CelKind.Uint) => right.Bits == 0
                ? DivisionByZero : CelValue.OfUnsigned(left.Unsigned / right.Unsigned),
            (CelKind.Double, CelKind.Double) => CelValue.Of(left.Number / right.Number),
            _ => NoOverload,
        };

    public static CelValue Modulo(scoped in CelValue left, scoped in CelValue right, CelActivation activation) =>
        (left.Kind, right.Kind) switch
        {
            (CelKind.Int or CelKind.Uint, CelKind.Int or CelKind.Uint) when left.Kind == right.Kind && right.Bits == 0 =>
                CelValue.Error("modulus by zero"),
            (CelKind.Int, CelKind.Int) => right.Bits == -1
                ? left.Bits == long.MinValue ? Overflow : CelValue.Of(0L) : CelValue.Of(left.Bits % right.Bits),
            (CelKind.Uint, CelKind.Uint) => CelValue.OfUnsigned(left.Unsigned % right.Unsigned),
            _ => NoOverload,
        };

    public static CelValue Negate(scoped in CelValue value, CelActivation activation) => value.Kind switch
    {
        CelKind.Int => value.Bits == long.MinValue ? Overflow : CelValue.Of(-value.Bits),
        CelKind.Double => CelValue.Of(-value.Number),
        CelKind.Duration => value.Bits == long.MinValue ? Overflow : CelValue.OfDuration(-value.Bits),
        _ => NoOverload,
    };

    private static CelValue Checked(long left, long right, long sum) =>
        ((left ^ sum) & (right ^ sum)) < 0 ? Overflow : CelValue.Of(sum);

    private static CelValue Difference(long left, long right)
    {
        long difference = left - right;
        return ((left ^ right) & (left ^ difference)) < 0 ? Overflow : CelValue.Of(difference);
    }

    private static CelValue AsDuration(CelValue sum) => sum.IsError ? sum : CelValue.OfDuration(sum.Bits);

    private static CelValue Move(scoped in CelValue time, long nanoseconds)
    {
        long seconds = time.Bits + (nanoseconds / NanosPerSecond);
        long nanos = time.Nanos + (nanoseconds % NanosPerSecond);
        if (nanos < 0)
        {
            seconds--;
            nanos += NanosPerSecond;
        }
        else if (nanos >= NanosPerSecond)
        {
            seconds++;
            nanos -= NanosPerSecond;
        }

        return CelTimes.IsInRange(seconds) ? CelValue.OfTimestamp(seconds, (int)nanos) : CelValue.Error("timestamp out of range");
    }

    private static CelValue Between(scoped in CelValue left, scoped in CelValue right)
    {
        Int128 nanoseconds = (((Int128)left.Bits - right.Bits) * NanosPerSecond) + left.Nanos - right.Nanos;
        return nanoseconds > long.MaxValue || nanoseconds < long.MinValue
            ? CelValue.Error("duration out of range") : CelValue.OfDuration((long)nanoseconds);
    }

    private static CelValue Join(scoped in CelValue left, scoped in CelValue right, CelActivation activation)
    {
        int length = left.Text.Length + right.Text.Length;
        if (!activation.PayBytes(length) || !activation.HasRoom(length))
        {
            return CelValue.Error("the evaluation makes too much text");
        }

        int start = activation.Scratch.Length;
        activation.Scratch.Append(left.Text);
        activation.Scratch.Append(right.Text);
        ReadOnlySpan<byte> text = activation.TextSince(start);
        return left.Kind == CelKind.String ? CelValue.OfString(text) : CelValue.OfBytes(text);
    }
}
