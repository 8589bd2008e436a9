using System.Runtime.InteropServices;

namespace Pilotfish.Language.Cel;

/// <summary>
/// One value. Text is UTF-8 where it lies (a header, a constant, the scratch of the activation), so a value lives only as long
/// as the evaluation that made it: hence a ref struct, which nobody can keep.
/// </summary>
[StructLayout(LayoutKind.Auto)]
public readonly ref struct CelValue
{
    private CelValue(CelKind kind, long bits, int nanos = 0)
    {
        Kind = kind;
        Bits = bits;
        Nanos = nanos;
    }

    private CelValue(CelKind kind, ReadOnlySpan<byte> text)
    {
        Kind = kind;
        Text = text;
    }

    private CelValue(CelKind kind, CelContainer? container, object? reference)
    {
        Kind = kind;
        Container = container;
        Reference = reference;
    }

    public CelKind Kind { get; }

    /// <summary>The number, the boolean, seconds of a timestamp since 1970, nanoseconds of a duration.</summary>
    public long Bits { get; }

    /// <summary>Of timestamps: nanoseconds after the second, 0 to 999,999,999.</summary>
    public int Nanos { get; }

    /// <summary>Of strings and bytes.</summary>
    public ReadOnlySpan<byte> Text { get; }

    /// <summary>What <see cref="Container"/> reads; the sentence of an error.</summary>
    public object? Reference { get; }

    /// <summary>Of lists and maps.</summary>
    public CelContainer? Container { get; }

    public static CelValue Null => default;

    public bool IsError => Kind == CelKind.Error;

    public bool IsTrue => Kind == CelKind.Bool && Bits != 0;

    public bool Boolean => Bits != 0;

    public ulong Unsigned => (ulong)Bits;

    public double Number => BitConverter.Int64BitsToDouble(Bits);

    public static CelValue Of(bool value) => new(CelKind.Bool, value ? 1 : 0);

    public static CelValue Of(long value) => new(CelKind.Int, value);

    public static CelValue OfUnsigned(ulong value) => new(CelKind.Uint, (long)value);

    public static CelValue Of(double value) => new(CelKind.Double, BitConverter.DoubleToInt64Bits(value));

    public static CelValue OfString(ReadOnlySpan<byte> utf8) => new(CelKind.String, utf8);

    public static CelValue OfBytes(ReadOnlySpan<byte> bytes) => new(CelKind.Bytes, bytes);

    public static CelValue OfDuration(long nanoseconds) => new(CelKind.Duration, nanoseconds);

    public static CelValue OfTimestamp(long seconds, int nanos) => new(CelKind.Timestamp, seconds, nanos);

    public static CelValue OfTimestamp(DateTimeOffset time)
    {
        long ticks = time.UtcTicks - DateTime.UnixEpoch.Ticks;
        long seconds = Math.DivRem(ticks, TimeSpan.TicksPerSecond, out long rest);
        return rest < 0
            ? OfTimestamp(seconds - 1, (int)((rest + TimeSpan.TicksPerSecond) * TimeSpan.NanosecondsPerTick))
            : OfTimestamp(seconds, (int)(rest * TimeSpan.NanosecondsPerTick));
    }

    public static CelValue OfList(CelContainer list, object? reference = null) => new(CelKind.List, list, reference);

    public static CelValue OfMap(CelContainer map, object? reference = null) => new(CelKind.Map, map, reference);

    /// <summary>Errors are constant sentences: evaluation allocates nothing for them.</summary>
    public static CelValue Error(string sentence) => new(CelKind.Error, null, sentence);

    /// <summary>A fact that does not exist for this stream.</summary>
    public static CelValue Absent => Error("no such attribute");
}
