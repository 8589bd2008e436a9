using System.Buffers.Text;
using System.Text.Unicode;
using Pilotfish.Language.Formats;

namespace Pilotfish.Language.Cel.Evaluation;

/// <summary>The conversions int(), uint(), double(), string(), bytes(), bool(), timestamp(), duration().</summary>
internal static class CelConversions
{
    private static CelValue NoOverload => CelValue.Error("no matching overload");

    private static CelValue OutOfRange => CelValue.Error("the number is out of range");

    public static CelValue ToInt(scoped in CelValue value, CelActivation activation) => value.Kind switch
    {
        CelKind.Int => CelValue.Of(value.Bits),
        CelKind.Uint => value.Bits < 0 ? OutOfRange : CelValue.Of(value.Bits),
        CelKind.Double => value.Number is > -9223372036854775808.0 and < 9223372036854775808.0
            ? CelValue.Of((long)value.Number) : OutOfRange,
        CelKind.String => CelNumberText.TryInt(value.Text, out long number) ? CelValue.Of(number) : CelValue.Error("the text is no integer"),
        CelKind.Timestamp => CelValue.Of(value.Bits),
        _ => NoOverload,
    };

    public static CelValue ToUint(scoped in CelValue value, CelActivation activation) => value.Kind switch
    {
        CelKind.Int => value.Bits < 0 ? OutOfRange : CelValue.OfUnsigned((ulong)value.Bits),
        CelKind.Uint => CelValue.OfUnsigned(value.Unsigned),
        CelKind.Double => value.Number is > -1 and < 18446744073709551616.0
            ? CelValue.OfUnsigned((ulong)value.Number) : OutOfRange,
        CelKind.String => CelNumberText.TryUint(value.Text, out ulong number) ? CelValue.OfUnsigned(number) : CelValue.Error("the text is no unsigned integer"),
        _ => NoOverload,
    };

    public static CelValue ToDouble(scoped in CelValue value, CelActivation activation) => value.Kind switch
    {
        CelKind.Int => CelValue.Of((double)value.Bits),
        CelKind.Uint => CelValue.Of((double)value.Unsigned),
        CelKind.Double => CelValue.Of(value.Number),
        CelKind.String => CelNumberText.TryDouble(value.Text, out double number) ? CelValue.Of(number) : CelValue.Error("the text is no number"),
        _ => NoOverload,
    };

    public static CelValue ToBool(scoped in CelValue value, CelActivation activation)
    {
        if (value.Kind == CelKind.Bool)
        {
            return CelValue.Of(value.Boolean);
        }

        if (value.Kind != CelKind.String)
        {
            return NoOverload;
        }

        bool isTrue = Is(value.Text, "true"u8, "True"u8, "TRUE"u8) || Is(value.Text, "t"u8, "T"u8, "1"u8);
        bool isFalse = Is(value.Text, "false"u8, "False"u8, "FALSE"u8) || Is(value.Text, "f"u8, "F"u8, "0"u8);
        return isTrue || isFalse ? CelValue.Of(isTrue) : CelValue.Error("the text is no boolean");
    }

    public static CelValue ToText(scoped in CelValue value, CelActivation activation)
    {
        if (value.Kind is CelKind.String or CelKind.Bytes)
        {
            // Text that is already there is copied: a value may not carry on another's span.
            if (value.Kind == CelKind.Bytes && !Utf8.IsValid(value.Text))
            {
                return CelValue.Error("the bytes are no UTF-8");
            }

            return CopyText(value.Text, activation, CelKind.String);
        }

        if (!activation.HasRoom(64))
        {
            return CelValue.Error("the evaluation makes too much text");
        }

        FormatOutput output = activation.Scratch;
        int start = output.Length;
        switch (value.Kind)
        {
            case CelKind.Bool:
                output.Append(value.Boolean ? "true"u8 : "false"u8);
                break;
            case CelKind.Int:
                output.Append(value.Bits);
                break;
            case CelKind.Uint:
                Utf8Formatter.TryFormat(value.Unsigned, output.Reserve(20), out int written);
                output.Advance(written);
                break;
            case CelKind.Double:
                output.Append(value.Number);
                break;
            case CelKind.Timestamp or CelKind.Duration:
                CelTimes.Append(output, in value);
                break;
            default:
                return NoOverload;
        }

        return CelValue.OfString(activation.TextSince(start));
    }

    public static CelValue ToBytes(scoped in CelValue value, CelActivation activation) =>
        value.Kind is CelKind.String or CelKind.Bytes ? CopyText(value.Text, activation, CelKind.Bytes) : NoOverload;

    public static CelValue ToTimestamp(scoped in CelValue value, CelActivation activation) => value.Kind switch
    {
        CelKind.Timestamp => CelValue.OfTimestamp(value.Bits, value.Nanos),
        CelKind.String => CelTimes.ParseTimestamp(value.Text),
        CelKind.Int => CelTimes.IsInRange(value.Bits)
            ? CelValue.OfTimestamp(value.Bits, 0) : CelValue.Error("timestamp out of range"),
        _ => NoOverload,
    };

    public static CelValue ToDuration(scoped in CelValue value, CelActivation activation) => value.Kind switch
    {
        CelKind.Duration => CelValue.OfDuration(value.Bits),
        CelKind.String => CelTimes.ParseDuration(value.Text),
        _ => NoOverload,
    };

    /// <summary>Code points of a string, bytes of bytes, entries of lists and maps.</summary>
    public static CelValue Size(scoped in CelValue value, CelActivation activation)
    {
        switch (value.Kind)
        {
            case CelKind.String:
                if (!activation.PayBytes(value.Text.Length))
                {
                    return CelValue.Error("the evaluation costs too much");
                }

                long points = 0;
                foreach (byte b in value.Text)
                {
                    points += (b & 0xC0) == 0x80 ? 0 : 1;
                }

                return CelValue.Of(points);
            case CelKind.Bytes:
                return CelValue.Of((long)value.Text.Length);
            case CelKind.List or CelKind.Map:
                return CelValue.Of((long)value.Container!.Count(in value, activation));
            default:
                return NoOverload;
        }
    }

    private static bool Is(ReadOnlySpan<byte> text, ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, ReadOnlySpan<byte> c) =>
        text.SequenceEqual(a) || text.SequenceEqual(b) || text.SequenceEqual(c);

    private static CelValue CopyText(scoped ReadOnlySpan<byte> text, CelActivation activation, CelKind kind)
    {
        if (!activation.PayBytes(text.Length) || !activation.HasRoom(text.Length))
        {
            return CelValue.Error("the evaluation makes too much text");
        }

        int start = activation.Scratch.Length;
        activation.Scratch.Append(text);
        ReadOnlySpan<byte> copy = activation.TextSince(start);
        return kind == CelKind.String ? CelValue.OfString(copy) : CelValue.OfBytes(copy);
    }
}
