using System.Numerics;
using System.Text;

namespace Pilotfish.Proxy.Reasons;

/// <summary>A set of <see cref="ResponseFlag"/>.</summary>
public readonly record struct ResponseFlags(uint Bits)
{
    public static ResponseFlags None => default;

    public bool IsEmpty => Bits == 0;

    public static ResponseFlags Of(ResponseFlag flag) => new(1u << (int)flag);

    public bool Has(ResponseFlag flag) => (Bits & (1u << (int)flag)) != 0;

    public ResponseFlags With(ResponseFlag flag) => new(Bits | (1u << (int)flag));

    public static ResponseFlags operator |(ResponseFlags left, ResponseFlags right) => new(left.Bits | right.Bits);

    public static ResponseFlags BitwiseOr(ResponseFlags left, ResponseFlags right) => left | right;

    /// <summary>Writes the names comma separated in bit order, or <c>-</c> for the empty set; false when they do not fit.</summary>
    public bool TryFormat(Span<byte> destination, out int written, bool longNames = false)
    {
        written = 0;
        if (Bits == 0)
        {
            return Append(destination, "-", ref written);
        }

        for (uint rest = Bits; rest != 0; rest &= rest - 1)
        {
            var flag = (ResponseFlag)BitOperations.TrailingZeroCount(rest);
            string name = longNames ? ResponseFlagNames.Long(flag) : ResponseFlagNames.Short(flag);
            if ((written > 0 && !Append(destination, ",", ref written)) || !Append(destination, name, ref written))
            {
                return false;
            }
        }

        return true;
    }

    public override string ToString()
    {
        // Thirty long names of at most 40 characters and their commas.
        Span<byte> buffer = stackalloc byte[ResponseFlagNames.Count * 41];
        return TryFormat(buffer, out int written) ? Encoding.ASCII.GetString(buffer[..written]) : "-";
    }

    private static bool Append(Span<byte> destination, string text, ref int written)
    {
        if (!Encoding.ASCII.TryGetBytes(text, destination[written..], out int count))
        {
            return false;
        }

        written += count;
        return true;
    }
}
